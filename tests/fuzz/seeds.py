"""The corpus: small whole inputs of every target, to begin from. `python -m tests.fuzz.seeds` writes it."""

import io
import json
import pathlib
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from dataclasses import asdict
from typing import Any, Dict

import numpy as np
import torch

from sfumato.models.digit_unet import DigitUNetConfig

from ..hostile.programs import (
    built,
    call,
    listed,
    named,
    new_file,
    number,
    old_file,
    some,
    storage,
    table,
    tensor,
    text,
    whole,
)

CORPUS = pathlib.Path(__file__).parent / "corpus"
_PLAIN = tensor(storage(), number(0), some(number(2), number(2)), some(number(2), number(1)))
_VECTOR = tensor(storage(numbers=768), number(0), some(number(1), number(768)), some(number(768), number(1)))
_TENSOR = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
_WORD = {"dtype": "F32", "shape": [1, 768], "data_offsets": [0, 3072]}
_ENTRY = {"token_name": "<new1>", "prompt": ["a <new1>", "b"], "src_image": "dog", "baseline": [[60, 20.5], [50, 25]]}


def _saved(content: Any, protocol: int = 2) -> bytes:
    """The pickle in what torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file, pickle_protocol=protocol)
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def _programs() -> Dict[str, bytes]:
    array = np.arange(4, dtype=np.float32)
    four = torch.zeros(4)
    return {
        "tensor": whole(_PLAIN),
        "table": whole(table(state_dict=table(a=_PLAIN, b=_PLAIN), epoch=number(3))),
        "bool": whole(tensor(storage("1", 64, "torch.BoolStorage"), number(0), some(number(8)), some(number(8)))),
        "parameter": whole(call("torch._utils._rebuild_parameter", _PLAIN, b"\x88", call("collections.OrderedDict"))),
        "module": whole(some(text("module"), named("torch.nn.Linear"), text("a.py"), text("class")) + b"Q"),
        "state": whole(built(call("pathlib.PosixPath", text("a")), table(x=some(b"N", _PLAIN)))),
        "saved": _saved(OrderedDict(a=four, b=four[1:], c=four.reshape(2, 2).T)),
        "saved-4": _saved({"a": four, "n": [1, 2.5, "x", b"y", None, True, (1, 2, 3, 4)], 1: {2}}, protocol=4),
        "saved-5": _saved({"a": four, "raw": bytearray(b"abc"), "far": 10**40}, protocol=5),
        "numpy": pickle.dumps({"a": array, "b": array[0], "c": np.float64(3), "d": np.dtype(">i4")}, protocol=2),
        "numpy-4": pickle.dumps([array, array.astype(">f8"), np.asfortranarray(array.reshape(2, 2))], protocol=4),
        "defaults": pickle.dumps(defaultdict(list, a=[1, 2]), protocol=2),
        "text-protocol": pickle.dumps({"a": [1, 2.5, 10**20, "x"], "b": (True, None)}, protocol=0),
    }


def _words() -> Dict[str, bytes]:
    param = table(**{"*": _VECTOR})
    return {
        "a1111": whole(
            table(string_to_token=table(**{"*": number(265)}), string_to_param=param, name=text("dog"), step=number(3))
        ),
        "diffusers": whole(table(**{"<dog>": _VECTOR})),
        "several": whole(table(**{"<dog>": _VECTOR, "<cat>": _VECTOR})),
        "bare": whole(_VECTOR),
        "list": whole(listed(_VECTOR, _VECTOR)),
        "tokens": whole(table(tokens=listed(text("<dog>")), embeddings=_VECTOR, token_ids=listed())),
        "token": whole(table(token=text("<dog>"), embedding=_VECTOR)),
        "compvis": whole(
            table(
                string_to_param=built(
                    named("torch.nn.modules.container.ParameterDict") + b")\x81", table(_parameters=param)
                )
            )
        ),
        "ours": json.dumps({"__metadata__": {"format": "sfumato word 1", "token": "<dog>"}, "<dog>": _WORD}).encode(),
        "emb_params": json.dumps({"emb_params": _WORD}).encode(),
        "clip_l": json.dumps({"clip_l": _WORD, "clip_g": _WORD}).encode(),
    }


def _loras() -> Dict[str, bytes]:
    def entry(*shape: int) -> Dict[str, Any]:
        return {"dtype": "F16", "shape": shape, "data_offsets": [0, 2 * int(np.prod(shape))]}

    key = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
    kohya, text, old = f"lora_unet_{key.replace('.', '_')}", "lora_te_text_model_encoder_layers_0_mlp_fc1", "to_k_lora"
    custom = f"{key.replace('to_k', 'processor.to_k')}_custom_diffusion.weight"
    note = json.dumps({"unet.lora_alpha": 2, "unet.alpha_pattern": {"attn2.to_k": 3, "^proj_in": 1}})
    headers = {
        "kohya": {
            **{f"{kohya}.lora_down.weight": entry(2, 6), f"{kohya}.lora_up.weight": entry(4, 2)},
            **{f"{kohya}.alpha": entry(), f"{text}.lora_down.weight": entry(2, 4)},
            **{f"{text}.lora_up.weight": entry(8, 2), "bundle_emb.dog.string_to_param.*": entry(1, 4)},
        },
        "diffusers": {
            f"unet.{key.replace('to_k', f'processor.{old}')}.down.weight": entry(1, 6),
            f"unet.{key.replace('to_k', f'processor.{old}')}.up.weight": entry(4, 1),
        },
        "peft": {
            "__metadata__": {"lora_adapter_metadata": note},
            **{f"unet.{key}.lora_A.weight": entry(2, 6), f"unet.{key}.lora_B.weight": entry(4, 2)},
        },
        "locon": {
            "lora_unet_input_blocks_1_1_proj_in.lora_mid.weight": entry(2, 2, 1, 1),
            "lora_unet_input_blocks_1_1_proj_in.lora_down.weight": entry(2, 4),
            "lora_unet_input_blocks_1_1_proj_in.lora_up.weight": entry(4, 2, 1, 1),
        },
        "loha": {f"{kohya}.hada_w1_a": entry(2, 2)},
        "custom": {custom: entry(4, 6)},
    }
    pickled = table(**{f"{kohya}.lora_down.weight": _PLAIN, f"{kohya}.alpha": number(1), custom: table()})
    return {**{name: json.dumps(header).encode() for name, header in headers.items()}, "pickled": whole(pickled)}


def _headers() -> Dict[str, bytes]:
    other = {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]}
    headers = {
        "one": {"a": _TENSOR},
        "two": {"a": _TENSOR, "b": other},
        "metadata": {"__metadata__": {"format": "pt", "config": "{}"}, "a": _TENSOR},
        "empty": {"a": {"dtype": "F32", "shape": [0, 5], "data_offsets": [0, 0]}},
        "scalar": {"a": {"dtype": "I64", "shape": [], "data_offsets": [8, 16]}},
        "fp8": {"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}},
    }
    return {name: json.dumps(header).encode() for name, header in headers.items()}


def _inputs() -> Dict[str, bytes]:
    inputs = {
        "course": {"0": _ENTRY, "1": {**_ENTRY, "token_name": "<new2>"}},
        "least": {"0": {"token_name": "<a>", "prompt": ["<a>"]}},
        "judged": {"0": {**_ENTRY, "prompt_4_clip_eval": ["a dog", "b"]}},
    }
    made = {name: json.dumps(content).encode() for name, content in inputs.items()}
    return {
        **made,
        "mark": b"\xef\xbb\xbf" + made["least"],
        "twice": b'{"0": 1, "0": {"token_name": "a", "prompt": [""]}}',
    }


def _configs() -> Dict[str, bytes]:
    small = DigitUNetConfig(width=8, inner_width=8, blocks=1, inner_blocks=1, embedding=8)
    configs = {"shipped": asdict(DigitUNetConfig()), "small": asdict(small), "part": {"width": 16}, "empty": {}}
    rest = {"predicts": "v", "shape": [3, 28, 28], "classes": ["a"], "null": 1, "loss": "uniform", "sigma_data": 0.5}
    for name, schedule in (
        ("flow", {"name": "flow"}),
        ("edm", {"name": "edm", "sigma_min": 0.1, "sigma_max": 9.0}),
        ("table", {"name": "table", "alpha_bar": [0.9, 0.5, 0.1]}),
    ):
        predicts = "v" if name == "table" else "velocity"
        described = {"network": "", "config": {}, "schedule": schedule, **rest, "predicts": predicts, "clamp": True}
        configs[name] = described
    return {name: json.dumps(config).encode() for name, config in configs.items()}


def _files() -> Dict[str, bytes]:
    npy = io.BytesIO()
    np.save(npy, np.arange(6.0).reshape(2, 3))
    header = json.dumps({"a": _TENSOR}).encode()
    return {
        "new": new_file(whole(_PLAIN)),
        "old": old_file(whole(_PLAIN)),
        "npy": npy.getvalue(),
        "npy-cut-off": b"\x93NUMPY",
        "safetensors": len(header).to_bytes(8, "little") + header + bytes(24),
        "page": b"<!DOCTYPE html><title>404</title>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    }


def write(corpus: pathlib.Path) -> None:
    """Write every seed: corpus/TARGET/NAME."""
    programs = _programs()
    seeds = {"torch-zip": programs, "torch-legacy": programs, "any-file": _files(), "safetensors": _headers()}
    seeds["config"] = _configs()
    for target, inputs in {**seeds, "words": _words(), "lora": _loras(), "input": _inputs()}.items():
        (corpus / target).mkdir(parents=True, exist_ok=True)
        for name, raw in inputs.items():
            (corpus / target / name).write_bytes(raw)


if __name__ == "__main__":
    write(CORPUS)
