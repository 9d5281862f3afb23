"""JSON of every kind: what to paint, the names of classes, and descriptions of CLIPs."""

import json
import struct
from typing import Any, Callable, Dict, List

from .cases import CANARY, Case, Content
from .headers import safetensors
from .programs import call, new_file, text, whole

_DEEP = 100_000
_BROKEN: Dict[str, bytes] = {
    "empty": b"",
    "mark-only": b"\xef\xbb\xbf",
    "utf-16": '{"0": "zero"}'.encode("utf-16"),
    "utf-32": '{"0": "zero"}'.encode("utf-32"),
    "utf-7": b"+AHsAIgAw-",
    "latin-1": b'{"0": "\xe9t\xe9"}',
    "overlong-utf-8": b'{"0": "\xc0\x80"}',
    "nul": b'{"0": "\0"}',
    "nul-only": bytes(5000),
    "escaped-nul": b'{"0": "a\\u0000b"}',
    "half-a-character": b'{"0": "\\ud83d"}',
    "half-a-character-for-a-key": b'{"\\ud83d": "a"}',
    "deep-lists": b"[" * _DEEP + b"]" * _DEEP,
    "deep-tables": b'{"0":' * _DEEP + b"1" + b"}" * _DEEP,
    "a-hundred-levels": b'{"0":' * 99 + b"1" + b"}" * 99,
    "deep-without-end": b"[" * _DEEP,
    "not-a-number": b'{"0": NaN}',
    "infinite": b'{"0": 1e999}',
    "minus-infinite": b'{"0": -Infinity}',
    "a-million-digits": b'{"0": ' + b"9" * 1_000_000 + b"}",
    "a-million-digits-fraction": b'{"0": 0.' + b"9" * 1_000_000 + b"}",
    "exponent-of-a-million-digits": b'{"0": 1e' + b"9" * 1_000_000 + b"}",
    "keys-twice": b'{"0": "a", "0": "b"}',
    "many-keys": json.dumps({str(n): "a" for n in range(200_000)}).encode(),
    "long-text": json.dumps({"0": "a" * 3_000_000}).encode(),
    "seventeen-megabytes": b'{"0": "' + b" " * (17 << 20) + b'"}',
    "a-list": b"[1, 2]",
    "a-text": b'"zero"',
    "null": b"null",
    "two-texts": b"{}{}",
    "trailing-comma": b'{"0": "a",}',
    "comments": b'{"0": "a"} // b',
    "python": f"__import__('os').system('touch {CANARY}')".encode(),
    "pickle": whole(call("os.system", text(f"touch {CANARY}"))),
    "numbers": b'{"0": 1}',
    "lists": b'{"0": ["a"]}',
    "nulls": b'{"0": null}',
    "markup": json.dumps({"0": f"<{CANARY}>\x1b[2J\n"}).encode(),
    "right-to-left": json.dumps({"0": "\u202egnp.0\u202c"}).encode(),
}

