"""Reading folders: what systems put beside the user's files is no file of the user's.

Finder, network storage, notebooks and archivers leave copies and thumbnails everywhere. Some of them are whole pictures
or look like checkpoints, so every folder is read through here and they are skipped by one rule.
"""

import operator
import os
import re
from pathlib import Path, PurePath
from typing import Iterator, List, Tuple, Union

_LEFT_BY_SYSTEMS = frozenset(("@eadir", "__macosx", "thumbs.db", "desktop.ini"))
"""Names of files and folders, in lower case, that do not begin with a full stop."""

_MOST_OPEN = 100
"""Folders inside one another that are kept open."""
_NAME = operator.attrgetter("name")
_NOT_INSIDE = re.compile(r"\\|\0|^[A-Za-z]:")


def is_hidden(relative: Union[PurePath, str]) -> bool:
    """Whether a file is none of the user's: its name, or that of a folder on the way to it, begins with a full stop or
    is one that systems give (`@eaDir`, `__MACOSX`, `Thumbs.db`, `desktop.ini`).

    Args:
        relative: to the folder or archive that the user named; as a text its parts are divided by "/". Folders above
            that one do not count: a run in `~/.cache/x` is as good as any.
    """
    parts = relative.split("/") if isinstance(relative, str) else relative.parts
    return any(_is_left(part) for part in parts if part not in ("..", "."))


def _is_left(part: str) -> bool:
    return part[:1] == "." or part.lower() in _LEFT_BY_SYSTEMS


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
    return [folder / relative for relative, _ in visible_entries(folder, deep)]


def visible_entries(folder: Path, deep: bool = False) -> Iterator[Tuple[str, "os.DirEntry[str]"]]:
    """As `visible_files`, each with its path inside the folder, divided by "/": of a million it takes seconds.

    What an entry's file is must be asked before the next one is taken; its `path` is not to be used.
    """
    levels = [_Level(folder, "", True)] if folder.is_dir() else []
    try:
        while levels:
            level = levels[-1]
            if not level.entries:
                levels.pop().close()
                continue
            entry = level.entries.pop()
            if entry.is_file():
                yield level.before + entry.name, entry
            elif deep and entry.is_dir(follow_symlinks=False):
                inside = f"{level.before}{entry.name}/"
                levels.append(_Level(folder / inside, inside, len(levels) < _MOST_OPEN))
    finally:
        for level in levels:
            level.close()


class _Level:
    """What is in a folder and visible, the last by name first.

    Args:
        path: of the folder.
        before: its path inside the folder that the user named.
        keep_open: whether it may stay open, since then its files are looked up in it and not along their whole path.
    """

    def __init__(self, path: Path, before: str, keep_open: bool) -> None:
        self.before = before
        self._number = os.open(path, os.O_RDONLY) if keep_open and os.scandir in os.supports_fd else None
        with os.scandir(path if self._number is None else self._number) as entries:
            self.entries: List[os.DirEntry[str]] = [one for one in entries if not _is_left(one.name)]
        self.entries.sort(key=_NAME, reverse=True)

    def close(self) -> None:
        if self._number is not None:
            os.close(self._number)
