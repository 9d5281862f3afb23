"""Stable Diffusion v1 checkpoints of all layouts, as three state dicts; every key is used or named as ignored."""

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple

import torch
from torch import Tensor

from ..errors import UserError
from .diffusers_layout import read_diffusers_folder
from .pickles import read_pickle
from .safetensor_files import read_safetensors
from .strict import some

PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text": "cond_stage_model.transformer.",
}
"""Where each network's weights are in a CompVis state dict."""

SIZE_KEY = "sfumato.size"
"""A number that our own small checkpoints hold beside the weights: the height and width of their pictures."""

_BUFFERS = {
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
    "logvar",
    "lvlb_weights",
    "scale_factor",
}
"""The schedule, which follows from two numbers."""

_OTHERS = (
    ("conditioner.embedders.", "Stable Diffusion XL"),
    ("cond_stage_model.model.", "Stable Diffusion 2"),
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
    ("model.diffusion_model.double_blocks.", "Flux"),
    ("model.control_model.", "a ControlNet"),
    ("control_model.", "a ControlNet"),
)


class Parts(NamedTuple):
    """The weights of each network, keys without their prefixes."""

    unet: Dict[str, Tensor]
    vae: Dict[str, Tensor]
    text: Dict[str, Tensor]
    size: int
    """Height and width of the pictures that the checkpoint was trained on: 512 unless it says otherwise."""
    ignored: List[str]
    """Keys of the file that nothing needs: the schedule, the running means of the weights, positions."""


def read_stable_diffusion(path: Path) -> Parts:
    """Read a checkpoint of version 1 without running any of it.

    Args:
        path: CompVis' .ckpt (or .pt, .pth, .bin), a .safetensors with the same keys, or a diffusers folder.

    Raises:
        UserError: if the file is missing, damaged, refused, or of another model (which is named).
    """
    path = Path(path)
    if path.is_dir():
        state = read_diffusers_folder(path)
    elif path.suffix == ".safetensors":
        state = read_safetensors(path)[0]
    else:
        state = _state_in(read_pickle(path), path)
    _recognise(state, path)
    parts: Dict[str, Dict[str, Tensor]] = {name: {} for name in PREFIXES}
    ignored, unknown, size = [], [], 512
    for key, value in state.items():
        name = next((name for name, prefix in PREFIXES.items() if key.startswith(prefix)), None)
        if key == SIZE_KEY:
            size = int(value)
        elif key in _BUFFERS or key.startswith("model_ema.") or key.endswith(".position_ids"):
            ignored.append(key)
        elif name is None:
            unknown.append(key)
        else:
            parts[name][key[len(PREFIXES[name]) :]] = value
    if unknown:
        raise UserError(
            f"{path}: has the unknown {some(unknown)}; a checkpoint of Stable Diffusion v1 has no such keys"
        )
    return Parts(parts["unet"], parts["vae"], parts["text"], size, ignored)


def _state_in(read: Any, path: Path) -> Dict[str, Tensor]:
    """The state dict of a pickle: inside Lightning's "state_dict", or the whole."""
    state = read.get("state_dict", read) if isinstance(read, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise UserError(f"{path}: holds no state_dict; give a checkpoint of Stable Diffusion v1")
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def _recognise(state: Mapping[str, Tensor], path: Path) -> None:
    for prefix, name in _OTHERS:
        if any(key.startswith(prefix) for key in state):
            raise UserError(f"{path}: is {name}; this command needs Stable Diffusion v1 (such as sd-v1-4.ckpt)")
    for name, prefix in PREFIXES.items():
        if not any(key.startswith(prefix) for key in state):
            raise UserError(f"{path}: has no {name} ({prefix}*); give a whole checkpoint of Stable Diffusion v1")
    first = state.get(PREFIXES["unet"] + "input_blocks.0.0.weight")
    if first is not None and first.shape[1] in (8, 9):
        kind = {8: "instruction editing", 9: "inpainting"}[first.shape[1]]
        raise UserError(f"{path}: is a Stable Diffusion for {kind}; this command needs the plain one")
    projection = state.get(PREFIXES["unet"] + "middle_block.1.proj_in.weight")
    if projection is not None and projection.dim() == 2:
        raise UserError(f"{path}: is Stable Diffusion 2; this command needs version 1 (such as sd-v1-4.ckpt)")


def fingerprint(parts: Parts) -> str:
    """A short name of the weights, the same in every layout of one precision: 16 hexadecimal digits.

    It is a digest of sixteen values of each tensor of the U-Net and the text encoder: a blink, where a digest of the
    file takes ten seconds.
    """
    digest = hashlib.sha256()
    for part in (parts.unet, parts.text):
        for key in sorted(part):
            flat = part[key].reshape(-1)
            # In whole numbers: float32 cannot tell the last places of a large tensor apart.
            count = min(16, flat.numel())
            places = [place * (flat.numel() - 1) // max(1, count - 1) for place in range(count)]
            digest.update(key.encode() + flat[places].to(torch.float32).numpy().tobytes())
    return digest.hexdigest()[:16]
