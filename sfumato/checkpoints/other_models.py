"""What people give where a Stable Diffusion v1 is needed: each recognised by its keys, and named."""

import re
from pathlib import Path
from typing import Any, Dict, Mapping

from torch import Tensor

from ..errors import UserError
from .stand_ins import StandIn

_V1 = "this command needs a whole Stable Diffusion v1 (such as sd-v1-4.ckpt)"
_BY_KEY = (
    (r"lora_(unet|te\d?)_|.*\.(lora_(down|up|A|B)|hada_w1_a|lokr_w1)\b", "is a LoRA, which changes a checkpoint"),
    (
        r"(string_to_param|string_to_token|emb_params|clip_[lg])$|<[^<>]+>$",
        "is a learned word; give it with --embeddings",
    ),
    (r"conditioner\.embedders\.", "is Stable Diffusion XL"),
    (r"cond_stage_model\.model\.", "is Stable Diffusion 2"),
    (r"model\.diffusion_model\.joint_blocks\.", "is Stable Diffusion 3"),
    (r"(model\.diffusion_model\.)?double_blocks\.", "is Flux"),
    (r"(model\.)?control_model\.|controlnet_", "is a ControlNet"),
    (r"(encoder|decoder)\.(conv_in|down|up|mid)|quant_conv\.", "is an autoencoder (VAE) alone"),
    (r"(text_model|vision_model)\.", "is a CLIP or text encoder alone"),
    (r"(down_blocks|mid_block|up_blocks|input_blocks|middle_block|conv_in)\.", "is a U-Net alone"),
)
"""How a key begins -> what the file is."""

_VAE = "first_stage_model."
_PARTS = (
    ("model.diffusion_model.", "U-Net"),
    (_VAE, "autoencoder (VAE)"),
    ("cond_stage_model.transformer.", "text encoder"),
)


def refuse_other_models(state: Mapping[str, Any], path: Path, with_vae: bool = True) -> None:
    """Check that a table has the keys of a whole Stable Diffusion v1 of plain weights.

    Args:
        state: key -> tensor or stand-in, under CompVis' full keys.
        path: of the file, for the error.
        with_vae: whether its autoencoder must be there.

    Raises:
        UserError: naming what it is instead, or what it lacks.
    """
    for pattern, what in _BY_KEY:
        begin = re.compile(pattern)
        if any(begin.match(key) for key in state):
            raise UserError(f"{path}: {what}; {_V1}")
    for prefix, name in _PARTS:
        if not any(key.startswith(prefix) for key in state) and (with_vae or prefix != _VAE):
            beside = ", or the file of one with --vae" if prefix == _VAE else ""
            raise UserError(
                f"{path}: has no {name} ({prefix}*); give a whole checkpoint of Stable Diffusion v1{beside}"
            )
    _refuse_by_shape(state, path)
    if any(_is_fp8(value) for value in state.values()):
        raise UserError(
            f"{path}: holds 8-bit weights (fp8), from which nothing can be computed here; give fp16 or fp32"
        )


def what_model(state: Mapping[str, Any]) -> str:
    """What a table is that is no whole Stable Diffusion v1, such as "Flux"; nothing where neither tells it."""
    for pattern, what in _BY_KEY:
        begin = re.compile(pattern)
        if any(begin.match(key) for key in state):
            return what.partition(";")[0].partition(" ")[2]
    try:
        _refuse_by_shape(state, Path())
    except UserError as fault:
        return str(fault).partition(": is ")[2].partition(";")[0]
    return ""


def _refuse_by_shape(state: Mapping[str, Any], path: Path) -> None:
    tensors: Dict[str, Tensor] = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    first = tensors.get("model.diffusion_model.input_blocks.0.0.weight")
    if first is not None and first.dim() == 4 and first.shape[1] in (5, 8, 9):
        kind = {5: "depth", 8: "instruction editing", 9: "inpainting"}[first.shape[1]]
        raise UserError(f"{path}: is a Stable Diffusion for {kind}; this command needs the plain one")
    projection = tensors.get("model.diffusion_model.middle_block.1.proj_in.weight")
    if projection is not None and projection.dim() == 2:
        raise UserError(f"{path}: is Stable Diffusion 2; this command needs version 1 (such as sd-v1-4.ckpt)")


def _is_fp8(value: Any) -> bool:
    if isinstance(value, StandIn):
        return "float8" in value.name or "F8_" in value.name
    return isinstance(value, Tensor) and "float8" in str(value.dtype)
