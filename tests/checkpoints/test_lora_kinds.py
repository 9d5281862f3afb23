"""LoRA files of many kinds, names x alpha x parts, add what was put into them or are refused by name."""

import itertools
import re

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, read_lora
from sfumato.checkpoints.diffusers_layout import diffusers_layers
from sfumato.errors import UserError
from tests.checkpoints.loras import TEXT, UNET, a_lora, file_of

THEIRS = diffusers_layers(UNET)
ATTENTION = [layer for layer in UNET if "attn" in layer]
OTHERS = [layer for layer in UNET if "attn" not in layer]


def old(name):
    """As diffusers' attention processors were called until 0.20."""
    return re.sub(r"\.(to_q|to_k|to_v|to_out)(\.0)?$", r".processor.\1_lora", name)


NAMES = {
    "kohya": lambda network, layer: f"lora_{network}_{layer.replace('.', '_')}.lora_",
    "kohya, CompVis' blocks": None,
    "diffusers": lambda network, layer: f"{network.replace('te', 'text_encoder')}.{layer}.lora.",
    "diffusers until 0.20": lambda network, layer: f"{network.replace('te', 'text_encoder')}.{old(layer)}.",
    "diffusers, PEFT's parts": lambda network, layer: f"{network.replace('te', 'text_encoder')}.{layer}.lora_",
    "peft": lambda network, layer: f"base_model.model.{layer}.lora_",
}
"""Naming -> what stands before the part; kohya's with CompVis' blocks takes our own names."""
PARTS = ("attentions", "all of the U-Net", "text encoder", "both")


def layers_of(parts, naming):
    unet = {"attentions": ATTENTION, "text encoder": []}.get(parts, ATTENTION if "0.20" in naming else list(UNET))
    text = [] if parts in ("attentions", "all of the U-Net") else list(TEXT)
    return [("unet", layer) for layer in unet] + [("te", layer) for layer in text]


def tensors_of(naming, alpha, layers, given):
    """The file of some layers; peft's and diffusers' newer names have A for down and B for up."""
    found = {}
    for network, layer in layers:
        one = (given.unet if network == "unet" else given.text)[layer]
        theirs = layer if network == "te" or naming.endswith("blocks") else THEIRS[layer]
        begin = (NAMES[naming] or NAMES["kohya"])(network, theirs)
        down, up = ("A", "B") if naming in ("peft", "diffusers, PEFT's parts") else ("down", "up")
        if naming == "diffusers until 0.20" and network == "te":
            begin = f"text_encoder.{theirs}.lora_linear_layer."
        found[f"{begin}{down}.weight"], found[f"{begin}{up}.weight"] = one.down, one.up
        if alpha:
            found[f"{re.sub(r'[._]lora([._].*)?$|[.]lora_linear_layer[.]$', '', begin)}.alpha"] = torch.tensor(3.0)
    return found


@pytest.mark.parametrize(
    ("naming", "alpha", "parts"), list(itertools.product(NAMES, (True, False), PARTS)), ids=lambda value: str(value)
)
def test_what_was_put_in_is_added(naming, alpha, parts, tmp_path):
    given, layers = LoraFile(a_lora(UNET), a_lora(TEXT)), layers_of(parts, naming)
    tensors = tensors_of(naming, alpha, layers, given)
    found = read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)
    assert not found.unused
    assert set(found.unet) == {layer for network, layer in layers if network == "unet"}
    assert set(found.text) == {layer for network, layer in layers if network == "te"}
    for there, here in ((found.unet, given.unet), (found.text, given.text)):
        for layer, one in there.items():
            assert one.alpha == (3.0 if alpha else 2.0), "a missing alpha means the rank"
            assert torch.equal(one.delta(), here[layer]._replace(alpha=one.alpha).delta())


BEGIN = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_q"


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), "LoHa"),
        (("lokr_w1", "lokr_w2"), "LoKr"),
        (("lora_down.weight", "lora_up.weight", "dora_scale"), "DoRA"),
        (("oft_blocks",), "OFT"),
        (("on_input", "weight"), "IA3"),
        (("a1.weight", "a2.weight", "b1.weight", "b2.weight"), "GLoRA"),
        (("diff",), "full weights"),
    ],
)
def test_other_kinds_are_refused_by_name(keys, name, tmp_path):
    tensors = {f"{BEGIN}.{key}": torch.ones(32, 32) for key in keys}
    with pytest.raises(UserError, match=f"is of the kind {name}"):
        read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)