_ENTRY = {"src_image": "photos", "token_name": "<new1>", "prompt": ["one"]}
_INPUTS: Dict[str, Any] = {
    "photos-upwards": {"0": {**_ENTRY, "src_image": "../.."}},
    "photos-absolute": {"0": {**_ENTRY, "src_image": "/etc"}},
    "photos-with-nul": {"0": {**_ENTRY, "src_image": "a\0b"}},
    "photos-are-a-list": {"0": {**_ENTRY, "src_image": ["a"]}},
    "key-upwards": {"../../x": _ENTRY},
    "key-absolute": {"/tmp/x": _ENTRY},
    "key-with-backslashes": {"..\\x": _ENTRY},
    "key-with-a-drive": {"C:x": _ENTRY},
    "key-of-nothing": {"": _ENTRY},
    "key-of-a-point": {".": _ENTRY},
    "key-that-is-long": {"a" * 5000: _ENTRY},
    "key-of-lines": {"a\n\x1b[2J": _ENTRY},
    "token-of-nothing": {"0": {**_ENTRY, "token_name": ""}},
    "token-that-is-a-table": {"0": {**_ENTRY, "token_name": {"a": 1}}},
    "token-that-is-long": {"0": {**_ENTRY, "token_name": "<" + "a" * 100_000 + ">"}},
    "prompt-is-a-text": {"0": {**_ENTRY, "prompt": "one"}},
    "prompt-is-a-table": {"0": {**_ENTRY, "prompt": {"0": "one"}}},
    "prompt-of-numbers": {"0": {**_ENTRY, "prompt": [1]}},
    "prompt-of-nothing": {"0": {**_ENTRY, "prompt": []}},
    "prompt-that-is-long": {"0": {**_ENTRY, "prompt": ["one " * 200_000]}},
    "prompt-of-unknown-words": {"0": {**_ENTRY, "prompt": ["<" * 30_000 + ">" * 30_000]}},
    "prompt-of-many-parts": {"0": {**_ENTRY, "prompt": ["one | " * 5000]}},
    "prompt-of-many-weights": {"0": {**_ENTRY, "prompt": ["(" * 50_000]}},
    "prompt-of-one-long-word": {"0": {**_ENTRY, "prompt": ["a" * 300_000]}},
    "prompt-of-combining-signs": {"0": {**_ENTRY, "prompt": ["e" + "\u0301" * 100_000]}},
    "baseline-of-texts": {"0": {**_ENTRY, "baseline": [["a", "b"]]}},
    "baseline-of-too-many": {"0": {**_ENTRY, "baseline": [[1, 2]] * 5000}},
    "baseline-of-huge-numbers": {"0": {**_ENTRY, "baseline": [[10**400, 1]]}},
    "baseline-is-a-table": {"0": {**_ENTRY, "baseline": {"a": 1}}},
    "judged-as-too-much": {"0": {**_ENTRY, "prompt_4_clip_eval": ["a"] * 5000}},
    "entry-is-a-list": {"0": [1]},
    "entries-of-nothing": {"0": {}},
}
"""What is wrong -> an input.json."""

_HALF = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2}
_CONFIG: Dict[str, Any] = {
    "architectures": ["CLIPModel"],
    "model_type": "clip",
    "projection_dim": 32,
    "text_config": {**_HALF, "vocab_size": 49408, "max_position_embeddings": 32},
    "vision_config": {**_HALF, "image_size": 48, "patch_size": 16},
}
_PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 48},
    "crop_size": {"height": 48, "width": 48},
}
_WEIGHTS = safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}})


def _told(**halves: Any) -> Dict[str, Any]:
    """The description, with other values in both of its halves."""
    return {name: {**value, **halves} if name.endswith("config") else value for name, value in _CONFIG.items()}


