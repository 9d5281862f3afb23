"""Which files of a folder or archive are pictures."""

import warnings
from collections import Counter
from pathlib import Path, PurePath
from typing import List, Sequence, TypeVar

from ..checkpoints import visible_files

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""How the names of pictures that are read end, in lower case."""
GRADED_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tiff")
"""Those that the course's grader of concepts reads."""
_UNREAD = frozenset(
    (
        *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".jpe", ".jif", ".apng", ".ppm", ".pgm", ".pbm", ".tga", ".ico"),
        *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".exr", ".hdr"),
        *(".svg", ".eps", ".ai", ".psd", ".xcf"),
    )
)
"""Pictures too, and not read; leaving them out in silence would surprise whoever put them there."""

_P = TypeVar("_P", bound=PurePath)


def picture_files(folder: Path, endings: Sequence[str] = PICTURE_ENDINGS) -> List[Path]:
    """The pictures of a folder by name, none where it is missing; see `visible_files` for what is hidden.

    Args:
        folder: whose own files are meant.
        endings: of the names, in lower case. Where they are all that is read, pictures of other kinds are counted in a
            warning.
    """
    files = visible_files(folder)
    if tuple(endings) == PICTURE_ENDINGS:
        return pictures_among(files, folder)
    return [path for path in files if path.suffix.lower() in endings]


def pictures_among(files: Sequence[_P], where: Path) -> List[_P]:
    """Those of some files that are pictures and are read; what is a picture and is not is counted in a warning.

    Args:
        files: paths, also inside an archive.
        where: the folder or archive, for the warning.
    """
    unread = Counter(path.suffix.lower() for path in files if path.suffix.lower() in _UNREAD)
    if unread:
        count = sum(unread.values())
        said = f"{count} files are" if count > 1 else "1 file is"
        kinds = ", ".join(sorted(unread))
        warnings.warn(f"{where}: {said} not read ({kinds}); convert what is meant to PNG or JPEG", stacklevel=3)
    return [path for path in files if path.suffix.lower() in PICTURE_ENDINGS]
