"""The safetensors format: eight bytes of header length, a JSON header, raw tensors.

Reading is our own, because the course's environment has no safetensors package and must load the shipped weights;
writing is the package's.
"""

import errno
import json
import mmap
import os
import re
import struct
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple, Union

import torch
from torch import Tensor

from ..errors import UserError
from .files import atomic_path

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
_LONGEST_HEADER = 100_000_000


def read_safetensors(path: Path) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """Read a file's tensors and its metadata.

    Every offset is checked against the file's true size before a byte of a tensor is touched. The tensors are the
    file's own bytes, mapped into memory: read from the disk when they are used; changing them changes no file.

    Returns:
        (key -> tensor on the CPU, metadata).

    Raises:
        UserError: if the file is missing, is no safetensors file, or ends early.
    """
    try:
        raw = _mapped(Path(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    header, start = _header(path, raw)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise UserError(f"{path}: is not a safetensors file (its metadata is not an object)")
    body = torch.frombuffer(raw, dtype=torch.uint8, offset=start) if len(raw) > start else torch.empty(0)
    return {key: _tensor(path, key, entry, body) for key, entry in header.items()}, metadata


def _mapped(path: Path) -> Union[mmap.mmap, bytes]:
    """The file's bytes, of which the system reads only those that are looked at; changing them changes no file."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # nothing cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all; tensors are stored as they are, made contiguous.

    Raises:
        OSError: naming the file, as where the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with atomic_path(Path(path)) as beside:
        try:
            save_file(plain, str(beside), metadata=dict(metadata))
        except SafetensorError as error:
            # The package hides the system's error in its text.
            code = re.search(r"os error (\d+)|code: (\d+)", str(error))
            raise OSError(int(code.group(1) or code.group(2)) if code else errno.EIO, str(error)) from None
        os.chmod(beside, 0o666 & ~_umask())  # the package writes files that nobody else may read


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _header(path: Path, raw: Union[mmap.mmap, bytes]) -> Tuple[Dict[str, Any], int]:
    length = struct.unpack("<Q", raw[:8])[0] if len(raw) >= 8 else 0
    if not 2 <= length <= _LONGEST_HEADER:
        raise UserError(f"{path}: is not a safetensors file; give one, or a file of the format this command reads")
    if 8 + length > len(raw):
        raise UserError(f"{path}: is truncated inside its header; get or write it again")
    try:
        header = json.loads(raw[8 : 8 + length])
    except ValueError:
        raise UserError(f"{path}: is not a safetensors file (its header is not JSON)") from None
    if not isinstance(header, dict):
        raise UserError(f"{path}: is not a safetensors file (its header is not an object)")
    return header, 8 + length


def _tensor(path: Path, key: str, entry: Any, body: Tensor) -> Tensor:
    try:
        dtype, shape, (begin, end) = _TYPES[entry["dtype"]], [int(n) for n in entry["shape"]], entry["data_offsets"]
        size = torch.empty(0, dtype=dtype).element_size()
        for length in shape:
            size *= length
        consistent = min(shape, default=0) >= 0 and begin >= 0 and end - begin == size
    except (KeyError, TypeError, ValueError):
        consistent = False
    if not consistent:
        raise UserError(f"{path}: the entry of tensor {key!r} is damaged; get or write the file again")
    if end > len(body):
        raise UserError(
            f"{path}: is truncated: tensor {key!r} ends at byte {end} of {len(body)}; get or write it again"
        )
    if size == 0:
        return torch.empty(shape, dtype=dtype)
    part = body[begin:end]
    if part.data_ptr() % torch.empty(0, dtype=dtype).element_size():
        part = part.clone()  # offsets inside a file need not be aligned; memory must be
    return torch.frombuffer(part.numpy(), dtype=dtype).reshape(shape)
