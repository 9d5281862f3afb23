"""Arrays of NumPy, learned words and tables of text."""

import io
import json
import pickle
import struct
from typing import Any, Callable, Dict, List

import numpy as np

from .cases import CANARY, Case, Content
from .headers import safetensors
from .programs import call, listed, named, new_file, number, some, storage, table, tensor, text, whole, zipped

_GOOD = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 28, 28, 3), }"
_PICTURES = bytes(4 * 28 * 28 * 3)


def npy(header: str, body: bytes = b"", version: int = 1, length: int = -1) -> bytes:
    """An .npy with a header as it is."""
    raw = header.encode("latin-1") + b"\n"
    kind = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(kind, len(raw) if length < 0 else length) + raw + body


def _npz(pictures: bytes, labels: bytes = b"", method: int = 0) -> bytes:
    labels = labels or npy("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", bytes(32))
    return zipped({"mnistm_x.npy": pictures, "mnistm_y.npy": labels}, method)


class _Acts:
    def __reduce__(self) -> Any:
        return eval, (f"open('{CANARY}', 'w').close()",)


def _objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([_Acts()], dtype=object), allow_pickle=True)
    return file.getvalue()


_HEADERS: Dict[str, bytes] = {
    "objects": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle.dumps(None)),
    "header-that-is-a-program": npy(f"__import__('os').system('touch {CANARY}')"),
    "type-that-is-a-program": npy(_GOOD.replace("'|u1'", f"__import__('os').system('touch {CANARY}')"), _PICTURES),
    "type-of-parts": npy(_GOOD.replace("'|u1'", "[('a', '|O'), ('b', '<f8', (9999999, 9999))]"), _PICTURES),
    "type-of-a-gigabyte": npy(_GOOD.replace("|u1", "<U999999999"), _PICTURES),
    "type-of-nothing": npy(_GOOD.replace("|u1", "|S0"), _PICTURES),
    "type-of-times": npy(_GOOD.replace("|u1", "<M8[ns]"), _PICTURES),
    "shape-negative": npy(_GOOD.replace("(4,", "(-4,"), _PICTURES),
    "shape-of-2-to-the-60": npy(_GOOD.replace("(4,", f"({2**60},"), _PICTURES),
    "shape-that-overflows": npy(_GOOD.replace("(4,", f"({2**62}, 4,"), _PICTURES),
    "shape-of-nothing-and-much": npy(_GOOD.replace("(4,", f"(0, {2**62},"), b""),
    "shape-of-many-axes": npy(_GOOD.replace("(4,", "(" + "1, " * 200 + "4,"), _PICTURES),
    "shape-of-a-long-number": npy(_GOOD.replace("(4,", "(" + "9" * 20_000 + ","), _PICTURES),
    "shape-of-names": npy(_GOOD.replace("(4,", "(x,"), _PICTURES),
    "header-of-parentheses": npy("(" * 60_000),
    "header-of-minus-signs": npy("{'shape': " + "-" * 60_000 + "1}"),
    "header-of-four-gigabytes": npy(_GOOD, _PICTURES, version=2, length=2**32 - 1),
    "header-twice": npy(_GOOD[:-1] + "'descr': '|O', }", _PICTURES),
    "version-of-9": npy(_GOOD, _PICTURES, version=9),
    "no-header": b"\x93NUMPY",
    "too-short": npy(_GOOD, _PICTURES[:-1]),
    "too-long": npy(_GOOD, _PICTURES + b"\0"),
}


def _arrays() -> List[Case]:
    made = [Case("real", f"{what}.npz", lambda raw=raw: _npz(raw)) for what, raw in _HEADERS.items()]
    made += [Case("noise", f"{what}.npy", lambda raw=raw: {"00.pt": raw}) for what, raw in list(_HEADERS.items())[:8]]
    zeros = npy(_GOOD.replace("(4,", "(26000,"), bytes(26_000 * 28 * 28 * 3))
    more: Dict[str, Callable[[], Content]] = {
        "objects-that-act.npz": lambda: _npz(_objects()),
        "deflated-bomb.npz": lambda: _npz(zeros, method=8),
        "labels-beyond.npz": lambda: _npz(
            npy(_GOOD, _PICTURES), npy("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", b"\x7f" * 32)
        ),
        "labels-not-numbers.npz": lambda: _npz(
            npy(_GOOD, _PICTURES), npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }", b"\xff" * 32)
        ),
        "names-upwards.npz": lambda: zipped({"../mnistm_x.npy": npy(_GOOD, _PICTURES)}),
        "no-zip.npz": lambda: npy(_GOOD, _PICTURES),
        "a-pickle.npz": lambda: whole(call("os.system", text(f"touch {CANARY}"))),
        "empty.npz": lambda: b"",
    }
    return made + [Case("real", what, make) for what, make in more.items()]


def _vector(width: int = 64, rows: int = 1) -> bytes:
    return tensor(storage(numbers=width), number(0), some(number(rows), number(width)), some(number(0), number(1)))


def _a1111(**more: bytes) -> bytes:
    return whole(table(string_to_param=table(**{"*": _vector()}), string_to_token=table(), **more))


