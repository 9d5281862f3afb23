"""A folder of painted pictures, as it is measured."""

import re
from pathlib import Path
from typing import List, NamedTuple

import numpy as np

from ..checkpoints import visible_files
from ..errors import UserError
from ..images import open_picture, pictures_among
from .cache import decode

_NO_PAINTED = re.compile(r"(pictures|sheet-.*)\.(png|webp)")
"""Sheets that commands leave beside what they paint."""


class Painted(NamedTuple):
    """Pictures of one size."""

    names: List[str]
    """Relative to the folder."""
    pixels: np.ndarray
    """uint8 [N, 3, height, width]."""


def read_painted(folder: Path) -> Painted:
    """All pictures of a folder and the folders in it, but sheets (`pictures.png`, `sheet-*.png`).

    Raises:
        UserError: if there are none, one cannot be used, or their sizes differ.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; paint one with `sfumato pictures generate`")
    paths = [
        path
        for path in pictures_among(visible_files(folder, deep=True), folder)
        if not _NO_PAINTED.fullmatch(path.name)
    ]
    if not paths:
        raise UserError(f"{folder}: holds no painted picture; paint some with `sfumato pictures generate`")
    width, height = open_picture(paths[0]).size
    pixels = np.empty((len(paths), 3, height, width), np.uint8)

    def one(number: int) -> np.ndarray:
        image = open_picture(paths[number])
        if image.size != (width, height):
            raise UserError(
                f"{paths[number]}: is {image.width}x{image.height}, and {paths[0]} {width}x{height}; give a folder of"
                " painted pictures of one size"
            )
        return np.asarray(image).transpose(2, 0, 1)

    decode(pixels, one, folder.name)
    return Painted([path.relative_to(folder).as_posix() for path in paths], pixels)
