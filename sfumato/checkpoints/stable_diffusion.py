"""Stable Diffusion v1 checkpoints of all layouts, as three state dicts; every key is used or named as ignored."""

import hashlib
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import torch
from torch import Tensor

from ..errors import UserError
from .diffusers_layout import read_diffusers_folder
from .other_models import refuse_other_models
from .safetensor_files import write_safetensors
from .strict import refuse_not_finite, refuse_others, some
from .tensor_files import read_tensors, weights_in
from .torch_saving import write_torch
from .vae_files import read_vae, refuse_other_shape

PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text": "cond_stage_model.transformer.",
}
"""Where each network's weights are in a CompVis state dict."""

SIZE_KEY = "sfumato.size"
"""A number that our own small checkpoints hold beside the weights: the height and width of their pictures."""

_LARGEST = 2048
_NEEDLESS = re.compile(
    r"model_ema\.|ddim_|denoiser\.|embedding_manager\.|logit_scale$|first_stage_model\.loss\."
    r"|cond_stage_model\.(transformer\.)?(logit_scale$|text_projection|vision_model\.|visual_projection)"
    r"|.*\.position_ids$"
)
"""What trainers, converters and whole CLIPs leave in a checkpoint beside the three networks."""

_NAMES = re.compile(
    r"(input_blocks|output_blocks)(\d+)(\d)(?=\D)|(attn\d|norm\d)(?=[a-z])"
    r"|(middle_block|time_embed|in_layers|out_layers|emb_layers|skip_connection|transformer_blocks|proj_in|proj_out"
    r"|to_q|to_k|to_v|to_out|conv|norm|proj|net|out|ff|op|weight|bias)|(\d+)"
)
"""The names and numbers in a U-Net's key. Blocks have two numbers, the second of one digit."""

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


class Parts(NamedTuple):
    """The weights of each network, keys without their prefixes."""

    unet: Dict[str, Tensor]
    vae: Dict[str, Tensor]
    text: Dict[str, Tensor]
    size: int
    """Height and width of the pictures that the checkpoint was trained on: 512 unless it says otherwise."""
    ignored: List[str]
    """Keys of the file that nothing needs: the schedule, the running means of the weights, positions."""


def read_stable_diffusion(path: Path, vae: Optional[Path] = None) -> Parts:
    """Read a checkpoint of version 1 without running any of it.

    Args:
        path: a file with CompVis' keys, of any name (.ckpt, .pt, .safetensors ...), or a diffusers folder.
        vae: an autoencoder in place of the checkpoint's own, which may be missing then; see `read_vae`.

    Raises:
        UserError: if the file is missing, damaged, or of another model (which is named); if the other autoencoder is
            none, or of another shape than the checkpoint's own.
    """
    path = Path(path)
    if path.is_dir():
        state = read_diffusers_folder(path, vae is None)
    else:
        state = _with_running_means(weights_in(read_tensors(path).value, path, "state_dict"))
    refuse_other_models(state, path, vae is None)
    parts: Dict[str, Dict[str, Tensor]] = {name: {} for name in PREFIXES}
    ignored, unknown, size = [], [], 512
    for key, value in state.items():
        name = next((name for name, prefix in PREFIXES.items() if key.startswith(prefix)), None)
        if key == SIZE_KEY:
            size = _size(value, path)
        elif key in _BUFFERS or _NEEDLESS.match(key):
            ignored.append(key)
        elif name is None:
            unknown.append(key)
        else:
            parts[name][_part_key(name, key[len(PREFIXES[name]) :])] = value
    if unknown:
        raise UserError(
            f"{path}: has the unknown {some(unknown)}; a checkpoint of Stable Diffusion v1 has no such keys"
        )
    for part in parts.values():
        refuse_others(part, path)
    if vae is not None:
        own, parts["vae"] = parts["vae"], read_vae(vae)
        refuse_other_shape(parts["vae"], own, vae)
    return Parts(parts["unet"], parts["vae"], parts["text"], size, ignored)


def write_stable_diffusion(
    path: Path,
    networks: Mapping[str, Mapping[str, Tensor]],
    size: int,
    dtype: Optional[torch.dtype] = None,
    note: str = "",
) -> None:
    """Write a checkpoint with CompVis' keys, whole or not at all.

    Args:
        path: ends in .safetensors, or in .ckpt for a pickle.
        networks: the state dicts of unet, vae and text.
        size: height and width of the pictures that it was trained on.
        dtype: of the stored weights; as they are by default.
        note: how they came to be, in a .safetensors.
    """
    tensors = {
        prefix + key: value.to(dtype) if dtype and value.is_floating_point() else value
        for name, prefix in PREFIXES.items()
        for key, value in networks[name].items()
    }
    tensors[SIZE_KEY] = torch.tensor(size)
    if path.suffix == ".ckpt":
        refuse_not_finite(tensors, path)
        write_torch(path, {"state_dict": tensors})
    else:
        write_safetensors(path, tensors, {"format": "sfumato stable diffusion v1", **({"note": note} if note else {})})


def _part_key(name: str, key: str) -> str:
    """The key in its network; text encoders without their outer name are NovelAI's, and transformers' from 5 on."""
    return f"text_model.{key}" if name == "text" and not key.startswith("text_model.") else key


def _size(value: Any, path: Path) -> int:
    """The pictures' height and width, which our own small checkpoints say."""
    size = int(value) if isinstance(value, Tensor) and value.numel() == 1 and bool(value.isfinite().all()) else 0
    if not 8 <= size <= _LARGEST:
        raise UserError(f"{path}: says that its pictures are {size} wide; a checkpoint's are 8 ... {_LARGEST}")
    return size


def _with_running_means(state: Dict[str, Any]) -> Dict[str, Any]:
    """Where a file has the U-Net's running mean alone, that is the U-Net."""
    if any(key.startswith(PREFIXES["unet"]) for key in state):
        return state
    means = "model_ema.diffusion_model"
    return {
        PREFIXES["unet"] + _dotted(key[len(means) :]) if key.startswith(means) else key: value
        for key, value in state.items()
    }


def _dotted(key: str) -> str:
    """A U-Net's key from its running mean's, which is written without the points between names and numbers."""
    return ".".join(part for match in _NAMES.finditer(key) for part in match.groups() if part)


def fingerprint(parts: Parts) -> str:
    """The name of a checkpoint, by what words are learned for: its U-Net and its text encoder."""
    return name_of_weights(parts.unet, parts.text)


def name_of_weights(*parts: Mapping[str, Tensor]) -> str:
    """A short name of weights, the same in every layout of one precision: 16 hexadecimal digits.

    It is a digest of sixteen values of each tensor: a blink, where a digest of a checkpoint's file takes ten seconds.
    """
    digest = hashlib.sha256()
    for part in parts:
        for key in sorted(part):
            flat = part[key].reshape(-1)
            # In whole numbers: float32 cannot tell the last places of a large tensor apart.
            count = min(16, flat.numel())
            places = [place * (flat.numel() - 1) // max(1, count - 1) for place in range(count)]
            digest.update(key.encode() + flat[places].to(torch.float32).cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
