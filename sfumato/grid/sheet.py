"""A grid's pictures on one sheet, the axes' names and values beside them."""

from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from PIL import Image

from ..images import labelled_grid, open_picture
from .axes import Axis
from .cells import last_part

_MOST_PIXELS = 25_000_000
"""Of all pictures together; larger ones are made smaller on the sheet."""
_PAPER = 128


def sheet_of(pictures: Sequence[Path], columns: Axis, rows: Axis) -> Image.Image:
    """All pictures, RGBA without a ground.

    Args:
        pictures: row by row. Of several sizes the smaller ones stand in the middle of the largest.
        columns: whose values stand above, its name at their left.
        rows: whose values stand at the left, after its name; one without a name has no labels.
    """
    opened = [open_picture(path) for path in pictures]
    width, height = (max(one.size[side] for one in opened) for side in (0, 1))
    smaller = min(1.0, (_MOST_PIXELS / (width * height * len(opened))) ** 0.5)
    size = (max(1, int(width * smaller)), max(1, int(height * smaller)))
    cells = [_fitted(one, (width, height), size) for one in opened]
    beside = [f"{rows.name} {label}" for label in labels(rows)] if rows.name else [""]
    return labelled_grid(cells, beside, labels(columns), corner=columns.name, fold=True)


def labels(axis: Axis) -> List[str]:
    """An axis' values; of paths what comes after their folders, where that tells them apart."""
    short = [last_part(value) if Path(value.partition(":")[0]).exists() else value for value in axis.values]
    return short if len(set(short)) == len(short) else list(axis.values)


def _fitted(picture: Image.Image, largest: Tuple[int, int], size: Tuple[int, int]) -> np.ndarray:
    if picture.size != largest:
        paper = Image.new("RGB", largest, (_PAPER,) * 3)
        paper.paste(picture, ((largest[0] - picture.width) // 2, (largest[1] - picture.height) // 2))
        picture = paper
    return np.asarray(picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS))
