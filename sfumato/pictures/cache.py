"""Decoded pictures on the disk, so that they are decoded once and never held in memory whole.

A cache file is an .npy of a known shape. Its name holds a digest of what it was made of: changed pictures make another
name, and are decoded anew; of one source the newest contents are kept.
"""

import io
import itertools
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Optional, Sequence

import numpy as np

from ..bars import Bar
from ..checkpoints import atomic_path
from ..devices import in_batches
from ..errors import UserError
from ..runs import digest

_LONGEST_NAME = 64
_SMALL = 256 << 20
"""Bytes up to which all is decoded before anything is written, so that pictures that cannot be used leave no trace."""
_DECODERS = min(8, os.cpu_count() or 1)
_PART = 1000


def cached(
    source: Path, folder: Optional[Path], key: str, shape: Sequence[int], fill: Callable[[np.ndarray], None]
) -> np.ndarray:
    """The uint8 array that `fill` makes, mapped from its file, read-only.

    Args:
        source: what the pictures came from; the cache lies in it if it is a folder, else beside it, by default.
        folder: for the cache file instead.
        key: a digest of all that decides the contents.
        shape: of the array.
        fill: writes every element of the array it is given.

    Raises:
        UserError: if the file cannot be written.
    """
    folder = Path(folder) if folder is not None else source if source.is_dir() else source.parent
    name = source.name if len(os.fsencode(source.name)) <= _LONGEST_NAME else "pictures"
    ours = f".sfumato-{name}-{digest(str(source.resolve()))}"
    path, header = folder / f"{ours}-{key}.npy", _header(shape)
    if not _whole(path, header, shape):
        small = np.empty(shape, np.uint8) if math.prod(shape) <= _SMALL else None
        if small is not None:
            fill(small)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as beside:
                _write(beside, header, shape, fill if small is None else lambda pixels: np.copyto(pixels, small))
            _forget_earlier(folder, ours, path)
        except OSError as error:
            raise UserError(
                f"{folder}: decoded pictures cannot be kept there ({error.strerror}); give another folder as --cache"
            ) from None
    return np.memmap(path, np.uint8, "r", len(header), tuple(shape))


def decode(pixels: np.ndarray, one: Callable[[int], np.ndarray], what: str) -> None:
    """Fill pixels with one(0), one(1) ... by several threads, under a bar."""
    with ThreadPoolExecutor(_DECODERS) as pool:
        # In parts: where a picture cannot be used, all that were begun are waited for.
        parts = (pool.map(one, part) for part in in_batches(range(len(pixels)), _PART))
        pictures = itertools.chain.from_iterable(parts)
        bar = Bar(pictures, total=len(pixels), desc=f"decoding {what}", unit="picture", leave=False)
        for number, picture in enumerate(bar):
            pixels[number] = picture


def _header(shape: Sequence[int]) -> bytes:
    made = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(made, described)
    return made.getvalue()


def _whole(path: Path, header: bytes, shape: Sequence[int]) -> bool:
    """Whether the file is exactly what would be written: its header is compared, and never believed."""
    if not path.is_file() or path.stat().st_size != len(header) + math.prod(shape):
        return False
    with open(path, "rb") as file:
        return file.read(len(header)) == header


def _write(path: Path, header: bytes, shape: Sequence[int], fill: Callable[[np.ndarray], None]) -> None:
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + math.prod(shape))
        if hasattr(os, "posix_fallocate"):
            # Where the disk is full this says so; writing into the map would end the process.
            os.posix_fallocate(file.fileno(), 0, len(header) + math.prod(shape))
    pixels = np.memmap(path, np.uint8, "r+", len(header), tuple(shape))
    fill(pixels)
    pixels.flush()


def _forget_earlier(folder: Path, ours: str, kept: Path) -> None:
    earlier = re.compile(re.escape(ours) + r"-[0-9a-f]{16}\.np[yz]")  # .npz before 0.2
    for old in list(folder.iterdir()):
        if old != kept and earlier.fullmatch(old.name):
            old.unlink()
