"""Zip files that come from outside, such as those of faces, arrays, checkpoints and the course's data.

What a zip file says of itself is not to be trusted: a few megabytes may hold a directory of millions of files, or files
that unpack to thousands of times their size. So the directory is bounded before it is read, all files together by the
size of the archive, and each file by what its reader can use.
"""

import io
import struct
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, Optional, Union

from ..errors import UserError, first_line

_DIRECTORY = 16 << 20
"""Bytes of the list of files: about 150,000 of them."""
_GAIN, _AT_LEAST = 100, 64 << 20
"""All files unpacked may be 100 times the archive, or 64 MiB; pictures hardly shrink and handwritten digits, the most
compressible data that we know, are 5 times smaller."""
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_OTHERS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard"}
"""Not read: Python lacks some, and of the rest a few bytes cannot be unpacked without all that they stand for."""
_ENCRYPTED = 0x1
_FAULTS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the zip library raises on files that are no whole zip."""


class _Archive(zipfile.ZipFile):
    """A zip file that knows what its user can do about damage."""

    advice = "get the file again"


class _Bounded(io.BufferedReader):
    """A file of which no read may bring more than the directory's limit, while the zip library looks for that."""

    most: Optional[int] = _DIRECTORY

    def read(self, size: Optional[int] = -1) -> bytes:
        if self.most is not None and size is not None and size > self.most:
            raise ValueError(f"its list of files is of {size / 2**20:.0f} MiB, and at most {self.most >> 20} are read")
        return super().read(size)


@contextmanager
def opened_zip(path: Path, kind: str = "zip file", advice: str = "get the file again") -> Iterator[zipfile.ZipFile]:
    """A zip file to read from with `member_bytes`; errors of the block itself pass.

    Args:
        path: of the file.
        kind: of file that the user was asked for.
        advice: what to do where it is damaged.

    Raises:
        UserError: if it is missing, no whole zip file, or unpacks to far more than it is.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file; check the path")
    if not path.is_file():
        raise UserError(f"{path}: is no file; give a {kind}")
    with _Bounded(io.FileIO(path)) as file:
        try:
            archive = _Archive(file)
            size = file.seek(0, io.SEEK_END)
        except _FAULTS as error:
            raise UserError(f"{path}: is no whole {kind} ({first_line(error)}); {advice}") from None
        file.most, archive.advice = None, advice
        total = sum(info.file_size for info in archive.infolist())
        if total > max(_AT_LEAST, _GAIN * size):
            raise UserError(
                f"{path}: says that it unpacks to {total:,} bytes, {total // max(1, size):,} times its size;"
                " if it is whole, unpack it by hand"
            )
        with archive:
            yield archive


def member_bytes(archive: zipfile.ZipFile, member: Union[str, zipfile.ZipInfo], most: int) -> bytes:
    """One file of an archive, unpacked whole.

    Args:
        archive: of `opened_zip`.
        member: its name or entry.
        most: bytes that it may have; not more are ever unpacked.

    Raises:
        UserError: if it is missing, larger, damaged, encrypted or packed by a method that is not read.
    """
    with opened_member(archive, member, most) as file:
        return file.read()


@contextmanager
def opened_member(archive: zipfile.ZipFile, member: Union[str, zipfile.ZipInfo], most: int) -> Iterator["Member"]:
    """As `member_bytes`, to be read in parts."""
    name = member if isinstance(member, str) else member.filename
    where, advice = f"{archive.filename}: {name!r} inside it", getattr(archive, "advice", _Archive.advice)
    try:
        info = archive.getinfo(member) if isinstance(member, str) else member
    except KeyError:
        raise UserError(f"{where} is missing; {advice}") from None
    if info.flag_bits & _ENCRYPTED:
        raise UserError(f"{where} is encrypted; unpack it by hand, or pack it again without a password")
    if info.compress_type not in _METHODS:
        method = _OTHERS.get(info.compress_type, f"number {info.compress_type}")
        raise UserError(f"{where} is packed by a method that is not read ({method}); pack it again as usual")
    if info.file_size > most:
        raise UserError(f"{where} has {info.file_size:,} bytes; at most {most:,} are read")
    try:
        opened = archive.open(info)
    except _FAULTS as error:
        raise UserError(f"{where} is damaged ({first_line(error)}); {advice}") from None
    with opened:
        yield Member(opened, info.file_size, where, advice)


class Member:
    """One file of an archive on the way out; no more of it comes than its entry said."""

    def __init__(self, file: IO[bytes], size: int, where: str, advice: str) -> None:
        self.size = self.left = size
        """Bytes that its entry promises, and those of them that were not read yet."""
        self._file, self._where, self._advice = file, where, advice

    def read(self, size: Optional[int] = None) -> bytes:
        """The next bytes, or all that are left.

        Raises:
            UserError: where the file is damaged or ends before its size.
        """
        wanted = self.left if size is None else min(size, self.left)
        parts = []
        try:
            while wanted:
                part = self._file.read(min(wanted, 1 << 20))
                if not part:
                    raise EOFError("it ends early")
                parts.append(part)
                wanted -= len(part)
                self.left -= len(part)
            if not self.left:
                # Only behind its last byte is the sum of the whole compared.
                self._file.read(1)
        except _FAULTS as error:
            raise UserError(f"{self._where} is damaged ({first_line(error)}); {self._advice}") from None
        return parts[0] if len(parts) == 1 else b"".join(parts)
