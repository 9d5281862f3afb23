"""Autoencoders (VAEs) as files of their own, in CompVis' names or diffusers': what `vae-ft-mse-840000` is shared as.

| where | keys |
|---|---|
| CompVis' file, ours of `world autoencoder` | encoder.down.0.block..., decoder., quant_conv., post_quant_conv. |
| diffusers' file, or the folder that it lies in | encoder.down_blocks.0.resnets.0... |
| a whole checkpoint, or diffusers' folder of one | the same below first_stage_model., or in vae/ |

Trainers leave loss. and model_ema. beside them.
"""

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping

from torch import Tensor

from ..errors import UserError
from .diffusers_layout import vae_in_compvis_names
from .strict import not_finite, refuse_others, some
from .tensor_files import read_tensors, weights_in
from .texts import read_json

_FIRST = "first_stage_model."
_NEEDED = re.compile(r"(encoder|decoder|quant_conv|post_quant_conv)\.")
_NEEDLESS = re.compile(r"(loss|model_ema)\.")
_ALL = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
_LATENT = "decoder.conv_in.weight"
_FILES = ("diffusion_pytorch_model", "pytorch_model")
_ENDINGS = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
_SCALE = 0.18215
"""What latents are multiplied by; XL's autoencoder has the same shapes and another number."""
_V1 = "give one for Stable Diffusion 1, such as vae-ft-mse-840000"


def holds_vae(table: Mapping[Any, Any]) -> bool:
    """Whether a file's table is an autoencoder's alone, in either naming."""
    keys = [key for key in table if isinstance(key, str)]
    return any(key.startswith("encoder.") for key in keys) and any(
        key.startswith(("decoder.conv_in.", "decoder.up")) for key in keys
    )


def read_vae(path: Path) -> Dict[str, Tensor]:
    """Read an autoencoder as a state dict in CompVis' names.

    Args:
        path: of a file or folder; see above.

    Raises:
        UserError: if it is none, one of another model (which is named), damaged, or holds numbers that are none.
    """
    path = _file_in(Path(path))
    content, metadata = read_tensors(path)
    table = weights_in(content, path, "state_dict")
    whole = any(key.startswith(_FIRST) for key in table)
    inside = {key[len(_FIRST) :]: value for key, value in table.items() if key.startswith(_FIRST)} if whole else table
    state = {key: value for key, value in inside.items() if not _NEEDLESS.match(key)}
    _refuse_others(state, path)
    if "xl" in metadata.get("modelspec.architecture", "").lower():
        raise UserError(f"{path}: is an autoencoder of Stable Diffusion XL; {_V1}")
    refuse_others(state, path)
    bad = not_finite(state)
    if bad:
        raise UserError(f"{path}: the autoencoder holds NaN or infinity in {some(bad)}; the file is damaged")
    return vae_in_compvis_names(state)


def refuse_other_shape(vae: Mapping[str, Tensor], own: Mapping[str, Any], path: Path) -> None:
    """Check that an autoencoder has the shapes of a checkpoint's own.

    Args:
        vae: in CompVis' names.
        own: the checkpoint's; empty where it has none.
        path: of the autoencoder, for the error.

    Raises:
        UserError: naming the first tensors that differ.
    """
    there, here = ({key: list(value.shape) for key, value in one.items()} for one in (own, vae))
    other: List[str] = [
        f"{key} {here.get(key, 'missing')} for {there.get(key, 'none')}"
        for key in dict.fromkeys((*there, *here))
        if there.get(key) != here.get(key)
    ]
    if own and other:
        raise UserError(
            f"{path}: is an autoencoder of another shape than the checkpoint's own: {some(other)}; give one that fits"
        )


def _file_in(path: Path) -> Path:
    """A file, or in a folder's place the one in it; what its config says is asked for."""
    if not path.is_dir():
        return path
    folders = (path, path / "vae")
    files = (folder / (name + ending) for folder in folders for name in _FILES for ending in _ENDINGS)
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        raise UserError(f"{path}: is a folder without {_FILES[0]}.safetensors; give the file of the autoencoder")
    config = file.parent / "config.json"
    told = read_json(config, _V1) if config.is_file() else {}
    scale = told.get("scaling_factor", _SCALE) if isinstance(told, dict) else _SCALE
    if scale != _SCALE:
        raise UserError(f"{config}: scales latents by {scale}, as another model's autoencoder does; {_V1}")
    return file


def _refuse_others(state: Mapping[str, Any], path: Path) -> None:
    lacking = [begin for begin in _ALL if not any(key.startswith(begin) for key in state)]
    latent = state.get(_LATENT)
    wide = latent.shape[1] if isinstance(latent, Tensor) and latent.dim() == 4 else 4
    if not holds_vae(state):
        raise UserError(f"{path}: holds no autoencoder, but such as {some(list(state))}; {_V1}")
    if wide == 16:
        raise UserError(f"{path}: is an autoencoder of 16 channels, as Stable Diffusion 3's and Flux's are; {_V1}")
    if lacking:
        raise UserError(f"{path}: is an autoencoder without {' and '.join(lacking)}; {_V1}")
    unknown = [key for key in state if not _NEEDED.match(key)]
    if unknown:
        raise UserError(f"{path}: has the unknown {some(unknown)} beside an autoencoder; {_V1}")
