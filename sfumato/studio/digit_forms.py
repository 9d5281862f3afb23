"""Digits, painted."""

from typing import List

from ..digits.generate import GenerateOptions
from ..digits.labels import DATASETS
from .asked import Asked
from .fields import CHOICE, Field
from .forms import Form, painting_fields
from .job import OUT
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
        *painting_fields(GenerateOptions, count=4),
    ),
    _words,
    "Out of noise, by the network that ships. The judge beside each picture has seen real digits only.",
    readings=True,
    command="digits generate",
)
