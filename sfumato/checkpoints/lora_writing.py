"""LoRAs written, in the names of kohya's scripts or of diffusers: what A1111, ComfyUI and diffusers read."""

import re
from pathlib import Path
from typing import Collection, Dict

import torch
from torch import Tensor

from ..errors import UserError
from .diffusers_layout import diffusers_layers
from .lora_metadata import lora_metadata
from .lora_words import bundle
from .low_rank import LoraFile, LowRank
from .safetensor_files import write_safetensors

LORA_NAMINGS = ("kohya", "diffusers")
"""In which LoRAs are written."""


def write_lora(
    path: Path,
    lora: LoraFile,
    unet: Collection[str],
    kind: str = "kohya",
    dtype: torch.dtype = torch.float16,
    metadata: bool = True,
) -> None:
    """Write a LoRA as a safetensors file, whole or not at all; the same LoRA gives the same bytes.

    Args:
        path: of the file, which ends in .safetensors.
        lora: what is written; of its metadata what `lora_metadata` keeps.
        unet: the names of all layers of the U-Net (`layer_shapes`), which tell how others call them.
        kind: one of LORA_NAMINGS. In diffusers' alpha is multiplied into `up`, because its older versions read none.
        dtype: of the matrices; words and alphas stay in float32.
        metadata: whether to write what the file is, for which model, and what triggers it.

    Raises:
        UserError: for a LoRA without layers, a naming or ending that there is not, or numbers beyond the type.
    """
    path = Path(path)
    if kind not in LORA_NAMINGS:
        raise UserError(f"unknown naming {kind!r} of a LoRA; choose one of {', '.join(LORA_NAMINGS)}")
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: a LoRA is written as .safetensors; give a name that ends so")
    if not lora.unet and not lora.text:
        raise UserError(f"{path}: is not written, for the LoRA changes no layer")
    theirs, tensors_of = diffusers_layers(unet), _kohya if kind == "kohya" else _diffusers
    tensors = bundle(lora.words, path)
    for network, layers in (("unet", lora.unet), ("text", lora.text)):
        for layer, one in layers.items():
            name = theirs[layer] if network == "unet" else layer
            tensors.update(tensors_of(network, name, one, dtype))
    write_safetensors(path, tensors, lora_metadata(lora) if metadata else {})


def _kohya(network: str, name: str, one: LowRank, dtype: torch.dtype) -> Dict[str, Tensor]:
    begin = ("lora_unet_" if network == "unet" else "lora_te_") + name.replace(".", "_")
    return {
        f"{begin}.lora_down.weight": one.down.to(dtype),
        f"{begin}.lora_up.weight": one.up.to(dtype),
        f"{begin}.alpha": torch.tensor(float(one.alpha)),
    }


def _diffusers(network: str, name: str, one: LowRank, dtype: torch.dtype) -> Dict[str, Tensor]:
    begin = f"unet.{name}.lora" if network == "unet" else f"text_encoder.{name}.lora_linear_layer"
    # ComfyUI knows the attentions by their old names alone, and all versions of diffusers know those too.
    begin = re.sub(r"(\.attn\d)\.to_(q|k|v|out)(\.0)?\.lora", r"\1.processor.to_\2_lora", begin)
    up = one.up if one.alpha == one.rank else one.up * (one.alpha / one.rank)
    return {f"{begin}.down.weight": one.down.to(dtype), f"{begin}.up.weight": up.to(dtype)}
