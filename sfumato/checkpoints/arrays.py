"""Arrays of numbers by name from an .npz, a zip file of one .npy an array.

NumPy's own reader evaluates a file's header as Python and allocates what it asks for. Here the header's three entries
are looked for as text, and each array must be exactly as large as its header and the archive's directory both say,
before anything is allocated.
"""

import math
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO, Dict, Sequence, Union

import numpy as np

from ..errors import UserError, first_line
from .archives import Member, opened_member, opened_zip
from .stand_ins import DamagedError

_MOST = 4 << 30
_MAGIC = b"\x93NUMPY"
_LENGTHS = {1: "<H", 2: "<I", 3: "<I"}
"""How the length of the header is written, by the format's version."""
_LONGEST = 64 << 10
_ENTRY = re.compile(
    r"""['"](descr|fortran_order|shape)['"]\s*:\s*(['"][<>|=]?[biufcSU]\d{1,9}['"]|True|False|\([\dL, ]*\))"""
)
"""Numbers and texts of one length: nothing that would have to be unpickled, nothing of named parts."""


def read_npz(path: Path, names: Sequence[str], most: int = _MOST) -> Dict[str, np.ndarray]:
    """Some arrays of an .npz, by name.

    Args:
        path: of the file.
        names: of the arrays; others are not looked at.
        most: bytes of these arrays together.

    Raises:
        UserError: if the file is missing, damaged or no .npz, lacks one of the arrays, or one holds Python objects or
            is of another size than it says.
    """
    advice = f"give an .npz with {' and '.join(names)}"
    found = {}
    with opened_zip(path, ".npz of numbers", advice) as archive:
        there = set(archive.namelist())
        lacking = [name for name in names if f"{name}.npy" not in there]
        if lacking:
            raise UserError(f"{path}: has no array {' and '.join(lacking)}; {advice}")
        for name in names:
            with opened_member(archive, f"{name}.npy", most) as member:
                most -= member.size
                try:
                    found[name] = _array(member)
                except (ValueError, TypeError, struct.error) as error:
                    raise UserError(f"{path}: {name} is no array of numbers ({first_line(error)}); {advice}") from None
    return found


def read_npy(path: Path) -> np.ndarray:
    """The array of an .npy.

    Raises:
        DamagedError: if it holds Python objects, or is of another size than it says.
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        try:
            return _array(_Whole(file, os.fstat(file.fileno()).st_size))
        except (ValueError, TypeError, struct.error) as error:
            raise DamagedError(f"is no array of numbers ({first_line(error)})") from None


class _Whole:
    """A file of its own, read as a member of an archive is."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.left = file, size

    def read(self, size: int) -> bytes:
        part = self._file.read(min(size, self.left))
        self.left -= len(part)
        return part


def _array(member: Union[Member, _Whole]) -> np.ndarray:
    """An .npy: a magic word, a version of two bytes, the header's length, the header, the numbers."""
    start = member.read(8)
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in _LENGTHS:
        raise ValueError("does not begin like an .npy")
    length = _LENGTHS[start[6]]
    (size,) = struct.unpack(length, member.read(struct.calcsize(length)))
    if size > _LONGEST:
        raise ValueError(f"describes itself in {size:,} bytes")
    header = member.read(size).decode("latin-1")
    told = dict(_ENTRY.findall(header))
    if len(told) != 3 or _ENTRY.sub("", header).strip(" {,}\n"):
        raise ValueError(f"is described as {header[:60].strip()!r}")
    dtype = np.dtype(told["descr"][1:-1])
    shape = tuple(int(side.strip(" L")) for side in told["shape"][1:-1].split(",") if side.strip())
    bytes_ = math.prod(shape) * dtype.itemsize
    if not dtype.itemsize or bytes_ != member.left:
        raise ValueError(f"describes {bytes_:,} bytes and has {member.left:,}")
    raw, place = np.empty(bytes_, dtype=np.uint8), 0
    while member.left:
        part = member.read(1 << 20)
        raw[place : place + len(part)] = np.frombuffer(part, dtype=np.uint8)
        place += len(part)
    return raw.view(dtype).reshape(shape, order="F" if told["fortran_order"] == "True" else "C")
