"""Pickles put together by hand, and the two files of torch.save around them: what no library would write."""

import io
import pickle
import struct
import zipfile
from typing import Dict, Sequence

MAGIC = 0x1950A86A20F9469CFC6C
"""By which torch knows its old format."""


def text(value: str) -> bytes:
    """Pushes a text."""
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """Pushes a whole number of any size."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def named(name: str) -> bytes:
    """Pushes what a dotted name stands for."""
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def some(*parts: bytes) -> bytes:
    """Pushes a tuple of what programs push."""
    return b"(" + b"".join(parts) + b"t"


def call(name: str, *arguments: bytes) -> bytes:
    """Pushes what a function answers."""
    return named(name) + some(*arguments) + b"R"


def built(what: bytes, state: bytes) -> bytes:
    """Pushes a thing that is set up with a state."""
    return what + state + b"b"


def listed(*parts: bytes) -> bytes:
    """Pushes a list."""
    return b"](" + b"".join(parts) + b"e"


def table(**parts: bytes) -> bytes:
    """Pushes a dict with texts for keys."""
    return b"}(" + b"".join(text(key) + value for key, value in parts.items()) + b"u"


def storage(key: str = "0", numbers: int = 4, kind: str = "torch.FloatStorage") -> bytes:
    """Pushes a storage, as torch's pickles ask for one."""
    return some(text("storage"), named(kind), text(key), text("cpu"), number(numbers)) + b"Q"


def tensor(kept: bytes, *view: bytes) -> bytes:
    """Pushes a tensor: a storage, offset, size, strides."""
    return call("torch._utils._rebuild_tensor_v2", kept, *view, b"\x89", call("collections.OrderedDict"))


def whole(program: bytes) -> bytes:
    """The pickle of what a program pushes."""
    return b"\x80\x02" + program + b"."


def zipped(members: Dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file that is the same on every day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def new_file(pickled: bytes, storages: Sequence[bytes] = (bytes(16),)) -> bytes:
    """What torch.save writes today."""
    data = {f"archive/data/{place}": raw for place, raw in enumerate(storages)}
    return zipped({"archive/data.pkl": pickled, "archive/byteorder": b"little", **data, "archive/version": b"3\n"})


def old_file(pickled: bytes, storages: Sequence[bytes] = (bytes(16),)) -> bytes:
    """What torch.save wrote up to version 1.5; storages of float32."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    start = b"".join(pickle.dumps(one, protocol=2) for one in (MAGIC, 1001, machine))
    keys = pickle.dumps([str(place) for place in range(len(storages))], protocol=2)
    return start + pickled + keys + b"".join(struct.pack("<q", len(raw) // 4) + raw for raw in storages)
