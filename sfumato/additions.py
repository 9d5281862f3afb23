"""What was learned beside words, as a command is given it: FILE, FILE:0.8 for as much of it, FILE:unet=0.8,text=0.3."""

import warnings
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from .checkpoints import (
    GivenWord,
    LearnedFile,
    holds_additions,
    holds_words,
    layer_shapes,
    ours_in,
    read_custom,
    read_embeddings,
    read_learned,
    read_lora,
    some,
    trained_words,
    what_lora,
)
from .errors import UserError
from .models.additions import Addition
from .models.shipped import shipped, small_or
from .runs import digest
from .stable_diffusion import Added, Amount, StableDiffusion

FEW_PASSES = shipped("few-steps.safetensors")
"""The LoRA with which the small model paints in few passes."""

_MOST = 100.0
_PARTS = {"unet": "U-Net", "text": "text encoder"}


class Given(NamedTuple):
    """A file of additions, and how much of it is added."""

    flag: str
    """--lora or --custom, which takes such files."""
    file: Path
    amount: Amount
    learned: LearnedFile
    name: str
    """Of what it adds, which decides pictures as the checkpoint does."""

    @property
    def words(self) -> List[GivenWord]:
        """The words that were learned with them."""
        return [GivenWord(self.file, word) for word in self.learned.words]


def given_additions(model: StableDiffusion, lora: Sequence[str] = (), custom: Sequence[str] = ()) -> List[Given]:
    """Read what --lora and --custom were given.

    Args:
        model: that it is for.
        lora: files of LoRAs, or runs that learned one, each FILE, FILE:AMOUNT or FILE:unet=AMOUNT,text=AMOUNT.
        custom: the same of Custom Diffusion.

    Raises:
        UserError: for what cannot be used, and twice the same.
    """
    found: List[Given] = []
    for flag, asked in (("--lora", lora), ("--custom", custom)):
        for one in asked:
            file, told = parted(flag, one, (flag,))
            found.append(_given(flag, file, told, model, found))
    return found


def given_of_any_kind(model: StableDiffusion, flag: str, given: Sequence[str]) -> List[Given]:
    """The same where one flag takes LoRAs and Custom Diffusion alike.

    Args:
        model: that it is for.
        flag: such as --merge.
        given: see `given_additions`.

    Raises:
        UserError: for what cannot be used, and twice the same.
    """
    found: List[Given] = []
    for one in given:
        file, told = parted(flag, one, ("--lora", "--custom"))
        info = what_lora(file)
        kind = "--lora" if info is not None and info.kind != "Custom Diffusion" else "--custom"
        found.append(_given(kind, file, told, model, found))
    return found


def _given(flag: str, file: Path, told: Dict[str, float], model: StableDiffusion, before: Sequence[Given]) -> Given:
    learned = read_given(flag, file, model)
    changed = {layer.partition(".")[0] for layer in learned.additions}
    idle = next((part for part in told if part not in changed and len(told) < len(_PARTS)), None)
    if changed and idle is not None:
        raise UserError(f"{flag} {file}: changes no layer of the {_PARTS[idle]}; leave out {idle}=")
    # By layer and not as the file has them: another naming of the same has another order.
    layers = sorted(learned.additions.items())
    name = digest(
        {layer: one.scale for layer, one in layers}, *(part.numpy() for _, one in layers for part in one.parts)
    )
    twice = next((one for one in before if one.name == name), None)
    if twice is not None:
        raise UserError(f"{file}: is given twice{_as(twice, file)}; give it once, with the sum of its amounts")
    return Given(flag, file, Amount(**told), learned, name)


def _as(other: Given, file: Path) -> str:
    return "" if other.file == file else f", for {other.file} holds the same"


def read_given(flag: str, file: Path, model: StableDiffusion) -> LearnedFile:
    """Read a file of additions of any kind for a model; keys that nothing is done with are named in a warning.

    Args:
        flag: --lora or --custom, which says what it should be.
        file: to read.
        model: that it is for.

    Raises:
        UserError: for another kind of file, or another model's.
    """
    told = what_lora(file)
    if told is not None and (told.kind == "Custom Diffusion") != (flag == "--custom"):
        raise UserError(f"{file}: is a {told.kind}; give it with {'--lora' if flag == '--custom' else '--custom'}")
    if told is None and holds_additions(file):
        if flag == "--lora":
            raise UserError(f"{file}: was learned with --method custom; give it with --custom")
        return read_learned(file)
    if told is None and holds_words(file):
        words = ", ".join(word.token for word in read_embeddings(file))
        raise UserError(f"{file}: holds a word alone ({words}), which --embeddings takes")
    return _lora(file, model) if flag == "--lora" else _whole(file, model)


