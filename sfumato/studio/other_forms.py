"""Grids, CLIP's answers, reports, and a picture painted again."""

import shlex
from typing import List, Tuple

from ..classify import ClassifyOptions
from ..digits.labels import DATASETS
from ..errors import UserError
from .asked import Asked
from .fields import CHOICE, PICTURE, PICTURES, WORDS, Field, option
from .forms import Form, listed, named, sent_file, sent_pictures
from .found import additions, word_files
from .job import OUT
from .place import Place

_AXES = ("steps", "guidance-scale", "seed", "sampler", "eta", "lora-weight", "stage", "prompt")
_NONE = "nothing"


def _painting(asked: Asked, place: Place) -> List[str]:
    """What paints a cell, without the folder."""
    axes = (asked.word("across"), asked.word("down"))
    seed = [] if "seed" in axes else ["--seed", asked.word("seed")]
    if asked.word("what") == "digits":
        return ["digits", "generate", "--digits", asked.word("digit"), "--datasets", asked.word("dataset"), *seed]
    if asked.word("what") == "your pictures":
        label = ["--label", asked.word("label")] if asked.given("label") else []
        return ["pictures", "generate", *named(asked, "weights", place), *label, *seed]
    words = ["concepts", "generate", *seed, *named(asked, "checkpoint", place)]
    if "prompt" not in axes:
        words += ["--prompt", asked.word("prompt")]
    said = "\n".join([asked.word("prompt"), *asked.several("across_values"), *asked.several("down_values")])
    files = [_learned(name, axes, place) for name in word_files(place, said)]
    words += ["--embeddings", *files] if files else []
    if asked.given("lora"):
        name = asked.word("lora")
        kind = next((one.kind for one in additions(place) if one.name == name), "lora")
        words += [f"--{kind}", _learned(name, axes, place)]
    return words


def _learned(name: str, axes: Tuple[str, str], place: Place) -> str:
    """A learned file; where its stages are an axis, the run that has them."""
    run, _, file = name.partition("/")
    inside = "stage" in axes and file and run not in ("sent", "models", "shipped")
    return str(place.path(run if inside else name))


def _grid(asked: Asked, place: Place) -> List[str]:
    words = ["grid", OUT, "--paint", shlex.join(_painting(asked, place))]
    for flag in ("across", "down"):
        if asked.word(flag) != _NONE:
            values = asked.several(f"{flag}_values")
            if not values:
                raise UserError(f"{flag.capitalize()}: give its values, one a line")
            words += [f"--{flag}", asked.word(flag), *values]
    return words


GRID = Form(
    "grid",
    "Compare two settings",
    "Paint",
    (
        Field("what", "Paint", CHOICE, "concepts", choices=("concepts", "digits", "your pictures")),
        Field("across", "Across", CHOICE, "steps", choices=_AXES),
        Field("across_values", "Its values, one a line", WORDS, ("4", "8", "16")),
        Field("down", "Down", CHOICE, "guidance-scale", choices=(*_AXES, _NONE)),
        Field("down_values", "Its values, one a line", WORDS, ("1", "3", "7.5")),
        Field("prompt", "Prompt (concepts)", "text", "a chalk seven", listed="words"),
        Field("digit", "Digit (digits)", CHOICE, "7", choices=tuple(map(str, range(10)))),
        Field("dataset", "Look (digits)", CHOICE, DATASETS[0], choices=DATASETS),
        listed("weights", "Model (your pictures)", "models", "One that was learned here."),
        listed("label", "Label (your pictures)", "labels", "The first by default."),
        Field("seed", "Seed", "whole", 0),
        listed("checkpoint", "Checkpoint (concepts)", "checkpoints", "The small one that ships by default.", more=True),
        listed("lora", "LoRA, for lora-weight (concepts)", "additions", "None by default.", more=True),
    ),
    _grid,
    "Every cell is a picture of its own, which can be painted again by itself.",
    shows="grid",
)


def _classified(asked: Asked, place: Place) -> List[str]:
    names = asked.several("names")
    if len(names) < 2:
        raise UserError("Names: give two or more, one a line")
    return ["classify", sent_pictures(asked, "photos", place), "--names", *names, "--out", OUT, *asked.options()]


CLASSIFY = Form(
    "classify",
    "Which name fits?",
    "Ask",
    (
        Field("photos", "Pictures", PICTURES, needed=True),
        Field("names", "Names, one a line", WORDS, ("a chalk seven", "a street eight", "a colourful two")),
        option(ClassifyOptions, "ensemble", "Mean of seven texts"),
    ),
    _classified,
    "CLIP's answers; the small one that ships knows digits only.",
    shows="bars",
)


def _reported(asked: Asked, place: Place) -> List[str]:
    runs = asked.raw("runs")
    if not isinstance(runs, list) or not runs:
        raise UserError("Runs: choose one or more")
    return ["report", OUT, "--no-pdf", "--run", *(str(place.path(str(name))) for name in runs)]


REPORT = Form(
    "runs",
    "What lies in a folder",
    "Show",
    (Field("runs", "Runs", "ticks", help="Folders that jobs wrote.", listed="runs"),),
    _reported,
    "The same page as `sfumato report` makes.",
    shows="report",
)


def _again(asked: Asked, place: Place) -> List[str]:
    folders = [*([str(place.models)] if place.models is not None else []), *(["."] if _has_weights(place) else [])]
    models = ["--models", *folders] if folders else []
    return ["again", sent_file(asked, "picture", place), f"{OUT}/again.png", *models]


def _has_weights(place: Place) -> bool:
    """Whether something was learned here, or sent."""
    return any(place.folder.glob("*/*.safetensors"))


AGAIN = Form(
    "again", "A picture painted again", "Paint again", (Field("picture", "Picture", PICTURE, needed=True),), _again
)
