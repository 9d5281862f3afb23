"""Changes to inputs that keep most of their structure, so that they get past the first check."""

import json
import pickletools
import random
from typing import Any, Callable, Dict, List

from ..hostile.programs import call, listed, named, number, some, storage, table, tensor, text

_NUMBERS = (
    -1,
    0,
    1,
    2,
    3,
    4,
    8,
    16,
    32,
    33,
    255,
    256,
    768,
    2**16,
    2**31 - 1,
    2**31,
    2**32,
    2**62,
    2**63,
    2**64,
    -(2**63),
)
_NAMES = (
    *("os.system", "builtins.eval", "torch.load", "torch.Size", "torch.float32", "torch.float8_e4m3fn", "torch.device"),
    *("torch.HalfStorage", "torch.BoolStorage", "torch.storage.UntypedStorage", "torch.ComplexFloatStorage"),
    *(
        "collections.OrderedDict",
        "collections.defaultdict",
        "copyreg._reconstructor",
        "builtins.object",
        "builtins.set",
    ),
    *("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter"),
    *("torch._tensor._rebuild_from_type_v2", "torch._utils._rebuild_device_tensor_from_numpy", "numpy.dtype"),
    *("numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy.core.numeric._frombuffer"),
    *("_codecs.encode", "pathlib.PosixPath", "numpy.ndarray", "torch.nn.modules.container.ParameterDict"),
)
_TEXTS = ("", "*", "0", "1", "<new1>", "string_to_param", "string_to_token", "tokens", "embeddings", "name", "step")
_TEXTS += ("_parameters", "storage", "cpu", "f8", "O8", "U9", "V9", "<", ">", "a/../b", "\0", "\ud800", "x" * 5000)
_OPCODES = b".(012FIJKMLNPQRSTUVXabcd}egh]jlioqprstu)~\x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8f\x90\x91\x92\x93\x94"
_VALUES: List[Any] = [None, True, False, 0, -1, 1, 7, 2**31, 2**62, 2**63, 2**64, 10**400, 1.5, 1e308, float("nan")]
_VALUES += ["", "F32", "F16", "F8_E4M3", "C64", "<new1>", "..", "../x", "a\0b", "x" * 5000, [], {}, [0], [[]], [0, 12]]
_VALUES += [{"": {}}, [2**62, 0], [1] * 40, {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}, ["a <new1>"] * 3]


def mutated_bytes(raw: bytes, chance: random.Random) -> bytes:
    """A byte or a few of them changed, left out, or put in again elsewhere."""
    changed = bytearray(raw or b"\0")
    place = chance.randrange(len(changed))
    end = min(len(changed), place + chance.choice((1, 1, 2, 4, 8, 64)))
    way = chance.randrange(5)
    if way == 0:
        changed[place] = chance.randrange(256)
    elif way == 1:
        changed[place] ^= 1 << chance.randrange(8)
    elif way == 2:
        del changed[place:end]
    elif way == 3:
        other = chance.randrange(len(changed))
        changed[other:other] = changed[place:end]
    else:
        changed[place:end] = chance.choice((b"\xff", b"\0", b"\x7f")) * (end - place)
    return bytes(changed)


def mutated_program(raw: bytes, chance: random.Random) -> bytes:
    """An instruction of a pickle left out, doubled, moved, put in or exchanged."""
    parts = _instructions(raw)
    if len(parts) < 2 or chance.random() < 0.15:
        return mutated_bytes(raw, chance)
    place, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    way = chance.randrange(6)
    if way == 0:
        del parts[place : place + chance.choice((1, 1, 2, 4))]
    elif way == 1:
        parts[place:place] = parts[other : other + chance.choice((1, 2, 4, 8))]
    elif way == 2:
        parts[place], parts[other] = parts[other], parts[place]
    elif way == 3:
        parts.insert(place, _snippet(chance))
    elif way == 4:
        parts[place] = _snippet(chance)
    else:
        parts[place] = bytes([chance.choice(_OPCODES)]) + parts[place][1:]
    return b"".join(parts)


def _instructions(raw: bytes) -> List[bytes]:
    """The bytes of each instruction, as far as it is a pickle; the rest as one."""
    begins: List[int] = []
    try:
        for _, _, begin in pickletools.genops(raw):
            begins.append(begin or 0)
    except Exception:  # what it says of broken programs is of every kind
        pass
    ends = [*begins[1:], len(raw)]
    return [raw[begin:end] for begin, end in zip(begins, ends)] if begins else [raw]


def _snippet(chance: random.Random) -> bytes:
    """A few instructions that mean something."""
    size = number(chance.choice(_NUMBERS))
    a_text, name = text(chance.choice(_TEXTS)), chance.choice(_NAMES)
    kept = storage(
        chance.choice(("0", "1", "2")), chance.choice((0, 4, 16, 768)), chance.choice((*_NAMES, "torch.FloatStorage"))
    )
    snippets: List[bytes] = [
        *(size, a_text, named(name), kept, bytes([chance.choice(_OPCODES)]), b"N", b")", b"(", b"0", b"2", b"t", b"R"),
        tensor(kept, size, some(number(chance.choice(_NUMBERS))), some(number(chance.choice(_NUMBERS)))),
        *(call(name, size), call(name, a_text), call(name, a_text, size, kept), listed(size, kept), table(x=kept)),
        *(a_text + kept + b"s", b"q\x05", b"h\x05", b"j" + bytes(4), b"b", b"\x81", b"\x93", b"}", b"]"),
    ]
    return chance.choice(snippets)


def mutated_json(raw: bytes, chance: random.Random) -> bytes:
    """A value or a key of a JSON text exchanged, left out or doubled."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return mutated_bytes(raw, chance)
    if chance.random() < 0.1:
        return mutated_bytes(raw, chance)
    holder = {"": found}
    inside: List[Any] = [holder]
    for one in inside:
        inside += [
            value
            for value in (one.values() if isinstance(one, dict) else one)
            if isinstance(value, (dict, list)) and value
        ]
    where = chance.choice(inside)
    place = chance.choice(list(where)) if isinstance(where, dict) else chance.randrange(len(where))
    way = chance.randrange(4)
    if way == 0 or where is holder:
        where[place] = chance.choice(_VALUES)
    elif way == 1:
        del where[place]
    elif way == 2 and isinstance(where, dict):
        where[str(chance.choice(_VALUES))[:64]] = where.pop(place)
    else:
        other = chance.choice(inside[1:])
        where[place] = json.loads(
            json.dumps(other[chance.choice(list(other))] if isinstance(other, dict) else other[0])
        )
    return json.dumps(holder[""]).encode()


def mutated_word(raw: bytes, chance: random.Random) -> bytes:
    """Learned words and LoRAs are pickles or the headers of safetensors."""
    return (mutated_json if raw.startswith(b"{") else mutated_program)(raw, chance)


MUTATIONS: Dict[str, Callable[[bytes, random.Random], bytes]] = {
    "torch-zip": mutated_program,
    "torch-legacy": mutated_program,
    "any-file": mutated_bytes,
    "safetensors": mutated_json,
    "words": mutated_word,
    "lora": mutated_word,
    "config": mutated_json,
    "input": mutated_json,
}
"""Target -> how its inputs are changed."""