def _lora(file: Path, model: StableDiffusion) -> LearnedFile:
    read = read_lora(file, layer_shapes(model.unet), layer_shapes(model.text))
    additions = {f"unet.{layer}": one.addition() for layer, one in read.unet.items()}
    additions.update({f"text.{layer}": one.addition() for layer, one in read.text.items()})
    _tell_unused(file, read.unused)
    told = ours_in(read.metadata)
    words = [word._replace(metadata=told) for word in read.words]
    return LearnedFile(words, additions, told, trained_words(read.metadata))


def _whole(file: Path, model: StableDiffusion) -> LearnedFile:
    """Custom Diffusion as diffusers keeps it: whole weights, of which what they add is taken."""
    read = read_custom(file, layer_shapes(model.unet))
    if read.biases:
        raise UserError(f"{file}: its queries and outputs were trained too, with biases, which are not read here")
    _tell_unused(file, list(read.unused))
    own = {layer: model.unet.get_parameter(f"{layer}.weight").detach().float() for layer in read.weights}
    additions = {f"unet.{layer}": Addition((whole - own[layer],)) for layer, whole in read.weights.items()}
    return LearnedFile([], additions, dict(read.metadata))


def _tell_unused(file: Path, keys: Sequence[str]) -> None:
    if keys:
        warnings.warn(
            f"{file}: {len(keys)} of its keys are for no layer of this checkpoint: {some(list(keys))}", stacklevel=4
        )


def parted(flag: str, given: str, kinds: Sequence[str]) -> Tuple[Path, Dict[str, float]]:
    """A file and how much of it, by network.

    Args:
        flag: that was given it, for the error.
        given: FILE, FILE:0.8 or FILE:unet=0.8,text=0.3; what is there under the whole name is a file of that name. Of a
            run's folder it is what was learned; other folders may be peft's. "small" is the LoRA that ships.
        kinds: that may be meant, --lora and --custom.

    Raises:
        UserError: for an amount that cannot be.
    """
    name, colon, amount = given.rpartition(":")
    if not colon or Path(given).exists():
        name, amount = given, "1"
    if not name:
        raise UserError(f"{flag} {given!r}: names no file; give FILE, or FILE:0.8 for as much of it")
    try:
        found = _amounts(amount)
    except ValueError:
        raise UserError(f"{flag} {given}: give FILE, FILE:0.8 for as much of it, or FILE:unet=0.8,text=0.3") from None
    if not all(abs(one) <= _MOST for one in found.values()):
        raise UserError(f"{flag} {given}: the amount must be between -{_MOST:g} and {_MOST:g}")
    learned = (Path(name) / f"{kind[2:]}.safetensors" for kind in kinds)
    return next((path for path in learned if path.is_file()), small_or(Path(name), FEW_PASSES)), found


def _amounts(text: str) -> Dict[str, float]:
    """0.8, or unet=0.8,text=0.3 in either order; of one that is not named there is as much as was learned.

    Raises:
        ValueError: for anything else.
    """
    if "=" not in text:
        return dict.fromkeys(_PARTS, float(text))
    pairs = [one.partition("=") for one in text.split(",")]
    found = {part.strip(): float(amount) for part, _, amount in pairs}
    if len(found) < len(pairs) or not set(found) <= set(_PARTS):
        raise ValueError("one of them is named twice, or is no network's")
    return found


def add_given(model: StableDiffusion, given: Sequence[Given]) -> None:
    """Add to a model's weights what was given.

    Raises:
        UserError: for what was learned for another model.
    """
    for one in given:
        told = one.learned.metadata
        added = Added(
            str(one.file), one.amount, one.learned.trigger, told.get("distilled", ""), told.get("checkpoint", "")
        )
        model.add(one.learned.additions, one.name, added)
