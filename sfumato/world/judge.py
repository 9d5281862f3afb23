"""A network that says which digit a picture shows and in which look; it has seen real digits only."""

from pathlib import Path
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checkpoints import ModelFormat, loaded, read_model
from ..images import from_pixels
from ..models.digit_classifier import DigitJudge
from ..models.shipped import shipped
from ..pictures.judges import in_parts
from .scenes import DIGITS, LOOKS

FORMAT = ModelFormat("sfumato world judge 1", "small world's judge", "`world judge`")
CLASSES = len(LOOKS) * DIGITS
"""One for each look and digit, all digits of the first look first."""

_SIDE = 28


class Seen(NamedTuple):
    """What the judge sees in each picture or half."""

    digits: Tensor
    """int64 [n]."""
    looks: Tensor
    """int64 [n], places in LOOKS."""


class SceneJudge:
    """The judge with its weights.

    Args:
        path: a file that `world judge` wrote; the shipped one by default.

    Raises:
        UserError: if the file is not a judge.
    """

    def __init__(self, path: Optional[Path] = None) -> None:
        path = shipped("world-judge.safetensors") if path is None else path
        state, _ = read_model(path, FORMAT)
        self._network = loaded(lambda: DigitJudge(CLASSES), state, path, FORMAT.what)

    def single(self, pixels: Tensor) -> Seen:
        """The digit of each picture: uint8 [n, H, W, 3] or float [n, 3, H, W] in [-1, 1]."""
        by_look = in_parts(self._network, as_judged(_floats(pixels))).softmax(dim=1).view(-1, len(LOOKS), DIGITS)
        return Seen(by_look.sum(dim=1).argmax(dim=1), by_look.sum(dim=2).argmax(dim=1))

    def pair(self, pixels: Tensor) -> "tuple[Seen, Seen]":
        """The left and the right digit of each picture, given as to `single`."""
        x = _floats(pixels)
        middle = x.shape[3] // 2
        return self.single(x[..., :middle]), self.single(x[..., middle:])


def as_judged(x: Tensor) -> Tensor:
    """Pictures or halves of them [n, 3, H, W] as the judge sees them: [n, 3, 28, 28], a half as wide as a whole."""
    return F.interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)


def _floats(pixels: Tensor) -> Tensor:
    return from_pixels(pixels.permute(0, 3, 1, 2)) if pixels.dtype == torch.uint8 else pixels
