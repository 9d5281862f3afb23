"""The two formats of `torch.save`, read without `torch.load`: what it does with a file is decided by the file.

New (torch 1.6 on): a zip whose members are stored as they are, NAME/data.pkl (the pickle), NAME/data/0 ... (a storage
each) and NAME/byteorder. Old: five pickles one after the other (a magic number, a version, the writer's machine, the
object, the storages' keys), then each storage as a count and its numbers.

Storages of the new format are the file's own bytes, mapped into memory: read from the disk when they are used.
"""

import struct
import zipfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from .archives import opened_zip
from .mapping import Mapped, mapped
from .pickles import LONGEST, run_inert
from .stand_ins import DamagedError, Global, StandIn, described

MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""What the old format's first pickle holds, within its first bytes: the version's, and newer versions' frame."""

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
_MODULES = ("torch.", "torch.cuda.", "torch.storage.")


class _Asked(NamedTuple):
    """What a pickle says of a storage."""

    dtype: torch.dtype
    key: str
    numbers: int
    """In it."""
    part: Optional[Tuple[int, int]]
    """(first number, numbers) of an old file's storage that is a part of another."""


def read_torch_zip(path: Path) -> Any:
    """The content of a file of the new format; its tensors are mapped, and changing them changes no file.

    Raises:
        UserError: if it is no whole zip.
        DamagedError: if it is none that `torch.save` wrote; for TorchScript, which is a program.
        OSError: if it cannot be read.
    """
    raw = mapped(path)
    with opened_zip(path, "PyTorch checkpoint", "it may be truncated, get it again") as archive:
        members = {info.filename: info for info in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if any(name.endswith("constants.pkl") for name in members):
        raise DamagedError("is a TorchScript program, which would have to be run to be read; save its state_dict()")
    if len(pickles) != 1:
        raise DamagedError(_other_zip(list(members)))
    if sum(info.file_size for info in members.values()) > len(raw):
        raise DamagedError("is a zip whose files overlap or are compressed; give the file as it was saved")
    root = pickles[0][: -len("data.pkl")]
    order = members.get(root + "byteorder")
    swapped = order is not None and bytes(_stored(raw, order)) == b"big"
    flat: Dict[Tuple[str, torch.dtype], Tensor] = {}

    def persistent(identity: Any) -> Any:
        asked = _asked(identity)
        if isinstance(asked, StandIn):
            return asked
        if (asked.key, asked.dtype) not in flat:
            member = members.get(f"{root}data/{asked.key}")
            if member is None:
                raise DamagedError(f"lacks the storage {asked.key!r}")
            flat[asked.key, asked.dtype] = _typed(_stored(raw, member), asked, swapped)
        return flat[asked.key, asked.dtype]

    program = _stored(raw, members[pickles[0]])
    if len(program) > LONGEST:
        raise DamagedError(f"describes itself in {len(program)} bytes; no checkpoint needs more than {LONGEST}")
    return run_inert(bytes(program), persistent).result


def _other_zip(names: List[str]) -> str:
    """What a zip is that `torch.save` did not write."""
    files = [name for name in names if not name.endswith("/")]
    if not files:
        return "is an empty zip; get the file again"
    if all(name.endswith(".npy") for name in files):
        return "is an .npz of arrays; this command needs a checkpoint"
    if any(name.endswith("model_index.json") for name in files):
        return "is a zip of a diffusers folder; unpack it and give the folder"
    shown = ", ".join(repr(name[:60]) for name in files[:2]) + (" ..." if len(files) > 2 else "")
    return f"is a zip around {shown}; unpack it and give what is inside"


def _stored(raw: Mapped, member: zipfile.ZipInfo) -> memoryview:
    """The bytes of a member, which is not compressed, where they lie."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size or member.flag_bits & 1:
        raise DamagedError("is a zip that was packed again, compressed; give the file as it was saved")
    header = raw[member.header_offset : member.header_offset + 30] if member.header_offset >= 0 else b""
    if len(header) < 30 or header[:4] != b"PK\3\4":
        raise DamagedError("is a zip whose directory points nowhere")
    begin = member.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    if begin + member.file_size > len(raw):
        raise DamagedError("is truncated")
    return memoryview(raw)[begin : begin + member.file_size]


def _asked(identity: Any) -> Union[_Asked, StandIn]:
    """A persistent id: ("storage", type, key, device, count[, part]); a stand-in for types without numbers."""
    if isinstance(identity, tuple) and identity and identity[0] == "module":
        # Old files name the classes of networks so, with their source.
        return (
            StandIn(identity[1].name) if len(identity) > 1 and isinstance(identity[1], StandIn) else StandIn("module")
        )
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise DamagedError("has a persistent id that is no storage")
    kind, key, count = identity[1], identity[2], identity[4]
    if not isinstance(kind, Global) or not isinstance(key, str) or type(count) is not int or not 0 <= count < 2**62:
        raise DamagedError("has a storage without type, key or size")
    module, name = kind.name[: kind.name.rfind(".") + 1], kind.name[kind.name.rfind(".") + 1 :]
    if module not in _MODULES or name not in _STORAGES:
        return StandIn(kind.name)
    return _Asked(_STORAGES[name], key, count, _part(identity[5] if len(identity) > 5 else None, count))


def _part(view: Any, count: int) -> Optional[Tuple[int, int]]:
    if view is None:
        return None
    numbers = view[1:3] if isinstance(view, tuple) and len(view) == 3 else ()
    if len(numbers) != 2 or not all(type(number) is int and number >= 0 for number in numbers) or sum(numbers) > count:
        raise DamagedError(f"has a storage whose part is {described(view)}, or beyond its end")
    return numbers[0], numbers[1]


def _typed(raw: memoryview, asked: _Asked, swapped: bool) -> Tensor:
    width = torch.empty(0, dtype=asked.dtype).element_size()
    if len(raw) != asked.numbers * width:
        raise DamagedError(f"has {len(raw)} bytes for a storage of {asked.numbers * width}; it may be truncated")
    if not asked.numbers:
        return torch.empty(0, dtype=asked.dtype)
    if swapped and width > 1:
        turned = torch.frombuffer(raw, dtype=torch.uint8).reshape(-1, width).flip(1).contiguous()
        return turned.view(asked.dtype).reshape(-1)
    flat = torch.frombuffer(raw, dtype=torch.uint8)
    # A mapped file begins at a page, but a storage in it need not begin where its numbers may lie.
    return (flat.clone() if flat.data_ptr() % width else flat).view(asked.dtype)


def read_torch_legacy(path: Path) -> Any:
    """The content of a file of the old format.

    Raises:
        DamagedError: if it is none.
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(LONGEST)
        place, machine = 0, {}  # type: int, Dict[Any, Any]
        for number in range(3):
            step = run_inert(head[place:], _no_storage)
            place += step.end
            machine = step.result if number == 2 and isinstance(step.result, dict) else machine
        asked: Dict[str, _Asked] = {}
        # Where the storages lie is known after the object: it is read once to find them, and once with them.
        whole = run_inert(head[place:], lambda identity: _noted(identity, asked))
        keys = run_inert(head[place + whole.end :], _no_storage)
        if not isinstance(keys.result, list):
            raise DamagedError("does not list its storages")
        file.seek(place + whole.end + keys.end)
        swapped = machine.get("little_endian") is False
        flat = {key: _next_storage(file, asked.get(key), swapped) for key in keys.result if isinstance(key, str)}
    return run_inert(head[place:], lambda identity: _found(identity, flat)).result


def _no_storage(_: Any) -> Any:
    raise DamagedError("has a storage where none belongs")


def _noted(identity: Any, asked: Dict[str, _Asked]) -> StandIn:
    one = _asked(identity)
    if isinstance(one, StandIn):
        if not isinstance(identity[0], str) or identity[0] != "module":
            raise DamagedError(f"holds numbers of the kind {described(one)}, which are not known")
        return one
    asked.setdefault(one.key, one)
    return StandIn("torch.storage")


def _next_storage(file: Any, asked: Optional[_Asked], swapped: bool) -> Tensor:
    raw = file.read(8)
    if len(raw) < 8 or asked is None:
        raise DamagedError("is truncated, or lists a storage that nothing uses")
    count = struct.unpack("<q", raw)[0]
    place = file.tell()
    left = file.seek(0, 2) - place
    file.seek(place)
    width = torch.empty(0, dtype=asked.dtype).element_size()
    if count != asked.numbers or count * width > left:
        raise DamagedError("is truncated")
    flat = np.empty(count * width, dtype=np.uint8)
    if file.readinto(flat.data) != count * width:
        raise DamagedError("is truncated")
    return _typed(flat.data, asked, swapped)


def _found(identity: Any, flat: Dict[str, Tensor]) -> Any:
    one = _asked(identity)
    if isinstance(one, StandIn):
        return one
    storage = flat.get(one.key)
    if storage is None:
        raise DamagedError(f"lacks the storage {one.key!r}")
    if one.dtype != storage.dtype:
        raise DamagedError(f"has the storage {one.key!r} of two types")
    return storage if one.part is None else storage[one.part[0] : sum(one.part)]
