"""A file's bytes without reading it."""

import mmap
import os
from pathlib import Path
from typing import Union

Mapped = Union[mmap.mmap, bytes]


def mapped(path: Path) -> Mapped:
    """The file's bytes, of which the system reads only those that are looked at; changing them changes no file.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # nothing cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