_WORDS: Dict[str, bytes] = {
    "a-million-vectors": whole(table(**{"<dog>": _vector(rows=1_000_000)})),
    "vectors-of-no-width": whole(
        table(**{"<dog>": tensor(storage(), number(0), some(number(4), number(0)), some(number(1), number(1)))})
    ),
    "many-words": whole(b"}(" + b"".join(text(f"<w{n}>") + _vector() for n in range(3000)) + b"u"),
    "a-whole-vocabulary": whole(_vector(rows=200_000)),
    "called-upwards": whole(table(**{"../../dog": _vector()})),
    "called-nothing": whole(table(**{"": _vector()})),
    "called-with-lines": whole(table(**{"<a\nb\x1b[2J>": _vector()})),
    "called-with-half-a-character": whole(table(**{"<\ud83d>": _vector()})),
    "called-very-long": whole(table(**{"<" + "a" * 4000 + ">": _vector()})),
    "called-by-a-number": whole(b"}K\x07" + _vector() + b"s"),
    "called-like-a-word": whole(table(one=_vector())),
    "called-with-a-space": whole(table(**{" ": _vector()})),
    "token-that-is-a-table": whole(table(token=table(), embedding=_vector())),
    "tokens-that-are-numbers": whole(table(tokens=listed(number(1)), embeddings=_vector())),
    "tokens-without-end": whole(table(tokens=listed(*[text("a")] * 5000), embeddings=_vector())),
    "step-that-is-a-text": _a1111(step=text("x"), name=text("dog")),
    "step-of-4000-bits": _a1111(step=b"\x8a\xff" + b"\x7f" * 255, name=text("dog")),
    "name-that-is-a-call": _a1111(name=call("os.system", text(f"touch {CANARY}"))),
    "parameters-in-themselves": whole(b"}" + text("string_to_param") + b"}2" + text("*") + b"2ss"),
    "list-in-itself": whole(b"]2a"),
    "list-of-lists": whole(listed(*[listed(_vector())] * 50)),
    "table-in-a-table": whole(b"}" + text("words") * 1 + b"}" + text("words") + b"}ss"),
    "module-without-insides": whole(named("torch.nn.modules.container.ParameterDict") + b")\x81"),
    "of-truth-values": whole(
        table(a=tensor(storage(kind="torch.BoolStorage", numbers=64), number(0), some(number(64)), some(number(1))))
    ),
}


def _words() -> List[Case]:
    made = [
        Case("words", f"word-{what}.pt", lambda raw=raw: new_file(raw, (bytes(256),))) for what, raw in _WORDS.items()
    ]
    entry = {"dtype": "F32", "shape": [1, 64], "data_offsets": [0, 256]}
    more: Dict[str, bytes] = {
        "not-a-number.safetensors": safetensors({"<dog>": entry}, b"\x00\x00\xc0\x7f" * 64),
        "beyond-32-bits.safetensors": safetensors(
            {"<dog>": {**entry, "dtype": "F64", "shape": [1, 32]}}, struct.pack("<d", 1e300) * 32
        ),
        "token-of-lines.safetensors": safetensors({"__metadata__": {"token": "a\nb"}, "emb_params": entry}, bytes(256)),
        "step-of-words.safetensors": safetensors(
            {"__metadata__": {"step": "x", "score": "x", "checkpoint": "y"}, "<dog>": entry}, bytes(256)
        ),
        "a-lora.safetensors": safetensors({"lora_unet_down.lora_up.weight": entry}, bytes(256)),
        "json.pt": json.dumps({"<dog>": [0.1] * 64}).encode(),
    }
    return made + [Case("words", f"word-{what}", lambda raw=raw: raw) for what, raw in more.items()]


_TABLES: Dict[str, bytes] = {
    "row-upwards": b"image_name,label\n../../victim.png,1\n",
    "row-upwards-backslashes": b"image_name,label\n..\\..\\victim.png,1\n",
    "row-absolute": b"image_name,label\n/etc/hostname,1\n",
    "row-with-a-drive": b"image_name,label\nC:\\victim.png,1\n",
    "row-of-a-device": b"image_name,label\n../../../../dev/zero,1\n",
    "row-with-nul": b"image_name,label\na\0b.png,1\n",
    "row-with-a-long-name": b"image_name,label\n" + b"a" * 100_000 + b",1\n",
    "row-with-a-huge-field": b"image_name,label\n" + b"a" * 2_000_000 + b",1\n",
    "row-of-a-program": f"image_name,label\n=cmd|'touch {CANARY}',1\n".encode(),
    "row-with-a-folder": b"image_name,label\n.,1\n",
    "row-with-an-escape": b"image_name,label\n\x1b[2J,x\n",
    "label-of-4000-digits": b"image_name,label\n0.png," + b"9" * 5000 + b"\n",
    "label-negative": b"image_name,label\n0.png,-1\n",
    "label-in-other-digits": "image_name,label\n0.png,\u00b2\n".encode(),
    "label-arabic": "image_name,label\n0.png,\u0663\n".encode(),
    "label-missing": b"image_name,label\n0.png\n",
    "columns-twice": b"image_name,label,label\n0.png,1,2\n",
    "columns-other": b"a,b\n0.png,1\n",
    "quote-without-end": b'image_name,label\n"0.png,1\n' + b"a\n" * 100_000,
    "no-utf-8": b"image_name,label\n\xff\xfe.png,1\n",
    "utf-16": "image_name,label\n0.png,1\n".encode("utf-16"),
    "empty": b"",
    "only-a-header": b"image_name,label\n",
    "nul-only": bytes(10_000),
    "many-rows": b"image_name,label\n" + b"0.png,1\n" * 100_000,
}


def _tables() -> List[Case]:
    return [
        Case(
            "digits",
            f"table-{what}",
            lambda raw=raw: {f"mnistm/{name}": content for name, content in (("train.csv", raw), ("data/0.png", b"x"))},
        )
        for what, raw in _TABLES.items()
    ]


def cases() -> List[Case]:
    """Arrays, learned words and tables."""
    return [*_arrays(), *_words(), *_tables()]
