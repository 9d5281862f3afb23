"""Reading folders: what systems put beside the user's files is no file of the user's.

Finder, network storage, notebooks and archivers leave copies and thumbnails everywhere. Some of them are whole pictures
or look like checkpoints, so every folder is read through here and they are skipped by one rule.
"""

import os
import re
from pathlib import Path, PurePath
from typing import List

_LEFT_BY_SYSTEMS = frozenset(("@eadir", "__macosx", "thumbs.db", "desktop.ini"))
"""Names of files and folders, in lower case, that do not begin with a full stop."""

_NOT_INSIDE = re.compile(r"\\|\0|^[A-Za-z]:")


def is_hidden(relative: PurePath) -> bool:
    """Whether a file is none of the user's: its name, or that of a folder on the way to it, begins with a full stop or
    is one that systems give (`@eaDir`, `__MACOSX`, `Thumbs.db`, `desktop.ini`).

    Args:
        relative: to the folder or archive that the user named. Folders above that one do not count: a run in
            `~/.cache/x` is as good as any.
    """
    return any(part.startswith(".") or part.lower() in _LEFT_BY_SYSTEMS for part in relative.parts if part != "..")


def leads_out(name: str) -> bool:
    """Whether a path that a file names may leave the folder it is meant to lie in, on any system: it is absolute, has
    a drive, goes upwards, or has signs that are one system's alone."""
    return name.startswith("/") or ".." in name.split("/") or bool(_NOT_INSIDE.search(name))


def visible_files(folder: Path, deep: bool = False) -> List[Path]:
    """The user's files in a folder, sorted by path; none where there is no such folder.

    Args:
        folder: that the user named; it may be a link, and what is in it may be linked files. Linked folders inside it
            are not entered.
        deep: whether files in the folders inside it count too.

    Raises:
        OSError: if a folder cannot be read.
    """
    found = []
    for here, inside, names in os.walk(folder, onerror=_tell) if folder.is_dir() else ():
        inside[:] = [name for name in inside if deep and not is_hidden(PurePath(name))]
        paths = (Path(here, name) for name in names if not is_hidden(PurePath(name)))
        found += [path for path in paths if path.is_file()]
    return sorted(found)


def _tell(error: OSError) -> None:
    raise error
