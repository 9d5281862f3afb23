"""The few photos that a word is judged by."""

from pathlib import Path
from typing import List

from ..errors import UserError
from ..images import PICTURE_ENDINGS, picture_files


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
