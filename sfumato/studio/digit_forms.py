"""Digits, painted."""

from typing import List

from ..digits.generate import GenerateOptions
from ..digits.labels import DATASETS
from .asked import Asked
from .fields import CHOICE, Field, option
from .forms import OUT, WATCH, Form
from .place import Place

_BOTH = "both"
_EVERY = "every"


def _words(asked: Asked, place: Place) -> List[str]:
    digit, dataset = asked.word("digit"), asked.word("dataset")
    chosen = [] if digit == _EVERY else ["--digits", digit]
    chosen += [] if dataset == _BOTH else ["--datasets", dataset]
    return ["digits", "generate", OUT, *chosen, "--count", asked.word("count"), *asked.options()]


DIGITS = Form(
    "digits",
    "Paint digits",
    "Paint",
    (
        Field("digit", "Digit", CHOICE, "7", choices=(*map(str, range(10)), _EVERY)),
        Field("dataset", "Look", CHOICE, DATASETS[0], choices=(*DATASETS, _BOTH)),
        option(GenerateOptions, "count", "Pictures of each", flag="", default=4),
        option(GenerateOptions, "seed", "Seed"),
        option(GenerateOptions, "sampling.steps", "Steps", slides=True, most=100),
        option(GenerateOptions, "sampling.guidance_scale", "Guidance scale", slides=True, most=10),
        option(GenerateOptions, "sampling.guide_from", "Guidance from time", more=True),
        option(GenerateOptions, "sampling.guide_to", "Guidance to time", more=True),
        option(GenerateOptions, "sampling.sampler", "Sampler"),
        option(GenerateOptions, "sampling.spacing", "Spacing", more=True),
        option(GenerateOptions, "sampling.eta", "eta", more=True),
        option(GenerateOptions, "precision", "Precision", more=True),
        WATCH,
    ),
    _words,
    "Out of noise, by the network that ships. The judge beside each picture has seen real digits only.",
    readings=True,
    command="digits generate",
)
