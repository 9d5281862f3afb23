"""What will be learned, to be seen before anything is: each square with its photo's name and caption beneath, striped
where its loss does not count."""

from typing import Sequence

import numpy as np
import torch.nn.functional as F
from PIL import Image

from ..errors import in_one_line
from ..images import captioned, folded
from ..images.style import TEXT, WIDTH
from .crops import Crops
from .photos import Photo

_COLUMNS, _LEAST, _MOST, _LETTERS = 5, 160, 100, 16
_STRIPE, _LIGHT, _DARK = 4, 200, 110
"""Pixels of a stripe, and the grey levels of two neighbours."""


def crops_sheet(crops: Crops, photos: Sequence[Photo]) -> Image.Image:
    """The first hundred squares, five a row, RGBA without a ground.

    Args:
        crops: without their mirror images.
        photos: that they are of.
    """
    side = crops.pictures.shape[-1]
    side *= max(1, -(-_LEAST // side))
    columns = min(_COLUMNS, len(crops.pictures))
    size = max(_LETTERS, round(columns * side * TEXT / WIDTH))
    told = [[photo.name, *([] if photo.caption is None else [photo.caption])] for photo in photos]
    said = ["\n".join(folded(in_one_line(line), size, side) for line in lines) for lines in told]
    pictures = [hatched(crops, place) for place in range(min(_MOST, len(crops.pictures)))]
    return captioned(pictures, [said[place] for place in crops.photo[:_MOST].tolist()], columns, side)


def hatched(crops: Crops, place: int) -> Image.Image:
    """One square, striped as far as its loss does not count."""
    pixels = crops.pictures[place].permute(1, 2, 0).numpy()
    size = pixels.shape[0]
    shown = F.interpolate(crops.weights[place][None], size=(size, size))[0, 0, :, :, None].numpy()
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    stripes = np.where((across + down) // _STRIPE % 2, _LIGHT, _DARK)[:, :, None]
    return Image.fromarray((shown * pixels + (1 - shown) * stripes).round().astype(np.uint8))
