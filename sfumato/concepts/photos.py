"""The few photos that a word is learned from."""

from pathlib import Path
from typing import Dict, List

import torch
from PIL import Image
from torch import Tensor

from ..errors import UserError
from ..images import PICTURE_ENDINGS, from_pixels, picture_files
from ..personalisation.crops import resized, square
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
    boxes = [square(photo.size, crops > 1, source) for _ in range(crops)]
    return torch.stack([from_pixels(resized(photo, size, box)) for box in boxes])
