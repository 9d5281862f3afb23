"""The few photos that something is learned from, each with what belongs to it: caption, mask, how often it is drawn."""

import math
import warnings
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from ..checkpoints import some
from ..errors import UserError
from ..images import open_picture, open_with_alpha
from ..runs import digest
from .captions import Told, check_word, read_captions, says_word
from .folders import Group, photo_groups
from .masks import check_light, mask_files, read_mask
from .options import MASKS, PhotoOptions


@dataclass(frozen=True)
class Photo:
    """One photo."""

    path: Path
    name: str
    """Its path inside the folder that was given, divided by "/"."""
    caption: Optional[str]
    """With {} or the word in it where one is learned; None where templates take its place."""
    mask_file: Optional[Path]
    """Of its mask; its own file where what is opaque of it is learned, None where all is."""
    repeats: int
    """How often it is drawn beside the others, in lowest terms."""
    digest: str
    """Of all that is learned of it: the file's bytes, caption, repeats, and the mask file's bytes."""

    def open(self) -> Tuple[Image.Image, Optional[Image.Image]]:
        """The photo, RGB, upright as its camera noted it; and its mask of the same size, grey, 255 where it is
        learned, or None where all of it is. Both are read anew, so that no folder of large photos fills the memory."""
        if self.mask_file == self.path:
            return open_with_alpha(self.path)
        image = open_picture(self.path)
        return image, None if self.mask_file is None else read_mask(self.mask_file, self.path, image)

    @property
    def image(self) -> Image.Image:
        """As `open` gives it."""
        return self.open()[0]

    @property
    def mask(self) -> Optional[Image.Image]:
        """As `open` gives it."""
        return self.open()[1]


@dataclass(frozen=True)
class Photos:
    """The photos of a folder in order of name, at least one; `read_photos` reads them."""

    folder: Path
    """That was given."""
    photos: Tuple[Photo, ...]

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.photos)

    def settings(self) -> Dict[str, str]:
        """Name -> digest of each, for the note of a run: who changes a photo, caption or mask begins another run."""
        return {photo.name: photo.digest for photo in self}

    def about(self) -> str:
        """How many there are of what, for a plan."""
        captions = sum(photo.caption is not None for photo in self)
        masks = sum(photo.mask_file is not None for photo in self)
        told = [f"{count} with {what}" for count, what in ((captions, "captions"), (masks, "masks")) if count]
        return ", ".join([f"{len(self)} from {self.folder}", *told])


def read_photos(folder: Path, options: PhotoOptions, word: Optional[str]) -> Photos:
    """The photos of a folder, each of them decoded once to see whether it can be.

    What is wrong with them is an error of one line. These are warnings: captions of no photo, photos without a caption
    where others have one, photos without a mask where a folder of masks was given, folders whose names would be
    captions and lack the word, and photos that are the same, pixel for pixel.

    Args:
        folder: see `photo_groups`.
        options: see there.
        word: that captions must have in them, such as <new1>; None where none is learned.

    Raises:
        UserError: naming the first file that cannot be used.
    """
    options.check()
    groups = photo_groups(folder, options.repeats == "auto")
    masks = mask_files(groups, options.masks)
    captions = _captions(folder, groups, options.captions, word)
    least = reduce(math.gcd, (group.repeats for group in groups))
    found: List[Photo] = []
    names: Dict[str, List[str]] = {}
    for group in groups:
        for path in group.photos:
            mask, pixels = _checked(path, masks.get(path), options.masks == "auto")
            names.setdefault(pixels, []).append(group.before + path.name)
            found.append(_photo(path, group.before, captions.get(path), mask, group.repeats // least))
    for same in names.values():
        if len(same) > 1:
            warnings.warn(f"{folder}: {some(same)} are the same picture, which is drawn more often so", stacklevel=2)
    without = [photo.name for photo in found if photo.mask_file is None]
    if options.masks not in MASKS and without:
        warnings.warn(f"--masks {options.masks}: has none of {some(without)}; all of it is learned", stacklevel=2)
    return Photos(folder, tuple(found))


def _photo(path: Path, before: str, caption: Optional[str], mask: Optional[Path], repeats: int) -> Photo:
    told = {"caption": caption, "repeats": repeats if repeats > 1 else None, "alpha": mask == path or None}
    more: List[Any] = [{name: value for name, value in told.items() if value is not None}]
    if mask not in (None, path):
        more.append(mask.read_bytes())
    # A photo alone has the digest that it always had.
    whole = digest(path.read_bytes(), *more) if more != [{}] else digest(path.read_bytes())
    return Photo(path, before + path.name, caption, mask, repeats, whole)


def _checked(path: Path, mask: Optional[Path], auto: bool) -> Tuple[Optional[Path], str]:
    """The file of a photo's mask, its own where its opacity is one; and a digest of what is seen of it."""
    if mask is None and auto:
        image, opacity = open_with_alpha(path)
        if opacity is None:
            return None, digest(image.size, np.asarray(image))
        check_light(path, opacity)
        return path, digest(image.size, np.asarray(image), np.asarray(opacity))
    image = open_picture(path)
    if mask is not None:
        read_mask(mask, path, image)
    return mask, digest(image.size, np.asarray(image))


def _captions(folder: Path, groups: Sequence[Group], rule: str, word: Optional[str]) -> Dict[Path, str]:
    """Photo -> its caption, of those that have one."""
    if rule == "templates":
        return {}
    found = read_captions(folder, groups)
    for group in groups:
        rest = [photo for photo in group.photos if photo not in found]
        if rest and group.caption is not None:
            told = Told(group.caption, f"{group.folder}, whose name is a caption")
            if rule == "files" or says_word(told.text, word):
                found.update(dict.fromkeys(rest, told))
            else:
                warnings.warn(f"{group.folder}: its name lacks {word}, and is no caption of its photos", stacklevel=3)
    for told in found.values():
        check_word(told, word)
    without = [group.before + photo.name for group in groups for photo in group.photos if photo not in found]
    if without and rule == "files":
        raise UserError(f"{folder}: no caption of {some(without)}; write a .txt of its name, or take --captions auto")
    if without and found:
        warnings.warn(f"{folder}: no caption of {some(without)}, shown with the templates", stacklevel=3)
    return {photo: told.text for photo, told in found.items()}
