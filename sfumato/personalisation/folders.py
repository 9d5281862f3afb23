"""Which files of a folder are the photos to learn from: its own, or those of folders in it such as `10_sks dog`.

Such names are kohya's: how often the photos are drawn, then what they show (the trigger and its class). They are read
whether the folder itself is given or the one above. Folders of other names are read where a table lies beside them.
"""

import re
import unicodedata
from pathlib import Path
from typing import List, NamedTuple, Optional

from ..checkpoints import is_hidden, some, visible_files
from ..errors import UserError
from ..images import PICTURE_ENDINGS, picture_files

MASK_MARK = "-masklabel"
"""What the name of a mask beside its photo ends in, before the point."""
TABLES = ("metadata.jsonl", "metadata.csv")
"""Names of tables of captions."""
_REPEATED = re.compile(r"([1-9]\d{0,2})_(.*\S.*)", re.DOTALL)
"""A year, as in 2024_holiday, is no number of repeats."""


class Group(NamedTuple):
    """Photos that lie in one folder."""

    folder: Path
    before: str
    """Of their names: the folder's path inside the one that was given, with a "/" at its end; empty for that itself."""
    repeats: int
    caption: Optional[str]
    """What the folder's name says of them."""
    photos: List[Path]
    masks: List[Path]
    """Pictures that are called as masks are."""


def photo_groups(folder: Path, repeats: bool) -> List[Group]:
    """The photos of a folder in order of name, at least one.

    Args:
        folder: that was given.
        repeats: whether numbers before the names of folders count.

    Raises:
        UserError: if it is no folder, holds no photo, or holds some both by themselves and in folders with numbers.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds the photos")
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))
    groups = [_group(path, f"{path.name}/", repeats) for path in below if _REPEATED.fullmatch(path.name)]
    repeated, own = [one for one in groups if one.photos], _group(folder, "", repeats)
    if repeated and own.photos:
        names = some([one.folder.name for one in repeated])
        raise UserError(f"{folder}: holds photos both by itself and in {names}; give one folder of them, or move some")
    if repeated or own.photos:
        return repeated or [own]
    if any((folder / table).is_file() for table in TABLES):
        told = [one for one in (_group(path, f"{path.name}/", repeats) for path in below) if one.photos]
        if told:
            return told
    inside = next((path for path in below if any(map(_is_picture, visible_files(path)))), None)
    advice = "put about five there" if inside is None else f"did you mean {inside}?"
    raise UserError(f"{folder}: holds no photo ({', '.join(PICTURE_ENDINGS)}); {advice}")


def _group(folder: Path, before: str, repeats: bool) -> Group:
    # "." and ".." have another name, which is meant.
    name = _REPEATED.fullmatch(folder.resolve().name if folder.name in ("", "..") else folder.name)
    pictures = picture_files(folder)
    masks = [path for path in pictures if is_mask(path)]
    return Group(
        folder,
        before,
        int(name.group(1)) if name and repeats else 1,
        name.group(2).strip() if name else None,
        [path for path in pictures if path not in masks],
        masks,
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS and not is_mask(path)


def is_mask(path: Path) -> bool:
    """Whether a picture is called as the mask of one beside it."""
    return path.stem.lower().endswith(MASK_MARK)


def same_name(name: str) -> str:
    """A name as it is compared: systems write letters with accents as one sign or as two."""
    return unicodedata.normalize("NFC", name)
