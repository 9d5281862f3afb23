"""Pickles that ask for too much, lie about sizes, or are cut off."""

import struct
from typing import Callable, Dict, List

from .cases import Case, Content, turns
from .programs import built, call, listed, named, new_file, number, old_file, some, storage, table, tensor, text, whole

_HUGE = 2**60
_MANY = 1_000_000


def _doubled(times: int) -> bytes:
    """A list that is put into itself again and again: each time as many again."""
    return b"](K\x01K\x02e" + b"".join(b"2(" + b"2" * 8 + b"e" for _ in range(times))


def _shared(times: int) -> bytes:
    """Tuples of the same tuple twice: 2**times things in a few bytes."""
    return b"K\x01" + b"2\x86" * times


_ONE, _FOUR = some(number(1)), some(number(4))
_COLLIDING = b"".join(number(place * (2**61 - 1)) + b"N" for place in range(60_000))
_TENSOR = tensor(storage(), number(0), _FOUR, _ONE)

_PROGRAMS: Dict[str, bytes] = {
    "memo-at-2-to-the-31": b"Nr\xff\xff\xff\x7f",
    "memo-at-2-to-the-32": b"Nr\xff\xff\xff\xff",
    "memo-at-minus-one": b"Np-1\n",
    "memo-at-a-number-of-4000-digits": b"Np" + b"9" * 4000 + b"\n",
    "memo-that-is-empty": b"h\x07",
    "memo-a-million-times": b"N" + b"\x94" * _MANY,
    "deep-tuples": b")" + b"\x85" * _MANY,
    "deep-lists": b"]" * 300_000 + b"a" * 299_999,
    "deep-dicts": (b"}N" * 200_000) + b"}" + b"s" * 200_000,
    "deep-tuple-as-a-key": b"}" + b")" + b"\x85" * 100_000 + b"Ns",
    "deep-stand-ins": named("a.b") + b")R" + b"2\x85R" * 100_000,
    "deep-states": b"(" + (named("a.b") + b")R") * 50_000 + b"b" * 49_999,
    "shared-tuples": _shared(2000),
    "shared-tuple-as-a-key": b"}" + _shared(60) + b"Ns",
    "shared-tuple-in-a-frozenset": b"(" + _shared(60) + b"\x91",
    "shared-tuple-in-a-set": b"\x8f(" + _shared(60) + b"\x90",
    "list-doubled": _doubled(60),
    "list-in-itself": b"]2a",
    "list-in-itself-as-state-dict": b"}" + text("state_dict") + b"}2" + text("x") + b"2s" + b"s",
    "table-in-itself": b"}2" + text("state_dict") + b"2s",
    "whole-number-of-two-megabytes": b"\x8b" + struct.pack("<i", 2 << 20) + b"\x7f" * (2 << 20),
    "whole-number-of-a-negative-length": b"\x8b\xff\xff\xff\xff",
    "whole-number-of-a-million-digits": b"I" + b"9" * _MANY + b"\n",
    "long-number-of-a-million-digits": b"L" + b"9" * _MANY + b"L\n",
    "float-of-a-million-digits": b"F" + b"9" * _MANY + b"\n",
    "a-million-marks": b"(" * _MANY,
    "a-million-marks-closed": b"(" * 500_000 + b"l" * 500_000,
    "a-million-pops": b"(" * 500_000 + b"1" * 500_000,
    "a-million-doubles": b"N" + b"2" * _MANY,
    "two-million-instructions": b"]" + b"N0" * _MANY,
    "a-million-stand-ins": named("a.b") + b")R0" + (b"h\x00" + b")R0") * 300_000,
    "a-hundred-thousand-tensors": _TENSOR + b"q\x00" + b"".join([b"0" + _TENSOR] * 20_000),
    "a-hundred-thousand-names": b"".join(f"ca\nb{place}\n0".encode() for place in range(100_000)) + b"N",
    "bytes-of-2-to-the-60": b"\x8e" + struct.pack("<Q", _HUGE) + b"x",
    "bytearray-of-2-to-the-60": b"\x96" + struct.pack("<Q", _HUGE) + b"x",
    "bytearray-of-2-to-the-36": b"\x96" + struct.pack("<Q", 2**36) + b"x",
    "text-of-2-to-the-60": b"\x8d" + struct.pack("<Q", _HUGE) + b"x",
    "text-of-2-to-the-31": b"X" + struct.pack("<I", 2**31) + b"x",
    "string-of-a-negative-length": b"T\xff\xff\xff\xffx",
    "frame-of-2-to-the-62": b"\x95" + struct.pack("<Q", 2**62) + b"N",
    "frame-in-a-frame": b"\x95" + struct.pack("<Q", 3) + b"\x95" + struct.pack("<Q", 2**62) + b"N",
    "buffer-from-outside": b"\x97\x98",
    "protocol-of-255": b"\x80\xffN",
    "long-key": b"}" + text("k" * 3_000_000) + b"Ns",
    "many-long-keys": b"}(" + b"".join(text(f"{place:04000d}") + b"N" for place in range(900)) + b"u",
    "keys-that-collide": b"}(" + _COLLIDING + b"u",
    "keys-that-are-not-a-number": b"}(" + b"G\x7f\xf8\x00\x00\x00\x00\x00\x00N" * 200_000 + b"u",
    "key-that-is-a-list": b"}]Ns",
    "key-that-is-a-tensor": b"}" + _TENSOR + b"Ns",
    "key-that-is-a-huge-number": b"}" + b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b"Ns",
    "odd-number-of-keys": b"}(" + text("a") + b"u",
    "values-without-a-table": b"](" + text("a") + b"Nu",
    "half-a-character": table(**{"\ud800": _TENSOR}),
    "name-with-lines": text("os\nsystem") + text("a\x1b[2J\x07") + b"\x93",
    "name-of-a-megabyte": text("a" * (1 << 20)) + text("b") + b"\x93",
    "string-with-escapes": b"S'\\x41\\N{BULLET}\\'\n",
    "string-without-an-end": b"S'abc\n",
    "nothing": b"",
    "only-a-mark": b"(",
    "no-stack": b"tR",
    "instruction-that-is-none": b"\xff",
    "size-that-overflows": call("torch.Size", listed(*[number(2**61)] * 8)),
    "size-of-many-axes": call("torch.Size", listed(*[number(1)] * 5000)),
    "encoded-again-and-again": text("x" * 1_000_000)
    + b"q\x010"
    + (named("_codecs.encode") + b"h\x01" + text("latin1") + b"\x86R") * 10_000,
    "ordered-table-of-many": call("collections.OrderedDict", listed(*[some(number(1), number(2))] * 50_000)),
    "default-table-of-huge-default": call(
        "collections.defaultdict", named("numpy.core.multiarray.empty"), number(2**40)
    ),
    "array-of-2-to-the-40": built(
        call("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), _ONE, text("b")),
        some(number(1), some(number(2**40)), call("numpy.dtype", text("f8")), b"\x89", b"C\x04abcd"),
    ),
    "array-of-a-negative-shape": built(
        call("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), _ONE, text("b")),
        some(number(1), some(number(-1)), call("numpy.dtype", text("f8")), b"\x89", b"C\x00"),
    ),
    "array-of-nothing-and-much": built(
        call("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), _ONE, text("b")),
        some(
            number(1), some(number(0), number(2**61), number(2**61)), call("numpy.dtype", text("f8")), b"\x89", b"C\x00"
        ),
    ),
    "dtype-of-a-gigabyte": call("numpy.core.multiarray.scalar", call("numpy.dtype", text("V999999")), b"C\x00"),
    "dtype-of-fields": call("numpy.dtype", text("i4,(99999,9999)f8")),
    "dtype-set-up-twice": built(
        built(call("numpy.dtype", text("f8")), some(number(3), text(">"))), some(number(3), text("!"))
    ),
    "tensor-of-2-to-the-62": tensor(storage(numbers=2**61), number(0), some(number(2**61)), _ONE),
    "tensor-beyond-its-storage": tensor(storage(), number(0), some(number(5)), _ONE),
    "tensor-before-its-storage": tensor(storage(), number(-4), _FOUR, _ONE),
    "tensor-of-negative-strides": tensor(storage(), number(3), _FOUR, some(number(-1))),
    "tensor-of-a-negative-size": tensor(storage(), number(0), some(number(-4)), _ONE),
    "tensor-expanded-to-2-to-the-40": tensor(storage(), number(0), some(number(2**40)), some(number(0))),
    "tensors-expanded-often": listed(*[tensor(storage(), number(0), some(number(2**20)), some(number(0)))] * 2000),
    "tensor-whose-size-overflows": tensor(storage(), number(0), some(*[number(2**32)] * 2), some(number(0), number(0))),
    "tensor-of-nothing-and-much": tensor(
        storage(), number(0), some(number(0), number(2**61)), some(number(1), number(1))
    ),
    "tensor-of-40-axes": tensor(storage(), number(0), some(*[number(1)] * 40), some(*[number(1)] * 40)),
    "tensor-of-texts": tensor(text("storage"), text("0"), some(text("4")), some(text("1"))),
    "tensor-of-truth-values": tensor(storage(), b"\x88", some(b"\x88"), some(b"\x88")),
    "tensor-type-that-is-none": call(
        "torch._utils._rebuild_tensor_v3", storage(), number(0), _FOUR, _ONE, b"\x89", table(), named("torch.load")
    ),
    "tensor-type-that-is-wider": call(
        "torch._utils._rebuild_tensor_v3",
        storage(),
        number(0),
        _FOUR,
        _ONE,
        b"\x89",
        table(),
        named("torch.complex128"),
    ),
    "sparse-tensor-of-2-to-the-40": call(
        "torch._utils._rebuild_sparse_tensor", named("torch.sparse_coo"), some(b"N", b"N", some(number(2**40)))
    ),
    "meta-tensor-of-2-to-the-40": call(
        "torch._utils._rebuild_meta_tensor_no_storage", named("torch.float32"), some(number(2**40)), _ONE, b"\x89"
    ),
    "quantised-tensor": call(
        "torch._utils._rebuild_qtensor",
        storage(kind="torch.QInt8Storage"),
        number(0),
        _FOUR,
        _ONE,
        some(),
        b"\x89",
        table(),
    ),
    "storage-of-a-negative-count": storage(numbers=-4),
    "storage-of-another-count": storage(numbers=5),
    "storage-called-upwards": storage("../data.pkl"),
    "storage-called-like-a-program": storage("../../etc/passwd"),
    "storage-that-is-missing": storage("7"),
    "storage-of-two-types": listed(storage(), storage(numbers=8, kind="torch.HalfStorage")),
    "storage-that-is-the-device": some(
        text("storage"), named("torch.FloatStorage"), text("0"), named("os.system"), number(4)
    )
    + b"Q",
    "storage-with-a-part-beyond": some(
        text("storage"),
        named("torch.FloatStorage"),
        text("0"),
        text("cpu"),
        number(4),
        some(text("p"), number(3), number(9)),
    )
    + b"Q",
    "storage-id-in-itself": b"]2a" + b"Q",
    "type-in-a-type": call(
        "torch._tensor._rebuild_from_type_v2",
        *[named("torch._tensor._rebuild_from_type_v2")] * 2,
        some(*[named("a.b")] * 4),
        table(),
    ),
    "numbers-that-are-not": table(a=tensor(storage(), number(0), _FOUR, _ONE), b=b"G\x7f\xf8" + bytes(6)),
}
"""What is wrong -> a program."""


def _file(make: Callable[[bytes], bytes], pickled: bytes) -> Callable[[], Content]:
    return lambda: make(pickled)


def cases() -> List[Case]:
    """Each in a new or an old file by turns, and whole ones that are cut off."""
    made: Dict[str, Callable[[], Content]] = {}
    for place, (what, program) in enumerate(_PROGRAMS.items()):
        kind = "old" if place % 2 else "new"
        made[f"{what}-{kind}.pt"] = _file(old_file if place % 2 else new_file, whole(program))
    good = whole(table(a=_TENSOR))
    made["no-end-new.pt"] = _file(new_file, good[:-1])
    made["no-end-old.pt"] = _file(old_file, good[:-1])
    for share in (1, 5, 9):
        made[f"cut-at-{share}0-percent-new.pt"] = lambda share=share: (new_file(good))[
            : len(new_file(good)) * share // 10
        ]
        made[f"cut-at-{share}0-percent-old.pt"] = lambda share=share: (old_file(good))[
            : len(old_file(good)) * share // 10
        ]
    made["not-a-number.pt"] = _file(lambda pickled: new_file(pickled, (b"\x00\x00\xc0\x7f" * 4,)), good)
    made["storage-too-short.pt"] = _file(lambda pickled: new_file(pickled, (bytes(15),)), good)
    made["old-storage-of-2-to-the-62.pt"] = _file(
        lambda pickled: old_file(pickled, ())[:-4] + b"\xff" * 7 + b"\x3f", good
    )
    return turns(made)
