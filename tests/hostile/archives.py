"""Zip files around checkpoints: programs, bombs, and directories that lie."""

import struct
import zipfile
import zlib
from typing import Callable, Dict, List

from .cases import CANARY, Case, Content, turns
from .programs import call, new_file, number, some, storage, table, tensor, text, whole, zipped

_ROOT = "archive/"
_GOOD = whole(table(a=tensor(storage(), number(0), some(number(4)), some(number(1)))))
_CODE = f"import os\ndef forward(self, x):\n  os.system('touch {CANARY}')\n".encode()
_METHOD, _FLAGS, _SIZES, _OFFSET = 10, 8, 20, 42
"""Where in an entry of a zip's directory these stand."""


def _torchscript(**more: bytes) -> bytes:
    code = {f"{_ROOT}code/__torch__.py": _CODE, f"{_ROOT}version": b"3\n"}
    named = {_ROOT + name.replace("_pkl", ".pkl"): raw for name, raw in more.items()}
    return zipped({**code, **named})


def _entry(raw: bytes, name: str) -> int:
    """Where the directory's entry of a file begins."""
    place = raw.find(b"PK\x01\x02")
    while raw[place + 46 :].find(name.encode()) != 0:
        place = raw.find(b"PK\x01\x02", place + 1)
    return place


def _changed(name: str, at: int, kind: str, *values: int) -> bytes:
    """A good file with other values in the directory's entry of one of its files."""
    raw = bytearray(new_file(_GOOD))
    struct.pack_into(kind, raw, _entry(bytes(raw), _ROOT + name) + at, *values)
    return bytes(raw)


def _end(at: int, kind: str, *values: int) -> bytes:
    """A good file with other values in the directory's end."""
    raw = bytearray(new_file(_GOOD))
    struct.pack_into(kind, raw, raw.rfind(b"PK\x05\x06") + at, *values)
    return bytes(raw)


def _twice() -> bytes:
    """Two files of the same name, of which the second one acts."""
    first, second = "archive/data.pkl", "archive/dat2.pkl"
    raw = zipped({first: _GOOD, second: whole(call("os.system", text(f"touch {CANARY}"))), "archive/data/0": bytes(16)})
    return raw.replace(second.encode(), first.encode())


