"""Folders that are written into: made where they are missing, and held by one process at a time.

A folder is held by a lock on itself (`flock`), which the system gives back with whatever ends the process: there is no
file that could be left over. Where the system has no such locks (Windows, some network disks) nobody is refused.
"""

import contextlib
import os
from pathlib import Path
from typing import Iterator, Optional, Set, Tuple

from .errors import UserError

_HELD: Set[Tuple[int, int]] = set()
"""Device and number of the folders that this process holds: a command may be a part of another."""
_LOCKS, _PROCESSES = Path("/proc/locks"), Path("/proc")
_LONGEST_COMMAND = 80


def refuse_file(folder: Path) -> None:
    """Check early that a folder can be written into later.

    Raises:
        UserError: if it is a file, or would lie in one.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        which = "it" if there == folder else there
        raise UserError(f"{folder}: cannot be made a folder ({which} is a file); give another output path")


def open_folder(folder: Path) -> Path:
    """Make a folder to write into, with all above it; one that is there is good.

    Raises:
        UserError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror}); give another output path") from None
    return folder


def open_for_file(path: Path) -> Path:
    """Check early that a file can be written later, and make its folder.

    Raises:
        UserError: if it is a folder, or the one that it lies in cannot be made.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the name of a file")
    open_folder(path.parent)
    return path


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[Path]:
    """Make a folder and write into it alone, until the block ends.

    Raises:
        UserError: if it cannot be made, or another process, which is named, holds it.
    """
    status = open_folder(folder).stat()
    place = (status.st_dev, status.st_ino)
    if place in _HELD:
        yield folder
        return
    lock = _locked(folder)
    _HELD.add(place)
    try:
        yield folder
    finally:
        _HELD.discard(place)
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> Optional[int]:
    """The number of the open folder that has the lock; None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UserError(
            f"{folder}: {_holder(folder)} writes into it; wait for its end, or give another folder"
        ) from None
    except OSError:
        os.close(lock)
        return None
    return lock


def _holder(folder: Path) -> str:
    """The process that holds a folder, in words."""
    number = folder.stat().st_ino
    try:
        rows = [line.split() for line in _LOCKS.read_text().splitlines()]
    except OSError:
        rows = []
    for row in rows:
        # 1: FLOCK ADVISORY WRITE process device:inode ...; another container's process is 0.
        if row[1:2] == ["FLOCK"] and row[4].isdecimal() and row[4] != "0" and row[5].endswith(f":{number}"):
            return f"process {row[4]}{_command(row[4])}"
    return "another process"


def _command(process: str) -> str:
    try:
        words = (_PROCESSES / process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    typed = " ".join(" ".join(map(os.fsdecode, words)).split())
    return f" ({typed[:_LONGEST_COMMAND]}{'...' if len(typed) > _LONGEST_COMMAND else ''})"
