"""Masks: which parts of photos are learned. White is, black is not, and grey is by so much."""

from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
from PIL import Image, ImageChops

from ..checkpoints import some
from ..errors import UserError
from ..images import open_with_alpha, picture_files
from .folders import MASK_MARK, Group, is_mask, same_name

_LIGHT = 128
"""Something of a mask must be as light: masks of 0 and 1 look black, and are."""


def mask_files(groups: Sequence[Group], masks: str) -> Dict[Path, Path]:
    """Photo -> the file of its mask, where there is one.

    Args:
        groups: of `photo_groups`.
        masks: of `PhotoOptions`: auto takes those beside the photos, none takes none, else it is a folder.

    Raises:
        UserError: for a folder that is not there or holds no pictures, a mask without its photo, or two of one.
    """
    if masks == "none":
        return {}
    if masks == "auto":
        found = {}
        for group in groups:
            found.update(_paired(group.photos, group.masks, str(group.folder)))
        return found
    return _in_folder(groups, Path(masks))


def _in_folder(groups: Sequence[Group], folder: Path) -> Dict[Path, Path]:
    if not folder.is_dir():
        raise UserError(f"--masks {folder}: there is no such folder; give auto, none, or a folder of masks")
    if any(folder.resolve() == group.folder.resolve() for group in groups):
        raise UserError(f"--masks {folder}: is the folder of the photos; masks beside them are found by --masks auto")
    inner = [group for group in groups if group.before and (folder / group.before).is_dir()]
    found: Dict[Path, Path] = {}
    for group in inner:
        found.update(_paired(group.photos, picture_files(folder / group.before), str(folder / group.before)))
    others = [photo for group in groups if group not in inner for photo in group.photos]
    found.update(_paired(others, picture_files(folder), str(folder)))
    if not found:
        raise UserError(f"--masks {folder}: holds no mask; give pictures of the photos' names there, or --masks none")
    return found


def _paired(photos: Sequence[Path], masks: Sequence[Path], where: str) -> Dict[Path, Path]:
    by_stem: Dict[str, Path] = {}
    for mask in masks:
        stem = mask.stem[: -len(MASK_MARK)] if is_mask(mask) else mask.stem
        other = by_stem.setdefault(same_name(stem), mask)
        if other != mask:
            raise UserError(f"{where}: {other.name} and {mask.name} are masks of the same photo; keep one")
    found = {photo: by_stem[same_name(photo.stem)] for photo in photos if same_name(photo.stem) in by_stem}
    lonely: List[str] = [mask.name for mask in by_stem.values() if mask not in found.values()]
    if lonely:
        raise UserError(f"{where}: no photo belongs to the mask {some(lonely)}; rename it as its photo, or remove it")
    return found


def read_mask(path: Path, photo: Path, image: Image.Image) -> Image.Image:
    """The mask in a file: grey of 8 bits, of its photo's size; what is transparent in it is black.

    Args:
        path: of the mask.
        photo: whose it is, for the error.
        image: of the photo, upright.

    Raises:
        UserError: if it is no picture, of another size, or black all over.
    """
    colours, opacity = open_with_alpha(path)
    mask = colours.convert("L")
    if opacity is not None:
        mask = ImageChops.multiply(mask, opacity)
    if mask.size != image.size:
        raise UserError(
            f"{path}: is {mask.width}x{mask.height}, and {photo.name} is {image.width}x{image.height} as it is seen;"
            " make the mask as large"
        )
    check_light(path, mask)
    return mask


def check_light(path: Path, mask: Image.Image) -> None:
    """Refuse a mask that hides all.

    Raises:
        UserError: naming its file.
    """
    lightest = int(np.asarray(mask).max())
    if lightest < _LIGHT:
        seen = "wholly black" if lightest == 0 else f"nowhere lighter than {lightest} of 255"
        raise UserError(f"{path}: its mask is {seen}, so nothing of it would be learned; make white what is learned")
