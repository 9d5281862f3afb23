"""Writing files whole or not at all."""

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

_BESIDE = re.compile(r"\..+\.(\d+)\.\w+")
"""The names that `atomic_path` writes to: .STEM.PROCESS.ENDING."""


@contextmanager
def atomic_path(path: Path, durable: bool = True) -> Iterator[Path]:
    """A path beside `path` to write to; it takes `path`'s place when the block ends well, and is removed when not.

    A reader sees the old file or the new one, never a part: the contents reach the disk before the name does. The
    ending of the name is kept, because libraries choose the format by it.

    Args:
        path: the file to write; its folder must exist.
        durable: wait until the disk has the contents. Of a thousand small pictures that can be painted again it is
            enough that none is half-written while the machine stays up.

    Raises:
        OSError: as the writing does, naming `path`, with nothing left behind.
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        if durable:
            with open(beside, "rb") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        if beside.exists():
            beside.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            # A full disk names no file, and other errors name the one beside.
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while they wrote left beside the files of a folder."""
    for path in folder.glob(".*.*"):
        process = _BESIDE.fullmatch(path.name)
        if process and not _runs(int(process.group(1))):
            path.unlink()


def _runs(process: int) -> bool:
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