def _bomb(inside: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return zipped({f"{_ROOT}data.pkl": inside, f"{_ROOT}data/0": bytes(16)}, method)


def _listed(count: int) -> bytes:
    return zipped({f"{_ROOT}data.pkl": _GOOD, **{f"{_ROOT}data/{place}": b"" for place in range(count)}})


_LONG = whole(b"N0" * 9_000_000 + b"N")

_FILES: Dict[str, Callable[[], Content]] = {
    "torchscript.pt": lambda: _torchscript(constants_pkl=whole(b")"), data_pkl=whole(b")")),
    "torchscript-without-data.pt": lambda: _torchscript(constants_pkl=whole(b")")),
    "torchscript-with-a-good-pickle.pt": lambda: _torchscript(constants_pkl=whole(b")"), data_pkl=_GOOD),
    "torchscript-that-calls.pt": lambda: _torchscript(constants_pkl=whole(call("os.system", text(f"touch {CANARY}")))),
    "torchscript-of-another-root.pt": lambda: zipped(
        {"a/constants.pkl": b"", "b/data.pkl": _GOOD, "b/data/0": bytes(16)}
    ),
    "torch-package.pt": lambda: zipped({"p/.data/version": b"3", "p/model.pkl": _GOOD, "p/code.py": _CODE}),
    "executorch-program.pt": lambda: zipped({"archive/models/model.json": b"{}", "archive/data.pkl": _GOOD}),
    "deflated.pt": lambda: _bomb(_GOOD),
    "deflated-bomb.pt": lambda: _bomb(_LONG),
    "deflated-bomb-of-zeros.pt": lambda: _bomb(bytes(60 << 20)),
    "deflated-bomb-of-a-storage.pt": lambda: zipped({f"{_ROOT}data.pkl": _GOOD, f"{_ROOT}data/0": bytes(60 << 20)}, 8),
    "bzip2-bomb.pt": lambda: _bomb(bytes(60 << 20), zipfile.ZIP_BZIP2),
    "lzma-bomb.pt": lambda: _bomb(bytes(60 << 20), zipfile.ZIP_LZMA),
    "stored-and-larger-than-it-is.pt": lambda: _changed("data/0", _SIZES, "<II", 2**31, 2**31),
    "stored-and-larger-than-packed.pt": lambda: _changed("data/0", _SIZES, "<II", 16, 2**31),
    "stored-and-empty.pt": lambda: _changed("data/0", _SIZES, "<II", 0, 0),
    "two-files-on-one-place.pt": lambda: _changed("data/0", _OFFSET, "<I", 0),
    "file-at-the-end.pt": lambda: _changed("data/0", _OFFSET, "<I", len(new_file(_GOOD)) - 8),
    "file-beyond-the-end.pt": lambda: _changed("data.pkl", _OFFSET, "<I", 2**31),
    "pickle-of-four-gigabytes.pt": lambda: _changed("data.pkl", _SIZES, "<II", 2**32 - 2, 2**32 - 2),
    "encrypted.pt": lambda: _changed("data.pkl", _FLAGS, "<H", 1),
    "packed-by-deflate64.pt": lambda: _changed("data.pkl", _METHOD, "<H", 9),
    "packed-by-nothing-known.pt": lambda: _changed("data.pkl", _METHOD, "<H", 4321),
    "directory-of-four-gigabytes.pt": lambda: _end(12, "<I", 2**32 - 2),
    "directory-beyond-the-end.pt": lambda: _end(16, "<I", 2**32 - 2),
    "directory-of-more-files.pt": lambda: _end(8, "<HH", 65000, 65000),
    "directory-on-another-disk.pt": lambda: _end(4, "<HH", 7, 7),
    "comment-beyond-the-end.pt": lambda: _end(20, "<H", 60000),
    "zip64-that-is-not-there.pt": lambda: _end(12, "<II", 2**32 - 1, 2**32 - 1),
    "many-files.pt": lambda: _listed(60_000),
    "the-same-name-twice.pt": _twice,
    "no-pickle.pt": lambda: zipped({f"{_ROOT}data/0": bytes(16)}),
    "two-pickles.pt": lambda: zipped({"a/data.pkl": _GOOD, "b/data.pkl": _GOOD}),
    "pickle-outside.pt": lambda: zipped({"../data.pkl": _GOOD, "../data/0": bytes(16)}),
    "absolute-names.pt": lambda: zipped({"/data.pkl": _GOOD, "/data/0": bytes(16)}),
    "names-with-backslashes.pt": lambda: zipped({"..\\archive/data.pkl": _GOOD}),
    "names-of-lines.pt": lambda: zipped({"a\nb\x1b[2J": _GOOD}),
    "long-name.pt": lambda: zipped({"a" * 60_000 + "/data.pkl": _GOOD}),
    "byteorder-that-is-none.pt": lambda: zipped({f"{_ROOT}data.pkl": _GOOD, f"{_ROOT}byteorder": b"x" * 99}),
    "byteorder-that-is-packed.pt": lambda: zipped({f"{_ROOT}data.pkl": _GOOD, f"{_ROOT}byteorder": b"big"}, 8),
    "zip-in-a-zip.pt": lambda: zipped({"a.pt": zipped({"b.pt": new_file(_GOOD)})}),
    "npz.pt": lambda: zipped({"a.npy": b"\x93NUMPY"}),
    "empty-zip.pt": lambda: zipped({}),
    "only-the-beginning.pt": lambda: new_file(_GOOD)[:4],
    "beginning-and-zeros.pt": lambda: b"PK\x03\x04" + bytes(1000),
    "gzip-bomb.pt": lambda: b"\x1f\x8b" + zlib.compress(bytes(50 << 20)),
    "tar.pt": lambda: bytes(257) + b"ustar" + bytes(250),
    "sevenzip.pt": lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "hdf5.pt": lambda: b"\x89HDF\r\n\x1a\n" + bytes(100),
    "web-page.pt": lambda: b"<!DOCTYPE html><script>alert(1)</script>",
    "git-lfs-pointer.pt": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4265380512\n",
    "python-program.pt": lambda: b"#!/usr/bin/env python3\n" + _CODE,
    "elf.pt": lambda: b"\x7fELF" + bytes(100),
    "empty.pt": lambda: b"",
    "one-byte.pt": lambda: b"\x80",
    "zeros.pt": lambda: bytes(100_000),
    "a-folder.pt": lambda: {"inside.txt": b"nothing"},
}


def cases() -> List[Case]:
    """All of them, by the readers of tensors in turn."""
    return turns(_FILES)
