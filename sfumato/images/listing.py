"""Which files of a folder or archive are pictures."""

import os
import warnings
from collections import Counter
from pathlib import Path, PurePath, PurePosixPath
from typing import Iterator, List, Sequence, Tuple, TypeVar

from ..checkpoints import some, visible_entries, visible_files
from ..errors import UserError

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""How the names of pictures that are read end, in lower case."""
_READ = frozenset(PICTURE_ENDINGS)
_GRADED = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tiff")
"""Those that the course's grader of concepts reads."""
_UNREAD = frozenset(
    (
        *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".jpe", ".jif", ".apng", ".ppm", ".pgm", ".pbm", ".tga", ".ico"),
        *(".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".exr", ".hdr"),
        *(".svg", ".eps", ".ai", ".psd", ".xcf"),
    )
)
"""Pictures too, and not read; leaving them out in silence would surprise whoever put them there."""

_P = TypeVar("_P", PurePath, Path, PurePosixPath, str)


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
    endings = [_ending((path if isinstance(path, str) else path.name).rpartition("/")[2]) for path in files]
    _tell_unread(Counter(ending for ending in endings if ending in _UNREAD), where)
    return [path for path, ending in zip(files, endings) if ending in _READ]


def graded_files(pictures: Sequence[Path]) -> List[Path]:
    """Those of a folder's pictures that the course's grader of concepts reads; the others are named in a warning.

    Args:
        pictures: at least one.

    Raises:
        UserError: if it reads none.
    """
    graded = [path for path in pictures if path.suffix.lower() in _GRADED]
    others, folder = [path.name for path in pictures if path not in graded], pictures[0].parent
    if not graded:
        raise UserError(f"{folder}: the course's grader reads none of {some(others)}; convert them to PNG")
    if others:
        warnings.warn(f"{folder}: left out {some(others)}, which the course's grader does not read", stacklevel=2)
    return graded


def exactly_pngs(folder: Path, count: int) -> List[Path]:
    """The PNGs of a folder by name, which must hold so many files and nothing else, as the course's grader counts.

    Raises:
        UserError: for any other count; what is hidden is counted too, for the grader does.
    """
    found = picture_files(folder, (".png",))
    names = set(os.listdir(folder)) if folder.is_dir() else set()
    others = sorted(names - {path.name for path in found})
    if others or len(found) != count:
        beside = f" and {some(others)}" if others else ""
        raise UserError(
            f"{folder}: holds {len(found)} PNGs{beside}; the course's grader counts all files, and there must be"
            f" exactly {count}; paint what is missing, and remove what is too much"
        )
    return found


def picture_entries(folder: Path) -> Iterator[Tuple[str, "os.DirEntry[str]"]]:
    """The pictures of a folder and of all folders inside it, as `visible_entries` gives them."""
    unread: Counter[str] = Counter()
    for relative, entry in visible_entries(folder, deep=True):
        ending = _ending(entry.name)
        if ending in _READ:
            yield relative, entry
        elif ending in _UNREAD:
            unread[ending] += 1
    _tell_unread(unread, folder)


def _ending(name: str) -> str:
    """What `PurePath` calls the suffix, in lower case, without making one: that takes longer than all else."""
    point = name.rfind(".")
    return name[point:].lower() if 0 < point < len(name) - 1 else ""


def _tell_unread(unread: "Counter[str]", where: Path) -> None:
    if unread:
        count = sum(unread.values())
        said = f"{count} files are" if count > 1 else "1 file is"
        kinds = ", ".join(sorted(unread))
        warnings.warn(f"{where}: {said} not read ({kinds}); convert what is meant to PNG or JPEG", stacklevel=4)
