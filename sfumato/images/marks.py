"""Marks on pictures that are seen without colour."""

from typing import Any, List, Sequence, Tuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .sheets import sheet

_LIGHT, _DARK = (255, 255, 255), (176, 0, 32)
_SHARE = 14
"""A line is as wide as this part of the picture's shorter side."""


def crossed_out(picture: Image.Image, side: int) -> Image.Image:
    """A picture that is wrong: its longer side made `side` pixels, struck through from corner to corner, and marked
    with a cross in the upper right one.

    The line is dark with a light rim, so that it stands out on any picture, in grey too.
    """
    scale = side / max(picture.size)
    # Small pictures are enlarged in whole squares, so that each pixel can be seen.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    width, height = (max(1, round(length * scale)) for length in picture.size)
    shown = picture.convert("RGB").resize((width, height), how)
    draw = ImageDraw.Draw(shown)
    wide, mark = max(2, side // _SHARE), min(width, height) // 4
    right, bottom, inset = width - 1, height - 1, mark // 4
    left = right - mark
    _stroke(draw, [(0, bottom), (right, 0)], wide)
    draw.rectangle((left, 0, right, mark), fill=_LIGHT)
    for top, foot in ((inset, mark - inset), (mark - inset, inset)):
        draw.line([(left + inset, top), (right - inset, foot)], fill=_DARK, width=max(2, wide // 2))
    return shown


def _stroke(draw: Any, line: List[Tuple[int, int]], wide: int) -> None:
    draw.line(line, fill=_LIGHT, width=wide)
    draw.line(line, fill=_DARK, width=max(1, wide // 2))


def marked_sheet(pixels: Tensor, wrong: Sequence[bool], columns: int, scale: int = 2) -> Image.Image:
    """Pictures side by side with nothing between them, see `sheet`; those that are wrong are crossed out.

    Args:
        pixels: uint8 [N, H, W, 3].
        wrong: of each picture whether it is.
        columns: pictures a row.
        scale: the whole factor by which they are enlarged.
    """
    large = pixels.numpy().repeat(scale, axis=1).repeat(scale, axis=2)
    side = max(large.shape[1:3])
    marked = [np.asarray(crossed_out(Image.fromarray(one), side)) if cross else one for one, cross in zip(large, wrong)]
    return sheet(torch.from_numpy(np.stack(marked)), columns, 1, clear=True)