_CONFIGS: Dict[str, Any] = {
    "wide": _told(hidden_size=10**9),
    "a-million-wide": _told(hidden_size=2**20),
    "many-layers": _told(num_hidden_layers=10**9),
    "many-small-layers": _told(num_hidden_layers=10**6, hidden_size=2, intermediate_size=2, num_attention_heads=1),
    "many-words": _told(vocab_size=10**12),
    "many-positions": _told(max_position_embeddings=10**10),
    "large-pictures": _told(image_size=10**9),
    "no-patches": _told(patch_size=0),
    "no-heads": _told(num_attention_heads=0),
    "negative": _told(hidden_size=-64),
    "fractional": _told(hidden_size=0.5),
    "texts": _told(hidden_size="64"),
    "activation-that-is-none": _told(hidden_act="os.system"),
    "attention-from-the-hub": _told(
        attn_implementation="kernels-community/flash-attn", _attn_implementation="owner/name"
    ),
    "auto-map": {**_CONFIG, "auto_map": {"AutoModel": "code.Act", "AutoConfig": "code.Act"}, "trust_remote_code": True},
    "quantised": {**_CONFIG, "quantization_config": {"quant_method": "awq", "bits": 4}},
    "another-type": {**_CONFIG, "model_type": "llama"},
    "huge-projection": {**_CONFIG, "projection_dim": 10**12},
    "projection-is-a-text": {**_CONFIG, "projection_dim": "x"},
    "no-halves": {"projection_dim": 32},
    "halves-are-lists": {**_CONFIG, "text_config": [1], "vision_config": 3},
    "half-told-twice": {**_CONFIG, "text_config_dict": [1]},
    "infinite": {**_CONFIG, "logit_scale_init_value": float("inf"), "projection_dim": float("nan")},
    "not-an-object": [1],
}
_PROCESSORS: Dict[str, Any] = {
    "huge": {**_PROCESSOR, "size": {"shortest_edge": 10**9}},
    "huge-crop": {**_PROCESSOR, "crop_size": {"height": 10**9, "width": 10**9}},
    "crop-of-20000": {**_PROCESSOR, "crop_size": 20_000, "size": 20_000},
    "nothing": {**_PROCESSOR, "size": {"shortest_edge": 0}},
    "negative": {**_PROCESSOR, "crop_size": -5},
    "texts": {**_PROCESSOR, "size": "x", "image_mean": "x"},
    "zero-deviation": {**_PROCESSOR, "image_std": [0, 0, 0]},
    "another-class": {"image_processor_type": "os.system", "auto_map": {"AutoImageProcessor": "code.Act"}},
    "not-an-object": [1],
    "no-size": {"image_processor_type": "CLIPImageProcessor", "size": None, "crop_size": None},
    "filter-that-is-none": {**_PROCESSOR, "resample": 99},
}
_CODE = f"open('{CANARY}', 'w')".encode()


def _clip(config: Any, processor: Any, weights: bytes = _WEIGHTS, name: str = "model.safetensors") -> Dict[str, bytes]:
    told = {"config.json": config, "preprocessor_config.json": processor}
    files = {key: value if isinstance(value, bytes) else json.dumps(value).encode() for key, value in told.items()}
    return {**files, name: weights, "code.py": _CODE, "modeling_clip.py": _CODE}


def _shipped(processor: Any) -> Callable[[], Content]:
    """The shipped CLIP with another description of how it sees."""

    def make() -> Content:
        from sfumato.clip import SHIPPED

        there = [(SHIPPED / name).read_bytes() for name in ("config.json", "model.safetensors")]
        return _clip(there[0], processor, there[1])

    return make


def _clips() -> List[Case]:
    made = {f"config-{what}": (lambda config=config: _clip(config, _PROCESSOR)) for what, config in _CONFIGS.items()}
    made.update({f"processor-{what}": _shipped(processor) for what, processor in _PROCESSORS.items()})
    for what in ("deep-tables", "nul", "utf-16", "a-million-digits", "half-a-character", "empty"):
        made[f"config-{what}"] = lambda what=what: _clip(_BROKEN[what], _PROCESSOR)
        made[f"processor-{what}"] = _shipped(_BROKEN[what])
    acts = whole(call("os.system", text(f"touch {CANARY}")))
    made["weights-that-act"] = lambda: _clip(_CONFIG, _PROCESSOR, new_file(acts), "pytorch_model.bin")
    made["weights-that-act-named-safetensors"] = lambda: _clip(_CONFIG, _PROCESSOR, new_file(acts))
    made["weights-that-are-none"] = lambda: _clip(_CONFIG, _PROCESSOR, struct.pack("<Q", 2**40))
    made["a-file-for-a-folder"] = lambda: acts
    return [Case("clip", what, make) for what, make in made.items()]


def cases() -> List[Case]:
    """Inputs, labels and CLIPs."""
    made = [Case("labels", f"{what}.json", lambda raw=raw: raw) for what, raw in _BROKEN.items()]
    made += [Case("input", f"{what}.json", lambda raw=raw: raw) for what, raw in _BROKEN.items()]
    made += [
        Case("input", f"{what}.json", lambda told=told: json.dumps(told).encode()) for what, told in _INPUTS.items()
    ]
    return made + _clips()
