"""The few photos that a word is learned from."""

from pathlib import Path
from typing import Dict, List

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import UserError
from ..images import PICTURE_ENDINGS, from_pixels, picture_files
from ..runs import digest


def photo_files(folder: Path) -> List[Path]:
    """The pictures in a folder, in order of name.

    Raises:
        UserError: if it is no folder, or holds none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds the photos")
    found = picture_files(folder)
    if not found:
        raise UserError(f"{folder}: holds no photo ({', '.join(PICTURE_ENDINGS)}); put about five there")
    return found


def photo_hashes(paths: List[Path]) -> Dict[str, str]:
    """name -> a short name of the file's contents."""
    return {path.name: digest(path.read_bytes()) for path in paths}


def cropped(photo: Image.Image, size: int, crops: int, source: torch.Generator) -> Tensor:
    """Square parts of a photo for a network: [crops, 3, size, size] in [-1, 1].

    Args:
        photo: RGB of any size.
        size: of the parts, to which the photo's shorter side is scaled.
        crops: 1 is the middle; more are squares of at least 80% of the shorter side at random places.
        source: of those places.
    """
    return torch.stack([_part(photo, size, crops > 1, source) for _ in range(crops)])


def _part(photo: Image.Image, size: int, random: bool, source: torch.Generator) -> Tensor:
    short = min(photo.size)
    share, across, down = torch.rand(3, generator=source).tolist() if random else (1.0, 0.5, 0.5)
    side = short * (0.8 + 0.2 * share)
    left, top = across * (photo.width - side), down * (photo.height - side)
    part = photo.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return from_pixels(torch.from_numpy(np.asarray(part).copy()).permute(2, 0, 1))
