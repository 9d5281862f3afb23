"""The safetensors format: eight bytes of header length, a JSON header, raw tensors.

Reading is our own, because the course's environment has no safetensors package and must load the shipped weights;
writing is the package's.
"""

import errno
import json
import math
import os
import re
import struct
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import torch
from torch import Tensor

from ..errors import UserError
from .files import atomic_path, temporary_folder
from .mapping import Mapped, mapped
from .stand_ins import StandIn, shortened
from .strict import refuse_not_finite

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_LONGEST_HEADER = 16 * 2**20
"""Bytes; the header of a whole Stable Diffusion takes a hundredth of it."""

_MOST_AXES = 32
_MOST_EMPTY = 2**31
"""The product of an empty tensor's other axes."""


def read_safetensors(path: Path) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """Read a file's tensors and its metadata.

    Every offset is checked against the file's true size before a byte of a tensor is touched. The tensors are the
    file's own bytes, mapped into memory: read from the disk when they are used; changing them changes no file.

    Returns:
        (key -> tensor on the CPU, or a stand-in for a type that is not known, such as F8_E4M3; metadata, as text).

    Raises:
        UserError: if the file is missing, is no safetensors file, or ends early.
    """
    try:
        raw = mapped(Path(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    header, start = _header(path, raw)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise UserError(f"{path}: is not a safetensors file (its metadata is not an object of texts)")
    body = torch.frombuffer(raw, dtype=torch.uint8, offset=start) if len(raw) > start else torch.empty(0)
    left = len(body)
    tensors = {}
    for key, entry in header.items():
        tensors[key], size = _tensor(path, key, entry, body)
        # The format has no overlaps. What is not aligned is copied: one byte could be a thousand times.
        left -= size
        if left < 0:
            raise UserError(f"{path}: its tensors overlap; get or write the file again")
    return tensors, metadata


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all; tensors are stored as they are, made contiguous.

    The same tensors and metadata give the same bytes.

    Raises:
        UserError: for a tensor that holds NaN or infinity, which no reader takes.
        OSError: naming the file, as where the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path, plain = Path(path), {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    refuse_not_finite(plain, path)
    # The package writes to a name of its own beside the file that it is given; in a folder of ours that is swept too.
    with atomic_path(path) as beside, temporary_folder(path.with_name(f"{path.name}.folder")) as folder:
        whole = folder / "whole.safetensors"
        try:
            save_file(plain, str(whole), metadata=dict(metadata))
        except SafetensorError as error:
            # The package hides the system's error in its text.
            code = re.search(r"os error (\d+)|code: (\d+)", str(error))
            raise OSError(int(code.group(1) or code.group(2)) if code else errno.EIO, str(error)) from None
        os.chmod(whole, 0o666 & ~_umask())  # the package writes files that nobody else may read
        _order_metadata(whole)
        os.replace(whole, beside)


def _order_metadata(path: Path) -> None:
    """Sort a file's metadata, which the package writes in an order of chance; all else of it has one."""
    with open(path, "r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        ordered = {"__metadata__": dict(sorted(header.pop("__metadata__", {}).items())), **header}
        text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= length, "the same entries take the same room"
        file.seek(8)
        file.write(text.ljust(length))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _header(path: Path, raw: Mapped) -> Tuple[Dict[str, Any], int]:
    length = struct.unpack("<Q", raw[:8])[0] if len(raw) >= 8 else 0
    if length < 2 or raw[8:9] != b"{":
        raise UserError(f"{path}: is not a safetensors file; give one, or a file of the format this command reads")
    if 8 + length > len(raw):
        raise UserError(f"{path}: is truncated inside its header; get or write it again")
    if length > _LONGEST_HEADER:
        raise UserError(f"{path}: has a header of {length} bytes; no model needs more than {_LONGEST_HEADER}")
    try:
        header = json.loads(raw[8 : 8 + length])
    except (ValueError, RecursionError):
        raise UserError(f"{path}: is not a safetensors file (its header is not JSON)") from None
    return header, 8 + length


def _tensor(path: Path, key: str, entry: Any, body: Tensor) -> Tuple[Any, int]:
    """(a tensor, or a stand-in for one; its bytes)"""
    shape, begin, end, kind = _entry(path, key, entry)
    if kind not in _TYPES:
        return StandIn(f"a tensor of the type {kind}"), 0
    dtype = _TYPES[kind]
    width = torch.empty(0, dtype=dtype).element_size()
    size = width
    for length in shape:
        size *= length
    if end - begin != size:
        raise _damaged(path, key)
    if end > len(body):
        raise UserError(
            f"{path}: is truncated: tensor {shortened(key)!r} ends at byte {end} of {len(body)}; get or write it again"
        )
    if size == 0:
        if math.prod(axis for axis in shape if axis) > _MOST_EMPTY:
            raise _damaged(path, key)  # nothing at all, and beyond what PyTorch can count
        return torch.empty(shape, dtype=dtype), 0
    part = body[begin:end]
    if part.data_ptr() % width:
        part = part.clone()  # offsets inside a file need not be aligned; memory must be
    return torch.frombuffer(part.numpy(), dtype=dtype).reshape(shape), size


def _entry(path: Path, key: str, entry: Any) -> Tuple[List[int], int, int, str]:
    """(shape, first byte, byte after the last, type) of a tensor, of whole numbers that can be meant."""
    try:
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        good = isinstance(shape, list) and len(shape) <= _MOST_AXES and isinstance(kind, str)
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, key) from None
    if not good or not all(type(number) is int and 0 <= number < 2**62 for number in (*shape, begin, end)):
        raise _damaged(path, key)
    return shape, begin, end, kind


def _damaged(path: Path, key: str) -> UserError:
    return UserError(f"{path}: the entry of tensor {shortened(key)!r} is damaged; get or write the file again")
