"""What a picture that is dropped on the page says of how it was painted, as the values of a form."""

import warnings
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from ..again.others import note_of_parameters
from ..errors import UserError
from ..images import PARAMETERS, note_in, read_parameters, texts_in
from ..runs import file_identity
from .fields import CHOICE, FLAG, Field
from .forms import Form
from .found import listed, own_models
from .place import Place
from .tabs import FORMS


def settings_of(picture: Path, place: Place) -> Dict[str, Any]:
    """The form of the command that painted a picture, and its values; what the picture does not name is the default.

    Args:
        picture: a file.
        place: where the files that it names are looked for.

    Returns:
        {"form": its name, "values": ..., "missing": what it names and is not here, a line each}

    Raises:
        UserError: if it carries no text of how it was painted, or one of a command that the page has no form for.
    """
    note, ours, said = _note(picture)
    form = next((one for one in FORMS.values() if one.command and one.command == note.get("command")), None)
    if form is None:
        raise UserError(
            f"the picture was painted by `sfumato {str(note.get('command'))[:40]}`, for which the page has no form"
        )
    sampling = _table(note, "sampling")
    told = {**note, **sampling}
    told["seed"] = note.get("run_seed", None if ours else note.get("seed"))
    values = {field.name: told[field.name] for field in form.fields if _fits(field, told.get(field.name))}
    missing = list(said)
    if told["seed"] is None:
        missing.append("the seed of its run, which an older version did not write: `Paint again` paints it")
    values.update(_of_form(form, note, place, missing))
    return {"form": form.name, "values": values, "missing": missing}


def _note(picture: Path) -> Tuple[Dict[str, Any], bool, List[str]]:
    """Our note, or what another program's text comes to in ours; whether it is ours; what of it is not known here."""
    note, texts = note_in(picture), texts_in(picture)
    if note:
        return note, True, []
    parameters = read_parameters(texts[PARAMETERS]) if PARAMETERS in texts else None
    if parameters is None:
        raise UserError(
            "the picture carries no text of how it was painted; whoever edits or sends it may have removed it"
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = note_of_parameters(parameters, picture)
    return found, False, [str(one.message).replace(f"{picture}: ", "") for one in caught]


def _fits(field: Field, value: Any) -> bool:
    """Whether a value of a note is one of a field."""
    if value is None or isinstance(value, (dict, list)) or field.listed or field.name == "weights":
        return False
    if field.kind == FLAG:
        return isinstance(value, bool)
    return field.kind != CHOICE or str(value) in field.choices


def _of_form(form: Form, note: Mapping[str, Any], place: Place, missing: List[str]) -> Dict[str, Any]:
    """What a form's own fields are called otherwise in notes; adds what is missing."""
    if form.name == "digits":
        return {"digit": str(note.get("digit", "")), "dataset": str(note.get("dataset", ""))}
    weights = _table(note, "weights")
    name = str(weights.get("name", ""))
    if form.name == "own-paint":
        run = next((out for out in own_models(place) if Path(name).parts[-2:-1] == (out,)), None)
        own = run or _by_contents(place, weights)
        if own is None:
            missing.append(f"the model {name}")
        return {"weights": own or "", "label": str(note.get("label", ""))}
    return {"prompt": str(note.get("prompt", "")), **_of_concepts(note, weights, place, missing)}


def _table(note: Mapping[str, Any], name: str) -> Dict[str, Any]:
    found = note.get(name)
    return found if isinstance(found, dict) else {}


def _by_contents(place: Place, weights: Mapping[str, Any]) -> Any:
    for name in own_models(place):
        found = file_identity(place.folder / name / "model.safetensors") or {}
        if found.get("contents") == weights.get("contents"):
            return name
    return None


def _of_concepts(
    note: Mapping[str, Any], weights: Mapping[str, Any], place: Place, missing: List[str]
) -> Dict[str, Any]:
    there = listed(place)
    found: Dict[str, Any] = {"checkpoint": "", "loras": []}
    name = Path(str(weights.get("name", ""))).name
    if name and name not in ("shipped", "world.safetensors"):
        found["checkpoint"] = next((one for one in there["checkpoints"] if Path(one).stem == Path(name).stem), "")
        if not found["checkpoint"]:
            missing.append(f"the checkpoint {name}")
    added = note.get("added")
    for one in added if isinstance(added, list) else []:
        stem = Path(str(one.get("name", ""))).stem if isinstance(one, dict) else ""
        here = next((lora["name"] for lora in there["loras"] if Path(lora["name"]).stem == stem), None)
        amount = one.get("amount") if isinstance(one, dict) else None
        if here is None or not isinstance(amount, (int, float)):
            missing.append(f"the LoRA {stem}")
        else:
            found["loras"].append({"name": here, "amount": amount})
    words = note.get("words")
    for word in words if isinstance(words, dict) else {}:
        if word not in there["words"]:
            missing.append(f"the learned word {word}")
    return found
