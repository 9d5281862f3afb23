"""Faces: what eta does, what lies between two noises, and from a picture to its noise and back."""

from typing import List

from ..errors import UserError
from ..faces.figures import EtaOptions, InterpolateOptions
from ..faces.invert import InvertOptions
from .asked import Asked
from .fields import NUMBERS, PICTURE, Field, option
from .forms import Form, sent_file
from .job import OUT
from .place import Place


def _etas(asked: Asked, place: Place) -> List[str]:
    return ["faces", "eta", "--out", OUT, "--each", "--rows", asked.word("rows"), *asked.options()]


ETA = Form(
    "faces-eta",
    "What eta does",
    "Paint",
    (
        option(EtaOptions, "etas", "Etas", kind=NUMBERS),
        option(EtaOptions, "rows", "Faces", flag="", default=2),
        option(EtaOptions, "seed", "Seed"),
        option(EtaOptions, "sampling.steps", "Steps", slides=True, most=100),
        option(EtaOptions, "sampling.spacing", "Spacing", more=True),
    ),
    _etas,
    "The same noises with more and more noise put in on the way: slide through them.",
    shows="slider",
)


def _between(asked: Asked, place: Place) -> List[str]:
    first, second = asked.word("first"), asked.word("second")
    if first == second:
        raise UserError("Noises: give two different ones")
    return ["faces", "interpolate", "--out", OUT, "--each", "--between", first, second, *asked.options()]


BETWEEN = Form(
    "faces-between",
    "Between two noises",
    "Paint",
    (
        Field("first", "From noise", "whole", 0, "Its number among those that the seed draws.", least=0),
        Field("second", "To noise", "whole", 1, "The other one's.", least=0),
        option(InterpolateOptions, "stops", "Pictures on the way", slides=True, most=41),
        option(InterpolateOptions, "seed", "Seed"),
        option(InterpolateOptions, "sampling.steps", "Steps", slides=True, most=100),
        option(InterpolateOptions, "sampling.eta", "eta", more=True),
        option(InterpolateOptions, "sampling.spacing", "Spacing", more=True),
    ),
    _between,
    "slerp keeps the noise's norm, lerp does not: slide from one face to the other and see what that does.",
    shows="slider",
)


def _inverted(asked: Asked, place: Place) -> List[str]:
    return ["faces", "invert", sent_file(asked, "image", place), "--out", OUT, *asked.options()]


INVERT = Form(
    "faces-invert",
    "A picture's noise",
    "Invert",
    (
        Field("image", "Picture", PICTURE, help="Its middle square is taken.", needed=True),
        option(InvertOptions, "steps", "Numbers of steps", kind=NUMBERS),
        option(InvertOptions, "refinements", "Refinements of each step"),
    ),
    _inverted,
    "DDIM run backwards finds the noise that paints your picture; then it is painted again.",
    shows="slider",
)
