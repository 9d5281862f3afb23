"""The keys that are written are keys that A1111 and ComfyUI know."""

import json
import re

import pytest

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, write_lora
from tests.checkpoints.loras import a_lora

# Facts: AUTOMATIC1111's extensions-builtin/Lora/networks.py (convert_diffusers_name_to_compvis) and ComfyUI's
# comfy/lora.py (model_lora_keys_unet, model_lora_keys_clip) with comfy/utils.py (unet_to_diffusers), as they stood in
# 2026. Both know version 1, which has two blocks a level.
INSIDE = {"conv1": "in_layers_2", "conv2": "out_layers_3", "time_emb_proj": "emb_layers_1"}
INSIDE.update({"conv_shortcut": "skip_connection"})


def inside(kind, rest):
    return f"1_{rest}" if kind == "attentions" else f"0_{INSIDE[rest]}"


KNOWN = (
    (r"lora_unet_conv_in", lambda: "input_blocks_0_0"),
    (r"lora_unet_conv_out", lambda: "out_2"),
    (r"lora_unet_time_embedding_linear_(\d)", lambda n: f"time_embed_{2 * int(n) - 2}"),
    (
        r"lora_unet_down_blocks_(\d)_(attentions|resnets)_(\d)_(.+)",
        lambda x, kind, i, rest: f"input_blocks_{1 + 3 * int(x) + int(i)}_{inside(kind, rest)}",
    ),
    (r"lora_unet_mid_block_attentions_0_(.+)", lambda rest: f"middle_block_1_{rest}"),
    (r"lora_unet_mid_block_resnets_(\d)_(.+)", lambda i, rest: f"middle_block_{2 * int(i)}_{INSIDE[rest]}"),
    (
        r"lora_unet_up_blocks_(\d)_(attentions|resnets)_(\d)_(.+)",
        lambda x, kind, i, rest: f"output_blocks_{3 * int(x) + int(i)}_{inside(kind, rest)}",
    ),
    (r"lora_unet_down_blocks_(\d)_downsamplers_0_conv", lambda x: f"input_blocks_{3 + 3 * int(x)}_0_op"),
    (
        r"lora_unet_up_blocks_(\d)_upsamplers_0_conv",
        lambda x: f"output_blocks_{2 + 3 * int(x)}_{2 if int(x) else 1}_conv",
    ),
    (
        r"lora_te_text_model_encoder_layers_(\d+)_(mlp_fc[12]|self_attn_[qkv]_proj|self_attn_out_proj)",
        lambda n, rest: f"text_model_encoder_layers_{n}_{rest}",
    ),
)


def known(name):
    for pattern, ours in KNOWN:
        found = re.fullmatch(pattern, name)
        if found:
            return ours(*found.groups())
    raise AssertionError(f"nobody knows {name}")


def version_1(reference):
    manifest = {}
    for name in ("unet_vae", "text"):
        manifest.update(json.loads((reference / f"sd_v1.{name}.keys.json").read_text()))
    shapes = {}
    for begin in ("model.diffusion_model.", "cond_stage_model.transformer."):
        shapes[begin] = {
            key[len(begin) : -len(".weight")]: shape
            for key, shape in manifest.items()
            if key.startswith(begin) and key.endswith(".weight") and len(shape) in (2, 4) and "embedding." not in key
        }
    return shapes["model.diffusion_model."], shapes["cond_stage_model.transformer."]


@pytest.mark.parametrize("kind", ["kohya", "diffusers"])
def test_every_key_of_version_1_is_one_that_a1111_and_comfyui_know(kind, reference, tmp_path):
    unet, text = version_1(reference)
    assert len(unet) == 282 and len(text) == 72
    lora = LoraFile(a_lora(unet, 1, 1.0), a_lora(text, 1, 1.0))
    write_lora(tmp_path / "l.safetensors", lora, unet, kind)
    from safetensors import safe_open

    with safe_open(str(tmp_path / "l.safetensors"), "pt") as file:
        keys = set(file.keys())
    names = {}
    for key in keys:
        if kind == "kohya":
            names.setdefault(key.split(".")[0], set()).add(key.split(".", 1)[1])
            continue
        # ComfyUI's names of diffusers' files: .to_ as .processor.to_ with _lora, no number behind to_out.
        found = re.fullmatch(r"(unet|text_encoder)\.(.+?)(_lora|\.lora|\.lora_linear_layer)\.(up|down)\.weight", key)
        network, name, joint, _ = found.groups()
        assert (".processor.to_" in name) == (joint == "_lora") and not name.endswith(".to_out.0")
        assert (network == "text_encoder") == (joint == ".lora_linear_layer")
        name = re.sub(r"to_out$", "to_out.0", name.replace(".processor.", "."))
        begin = "lora_unet_" if network == "unet" else "lora_te_"
        names.setdefault(begin + name.replace(".", "_"), set()).add(found.group(4))
    parts = {"lora_down.weight", "lora_up.weight", "alpha"} if kind == "kohya" else {"up", "down"}
    assert all(there == parts for there in names.values())
    ours = {name.replace(".", "_") for name in (*unet, *text)}
    assert {known(name) for name in names} == ours and len(names) == len(ours)
