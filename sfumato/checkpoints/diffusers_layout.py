"""The folder layout of Stable Diffusion v1 that the diffusers library writes, in CompVis' names.

FOLDER/unet/diffusion_pytorch_model.safetensors
FOLDER/vae/diffusion_pytorch_model.safetensors
FOLDER/text_encoder/model.safetensors            (its names are CompVis' already)

The same names with .fp16 before the ending, and the older .bin (the text encoder's is pytorch_model.bin), are read too.
"""

import re
from pathlib import Path
from typing import Any, Collection, Dict, Mapping, Tuple

from torch import Tensor

from ..errors import UserError
from .tensor_files import read_tensors, weights_in

_FILES = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_ENDINGS = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
_RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
)
"""Of a residual block, diffusers' names and CompVis'."""
_ENDS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("mid_block.attentions.0", "middle_block.1"),
)
"""Of what stands in no level, diffusers' names and CompVis'."""
_VAE = (
    (r"\.down_blocks\.(\d+)\.resnets\.(\d+)\.", r".down.\1.block.\2."),
    (r"\.down_blocks\.(\d+)\.downsamplers\.0\.", r".down.\1.downsample."),
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."),
    (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.group_norm\.", ".mid.attn_1.norm."),
    (r"\.mid_block\.attentions\.0\.(?:to_q|query)\.", ".mid.attn_1.q."),
    (r"\.mid_block\.attentions\.0\.(?:to_k|key)\.", ".mid.attn_1.k."),
    (r"\.mid_block\.attentions\.0\.(?:to_v|value)\.", ".mid.attn_1.v."),
    (r"\.mid_block\.attentions\.0\.(?:to_out\.0|proj_attn)\.", ".mid.attn_1.proj_out."),
    (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
)


def read_diffusers_folder(folder: Path, with_vae: bool = True) -> Dict[str, Tensor]:
    """All weights of a folder under CompVis' full keys.

    Args:
        folder: that is read.
        with_vae: whether its autoencoder is; else it may be missing.

    Raises:
        UserError: if a file is missing or cannot be read.
    """
    with_vae = with_vae or (folder / "vae").is_dir()
    unet, vae, text = (_part(folder, part) if part != "vae" or with_vae else {} for part in _FILES)
    names = unet_keys(unet)
    renamed = {f"model.diffusion_model.{names[key]}": value for key, value in unet.items()}
    renamed.update({f"first_stage_model.{key}": value for key, value in vae_in_compvis_names(vae).items()})
    renamed.update({f"cond_stage_model.transformer.{key}": value for key, value in text.items()})
    return renamed


def _part(folder: Path, part: str) -> Dict[str, Any]:
    """The weights of one network, from the first of the names that its file may have."""
    for name in (_FILES[part], "pytorch_model"):
        for ending in _ENDINGS:
            path = folder / part / (name + ending)
            if path.is_file():
                return weights_in(read_tensors(path).value, path)
    raise UserError(
        f"{folder / part}: has no {_FILES[part]}.safetensors; give a folder with unet/, vae/ and text_encoder/"
    )


def unet_keys(keys: Collection[str]) -> Dict[str, str]:
    """CompVis' names of a U-Net's tensors.

    Args:
        keys: diffusers' names, all of them: they tell the number of blocks a level and where attention is.
    """
    numbers = re.findall(r"down_blocks\.0\.resnets\.(\d{1,3})\.", "\n".join(keys))
    a_level = 1 + max(map(int, numbers), default=1)
    return {key: _unet_key(key, keys, a_level) for key in keys}


def _unet_key(key: str, keys: Collection[str], a_level: int) -> str:
    for old, new in _ENDS:
        key = f"{new}{key[len(old) :]}" if key.startswith(f"{old}.") else key
    stage = re.match(r"(down|up)_blocks\.(\d{1,3})\.(resnets|attentions|downsamplers|upsamplers)\.(\d{1,3})\.(.*)", key)
    middle = re.match(r"mid_block\.resnets\.(\d{1,3})\.(.*)", key)
    if middle:
        return _resnet(f"middle_block.{2 * int(middle.group(1))}.{middle.group(2)}")
    if not stage:
        return key
    way, kind, rest = stage.group(1, 3, 5)
    level, number = int(stage.group(2)), int(stage.group(4))
    if kind == "downsamplers":
        return f"input_blocks.{(a_level + 1) * (level + 1)}.0.op.{rest[len('conv.') :]}"
    if kind == "upsamplers":
        after = 2 if f"up_blocks.{level}.attentions.{a_level}.norm.weight" in keys else 1
        return f"output_blocks.{(a_level + 1) * level + a_level}.{after}.{rest}"
    place = (a_level + 1) * level + number
    block = f"input_blocks.{place + 1}" if way == "down" else f"output_blocks.{place}"
    return f"{block}.1.{rest}" if kind == "attentions" else _resnet(f"{block}.0.{rest}")


def diffusers_layers(layers: Collection[str]) -> Dict[str, str]:
    """Diffusers' names of a U-Net's layers: the way back from `unet_keys`.

    Args:
        layers: CompVis' names, without ".weight", of all of them: they tell the number of blocks a level.
    """
    text = "\n".join(layers)
    stages = [int(number) for number in re.findall(r"^input_blocks\.(\d{1,3})\.", text, re.M)]
    halvings = [int(number) for number in re.findall(r"^input_blocks\.(\d{1,3})\.0\.op$", text, re.M)]
    a_level = min(halvings, default=max(stages, default=0) + 1) - 1
    return {layer: _diffusers_layer(layer, a_level) for layer in layers}


def _diffusers_layer(layer: str, a_level: int) -> str:
    for new, old in _ENDS:
        if f"{layer}.".startswith(f"{old}."):
            return new + layer[len(old) :]
    stage = re.fullmatch(r"(input|output)_blocks\.(\d{1,3})\.(\d)\.(.+)", layer)
    middle = re.fullmatch(r"middle_block\.([02])\.(.+)", layer)
    inside = {old: new for new, old in _RESNET}
    if middle:
        return f"mid_block.resnets.{int(middle.group(1)) // 2}.{inside.get(middle.group(2), middle.group(2))}"
    if not stage:
        return layer
    way, rest = ("down" if stage.group(1) == "input" else "up"), stage.group(4)
    level, number = divmod(int(stage.group(2)) - (way == "down"), a_level + 1)
    if rest in ("op", "conv"):
        return f"{way}_blocks.{level}.{way}samplers.0.conv"
    if stage.group(3) == "0":
        return f"{way}_blocks.{level}.resnets.{number}.{inside.get(rest, rest)}"
    return f"{way}_blocks.{level}.attentions.{number}.{rest}"


def vae_in_compvis_names(vae: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """An autoencoder's state dict in CompVis' names and shapes; one that has them already stays as it is."""
    levels = 1 + max((int(n) for n in re.findall(r"decoder\.up_blocks\.(\d{1,3})\.", "\n".join(vae))), default=0)
    return dict(vae_entry(key, value, levels) for key, value in vae.items())


def vae_entry(key: str, value: Tensor, levels: int) -> Tuple[str, Tensor]:
    """CompVis' name of an autoencoder's tensor, and the tensor in CompVis' shape.

    Args:
        key, value: diffusers'.
        levels: of the autoencoder; the decoder's are counted from the other end.
    """
    for name, new in (("resnets.", "block."), ("upsamplers.0.", "upsample.")):
        found = re.search(rf"\.up_blocks\.(\d{{1,3}})\.{re.escape(name)}", key)
        if found:
            key = f"{key[: found.start()]}.up.{levels - 1 - int(found.group(1))}.{new}{key[found.end() :]}"
    for pattern, new in _VAE:
        key = re.sub(pattern, new, key)
    # Attention's linear layers are 1x1 convolutions there.
    is_matrix = ".mid.attn_1." in key and value.dim() == 2
    return key, value[:, :, None, None] if is_matrix else value


def _resnet(key: str) -> str:
    for old, new in _RESNET:
        key = key.replace(f".{old}.", f".{new}.")
    return key
