"""Every file of numbers that enters: what it is, is decided by its first bytes, not by its name."""

import struct
from pathlib import Path
from typing import Any, Dict, NamedTuple

from torch import Tensor

from ..errors import UserError
from .arrays import read_npy
from .rebuilders import as_tensor
from .safetensor_files import read_safetensors
from .stand_ins import DamagedError, described
from .torch_files import MAGIC, read_torch_legacy, read_torch_zip

_LOOKED_AT = 512
_OTHERS = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"),
    (b"GGUF", "is a GGUF file; give the checkpoint that it was made from"),
    (b"\x89HDF", "is an HDF5 file, as Keras writes; give a PyTorch or safetensors file"),
    (b"\x1f\x8b", "is packed with gzip; unpack it first"),
    (b"BZh", "is packed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "is packed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive; unpack it first"),
    (b"Rar!", "is a RAR archive; unpack it first"),
    (b"\x89PNG", "is a picture and holds no weights; give a checkpoint"),
    (b"\xff\xd8\xff", "is a picture and holds no weights; give a checkpoint"),
    (b"PK\x05\x06", "is an empty zip; get the file again"),
    (b"\x80", "is a pickle that torch.save did not write; save its tensors with torch.save or as safetensors"),
    (b"{", "is a text in JSON; give the file with the weights"),
)
"""How a file begins -> what it is and what to do."""


class Content(NamedTuple):
    """What a file held."""

    value: Any
    """Plain containers, numbers, tensors, NumPy arrays in stand-ins, stand-ins; key -> tensor for safetensors."""
    metadata: Dict[str, str]
    """Of safetensors; empty for other files."""


def read_tensors(path: Path) -> Content:
    """Read a file of tensors in any format: safetensors, both of `torch.save`, or a NumPy array.

    Nothing that the file names is run; what it holds besides numbers and plain containers becomes stand-ins.

    Raises:
        UserError: if it is missing, of another kind (which is named), damaged, or asks for too much.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_LOOKED_AT)
        return _read(path, head)
    except DamagedError as fault:
        raise UserError(f"{path}: {fault}; nothing of it was run") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the path") from None


def read_tensor(path: Path, what: str) -> Tensor:
    """The one tensor that a file holds, whatever it is wrapped in: a Parameter, a NumPy array, a table of one.

    Args:
        path: of the file; see `read_tensors`.
        what: the tensor is, for the error.

    Raises:
        UserError: if it cannot be read, or holds another number of tensors.
    """
    value = read_tensors(path).value
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()  # safetensors cannot hold a tensor without a name
    tensor = as_tensor(value)
    if tensor is None:
        raise UserError(f"{path}: holds {described(value)}; {what}")
    return tensor


def _read(path: Path, head: bytes) -> Content:
    if head.startswith(b"PK\x03\x04"):
        return Content(read_torch_zip(path), {})
    if head.startswith(b"\x80") and MAGIC in head[:32]:
        return Content(read_torch_legacy(path), {})
    if head.startswith(b"\x93NUMPY"):
        found = as_tensor(read_npy(path))
        if found is None:
            raise DamagedError("is an .npy of other things than numbers")
        return Content(found, {})
    if looks_like_safetensors(head):
        return Content(*read_safetensors(path))
    raise UserError(f"{path}: {_other(head)}")


def looks_like_safetensors(head: bytes) -> bool:
    """Whether a file that begins so has a length of a header and the beginning of one in JSON."""
    return len(head) >= 9 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < 2**40


def _other(head: bytes) -> str:
    """What a file is that holds no tensors, and what to do."""
    if not head:
        return "is empty; get the file again"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "is a web page, as a failed download leaves behind; get the file again"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first, or save it anew with torch.save"
    for begin, what in _OTHERS:
        if head.startswith(begin):
            return what
    return "is no file of tensors that is known (safetensors, torch.save, .npy); it may be damaged, get it again"


def weights_in(content: Any, path: Path, *inside: str) -> Dict[str, Any]:
    """The table of weights in a file's content: the whole, or what lies in it under one of these names.

    Keys lose what wrappers put between the names: "module" (DataParallel) and "_orig_mod" (torch.compile).

    Args:
        content: what `read_tensors` found.
        path: of the file, for the error.
        inside: such as "state_dict"; the first that is there.

    Raises:
        UserError: if there is no table with names for keys.
    """
    if isinstance(content, dict):
        content = next((content[name] for name in inside if name in content), content)
    if not isinstance(content, dict) or not content or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path}: holds {described(content)} and no table of weights; give a checkpoint")
    plain = {".".join(p for p in key.split(".") if p not in ("module", "_orig_mod")): v for key, v in content.items()}
    return plain if len(plain) == len(content) else content
