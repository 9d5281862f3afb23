"""Safetensors files: wrong fields, bombs, and models whose descriptions ask for anything."""

import json
import struct
from typing import Any, Callable, Dict, List

from .cases import Case, Content, turns

_TENSOR = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
_HUGE = 10**9


def safetensors(header: Any, body: bytes = bytes(16), length: int = -1) -> bytes:
    """A file with a header as it is, or as JSON."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length < 0 else length) + raw + body


def model(form: str, config: Any, **tensors: Any) -> bytes:
    """A model's file with a description as it is, or as JSON."""
    told = config if isinstance(config, str) else json.dumps(config)
    return safetensors({"__metadata__": {"format": form, "config": told}, "a": _TENSOR, **tensors})


_FIELDS: Dict[str, Any] = {
    "no-fields": {},
    "no-type": {"shape": [4], "data_offsets": [0, 16]},
    "no-shape": {"dtype": "F32", "data_offsets": [0, 16]},
    "no-offsets": {"dtype": "F32", "shape": [4]},
    "fields-are-a-list": [1],
    "fields-are-nothing": None,
    "fields-are-a-number": 7,
    "type-unknown": {**_TENSOR, "dtype": "X7"},
    "type-is-a-list": {**_TENSOR, "dtype": ["F32"]},
    "type-is-a-program": {**_TENSOR, "dtype": "__import__('os').system('touch canary')"},
    "type-of-4-bits": {**_TENSOR, "dtype": "F4"},
    "shape-is-a-number": {**_TENSOR, "shape": 4},
    "shape-is-a-text": {**_TENSOR, "shape": "4"},
    "shape-is-negative": {**_TENSOR, "shape": [-4]},
    "shape-is-twice-negative": {**_TENSOR, "shape": [-2, -2]},
    "shape-is-fractional": {**_TENSOR, "shape": [4.0]},
    "shape-is-true": {**_TENSOR, "shape": [True, 4]},
    "shape-is-not-a-number": {**_TENSOR, "shape": [float("nan")]},
    "shape-is-infinite": {**_TENSOR, "shape": [float("inf")]},
    "shape-of-2-to-the-61": {**_TENSOR, "shape": [2**61]},
    "shape-that-overflows": {**_TENSOR, "shape": [2**32, 2**32, 4]},
    "shape-of-nothing-and-much": {**_TENSOR, "shape": [0, 2**40], "data_offsets": [0, 0]},
    "shape-of-nothing-and-too-much": {**_TENSOR, "shape": [2**61, 0, 2**61], "data_offsets": [0, 0]},
    "shape-of-5000-axes": {**_TENSOR, "shape": [1] * 5000},
    "offsets-of-one": {**_TENSOR, "data_offsets": [0]},
    "offsets-of-three": {**_TENSOR, "data_offsets": [0, 8, 16]},
    "offsets-backwards": {**_TENSOR, "data_offsets": [16, 0]},
    "offsets-negative": {**_TENSOR, "data_offsets": [-16, 0]},
    "offsets-beyond": {**_TENSOR, "data_offsets": [16, 32]},
    "offsets-of-2-to-the-63": {**_TENSOR, "data_offsets": [2**63, 2**63 + 16]},
    "offsets-are-texts": {**_TENSOR, "data_offsets": ["0", "16"]},
    "offsets-are-a-table": {**_TENSOR, "data_offsets": {"0": 0, "16": 16}},
    "offsets-of-another-size": {**_TENSOR, "data_offsets": [0, 8]},
    "more-fields": {**_TENSOR, "__reduce__": "os.system", "code": "x"},
}
"""What is wrong -> the entry of a tensor."""

_DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
_HEADERS: Dict[str, Callable[[], bytes]] = {
    "header-of-2-to-the-39": lambda: safetensors({"a": _TENSOR}, length=2**39),
    "header-of-2-to-the-63": lambda: safetensors({"a": _TENSOR}, length=2**63),
    "header-of-nothing": lambda: safetensors(b"{}", length=0),
    "header-cut-off": lambda: safetensors({"a": _TENSOR})[:20],
    "header-without-body": lambda: safetensors({"a": _TENSOR}, b""),
    "header-deep": lambda: safetensors(_DEEP),
    "header-of-deep-lists": lambda: safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "header-of-no-json": lambda: safetensors(b'{"a": __import__("os").system("touch canary")}'),
    "header-of-two-objects": lambda: safetensors(b"{}{}"),
    "header-of-keys-twice": lambda: safetensors(b'{"a": 1, "a": ' + json.dumps(_TENSOR).encode() + b"}"),
    "header-of-a-huge-number": lambda: safetensors(b'{"a": ' + b"9" * 1_000_000 + b"}"),
    "header-of-an-infinite-number": lambda: safetensors(b'{"a": 1e999, "b": NaN, "c": -Infinity}'),
    "header-of-half-a-character": lambda: safetensors(b'{"\\ud800": ' + json.dumps(_TENSOR).encode() + b"}"),
    "header-of-no-utf-8": lambda: safetensors(b'{"\xff": ' + json.dumps(_TENSOR).encode() + b"}"),
    "header-with-a-mark": lambda: safetensors(b"\xef\xbb\xbf" + json.dumps({"a": _TENSOR}).encode()),
    "header-of-spaces": lambda: safetensors(b"{" + b" " * 3_000_000 + b"}"),
    "header-of-many-tensors": lambda: safetensors({f"{n}": _TENSOR for n in range(60_000)}),
    "header-of-many-empty-tensors": lambda: safetensors(
        {str(n): _FIELDS["shape-of-nothing-and-much"] for n in range(9000)}
    ),
    "header-of-a-long-key": lambda: safetensors({"k" * 3_000_000: _TENSOR}),
    "header-of-a-key-of-lines": lambda: safetensors({"a\nb\x1b[2J": {"dtype": "F32"}}),
    "metadata-is-a-list": lambda: safetensors({"__metadata__": [1], "a": _TENSOR}),
    "metadata-is-nested": lambda: safetensors({"__metadata__": {"format": {"a": 1}}, "a": _TENSOR}),
    "metadata-is-long": lambda: safetensors({"__metadata__": {"format": "x" * 2_000_000}, "a": _TENSOR}),
    "metadata-only": lambda: safetensors({"__metadata__": {"format": "pt"}}),
    "overlapping-tensors": lambda: safetensors({str(n): _TENSOR for n in range(3)}),
    "not-a-number": lambda: safetensors({"a": _TENSOR}, b"\x00\x00\xc0\x7f" * 4),
}

_CONFIGS: Dict[str, Any] = {
    "many-blocks": {"blocks": _HUGE},
    "wide": {"width": _HUGE},
    "a-million-wide": {"width": 1 << 20},
    "negative": {"width": -64},
    "zero": {"width": 0},
    "fractional": {"width": 64.5},
    "text": {"width": "64"},
    "nested": {"width": {"a": [1]}},
    "list": {"width": [64, 64]},
    "true": {"width": True, "blocks": True},
    "nothing": {"width": None},
    "not-a-number": '{"width": NaN}',
    "infinite": '{"width": 1e999}',
    "huge-number": '{"width": ' + "9" * 4000 + "}",
    "unknown": {"__class__": "os.system", "widht": 3},
    "not-an-object": "[1, 2]",
    "no-json": "__import__('os').system('touch canary')",
    "deep": "[" * 100_000,
}
_OWN: Dict[str, Dict[str, Any]] = {
    "digits": {
        **_CONFIGS,
        "many-inner-blocks": {"inner_blocks": _HUGE},
        "many-classes": {"classes": _HUGE},
        "many-small-blocks": {"width": 8, "inner_width": 8, "embedding": 8, "blocks": 100_000},
        "no-embedding": {"embedding": 0},
    },
    "faces": {
        **_CONFIGS,
        "many-levels": {"multipliers": [1] * 100_000},
        "multiplied": {"multipliers": [_HUGE]},
        "large-pictures": {"size": _HUGE},
        "no-size": {"size": 0},
        "large-patches": {"patch": _HUGE},
        "no-patch": {"patch": 0},
        "no-groups": {"groups": 0},
        "many-attentions": {"attention": list(range(100_000))},
    },
}
"""Our own formats: what is wrong -> the description of the network."""


def _constant(raw: bytes) -> Callable[[], Content]:
    return lambda: raw


def _described(form: str, config: Any) -> Callable[[], Content]:
    return lambda: model(f"sfumato {form} 1", config)


def cases() -> List[Case]:
    """Files by the readers of tensors in turn; our own models by their commands."""
    files: Dict[str, Callable[[], Content]] = {
        f"entry-{what}.safetensors": _constant(safetensors({"a": entry})) for what, entry in _FIELDS.items()
    }
    files.update({f"{what}.safetensors": make for what, make in _HEADERS.items()})
    made = turns(files)
    for form, command in (("digits", "weights"), ("faces", "unet")):
        for what, config in _OWN[form].items():
            made.append(Case(command, f"config-{what}.safetensors", _described(form, config)))
    other = {"digit judge": "weights", "words": "unet", "\x1b[2J\n": "weights"}
    for place, (form, command) in enumerate(other.items()):
        made.append(Case(command, f"config-of-another-model-{place}.safetensors", _described(form, {})))
    return made
