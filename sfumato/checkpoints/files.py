"""Writing files whole or not at all."""

import hashlib
import os
import re
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Set

_MARK = ".sfumato-tmp"
_HOST = hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]
_OURS = re.compile(re.escape(_MARK) + r"\.([0-9a-f]{8})\.(\d{1,10})\..+", re.DOTALL)
"""The names that processes write to: .sfumato-tmp.HOST.PROCESS.NAME. Only they are ever swept."""
_LONGEST_NAME, _LONGEST_ENDING = 64, 32
"""In bytes; with mark, host and process some 130, which every file system holds."""
_SWEPT: Set[str] = set()
"""Folders that this process has looked through for leftovers."""


@contextmanager
def atomic_path(path: Path, durable: bool = True, within: Optional[Path] = None) -> Iterator[Path]:
    """A path beside `path` to write to; it takes `path`'s place when the block ends well, and is removed when not.

    A reader sees the old file or the new one, never a part: the contents reach the disk before the name does. The
    ending of the name is kept, because libraries choose the format by it. Whoever writes into a folder first removes
    what killed processes left there, once a process: so leftovers stay nowhere that is written to again.

    Args:
        path: the file to write; its folder must exist.
        durable: wait until the disk has the contents. Of a thousand small pictures that can be painted again it is
            enough that none is half-written while the machine stays up.
        within: a folder to write in in place of the file's own, in which files are counted; taken if it is on the same
            disk, for else nothing could be renamed from it.

    Raises:
        OSError: as the writing does, naming `path`, with nothing left behind.
    """
    path = Path(path)
    elsewhere = within is not None and within.stat().st_dev == path.parent.stat().st_dev
    beside = _beside(within / path.name if within is not None and elsewhere else path)
    try:
        yield beside
        if durable:
            # Windows lets go to the disk only what is open for writing.
            with open(beside, "r+b") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        if beside.exists():
            beside.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            # A full disk names no file, and other errors name the one beside.
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """An empty folder of ours next to a path, removed with all in it when the block ends."""
    folder = _beside(beside)
    # What is there has our mark and our process, and is of an earlier one of its number.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path, of_all_hosts: bool = False) -> None:
    """Remove what processes that were killed while they wrote left in a folder, and nothing else.

    Args:
        folder: that they wrote into.
        of_all_hosts: whether those of other hosts count as killed, such as a container's that is no more. Only for whom
            the folder is held: of another host's nobody can ask whether it runs.
    """
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        ours = _OURS.fullmatch(path.name)
        if ours is None or (_runs(int(ours.group(2))) if ours.group(1) == _HOST else not of_all_hosts):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)  # another process of this run may sweep too


def _beside(path: Path) -> Path:
    folder = os.path.realpath(path.parent)
    if folder not in _SWEPT:
        _SWEPT.add(folder)
        remove_leftovers(path.parent)
    name, ending = path.stem, path.suffix
    if len(os.fsencode(ending)) > _LONGEST_ENDING:
        name, ending = path.name, ""
    if len(os.fsencode(name)) > _LONGEST_NAME:
        # Two long names may begin alike.
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return path.with_name(f"{_MARK}.{_HOST}.{os.getpid()}.{name}{ending}")


def _runs(process: int) -> bool:
    if os.name == "nt":
        # There a signal ends its process, whatever its number.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's, or none of ours to ask about
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")
