"""Custom Diffusion (Kumari et al. 2022) as files: the attentions' new weights, whole, as diffusers' script saves them.

| key | tensor |
|---|---|
| down_blocks.0...attn2.processor.to_k_custom_diffusion.weight, to_v_... | [out, in]: in place of the layer's |
| ...to_q_custom_diffusion.weight, to_out_custom_diffusion.0.weight and .bias | where queries were trained too |
| down_blocks.0...attn1.processor | {}: an attention that is as it was; only torch files can say so |

diffusers calls the torch file pytorch_custom_diffusion_weights.bin; words lie beside it, a file each.
"""

import re
from pathlib import Path
from typing import Any, Collection, Dict, List, Mapping, NamedTuple, Sequence

import torch
from torch import Tensor

from ..errors import UserError
from .diffusers_layout import diffusers_layers
from .embeddings import without_names
from .lora_metadata import OURS
from .low_rank import Shapes
from .rebuilders import as_tensor
from .safetensor_files import write_safetensors
from .stand_ins import described, shortened
from .strict import refuse_not_finite, some
from .tensor_files import read_tensors, weights_in
from .torch_saving import write_torch

_KEY = re.compile(r"(?:unet\.)?(.+)\.processor\.to_(q|k|v|out)_custom_diffusion(\.0)?\.(weight|bias)")
_TORCH = (".bin", ".pt", ".pth")


class CustomFile(NamedTuple):
    """What Custom Diffusion learned of a U-Net. Layers are named as the modules of `models.stable_diffusion.UNet`."""

    weights: Dict[str, Tensor]
    """Layer, such as input_blocks.1.1.transformer_blocks.0.attn2.to_k -> its whole new weight, float32 [out, in]."""
    biases: Mapping[str, Tensor] = {}
    """Layer -> its new bias; only attentions' outputs have one, where queries were trained too."""
    metadata: Mapping[str, str] = {}
    """Of safetensors."""
    unused: Sequence[str] = ()
    """Keys of the file that nothing was done with."""


def holds_custom(table: Mapping[Any, Any]) -> bool:
    """Whether a file's table is Custom Diffusion's."""
    return any(isinstance(key, str) and _KEY.fullmatch(key) for key in table)


def read_custom(path: Path, unet: Shapes) -> CustomFile:
    """Read what Custom Diffusion learned.

    Args:
        path: of a safetensors or torch file.
        unet: `layer_shapes` of the U-Net.

    Raises:
        UserError: if the file holds none, nothing for this U-Net, shapes that do not fit, or numbers that are none.
    """
    path = Path(path)
    content, metadata = read_tensors(path)
    table = weights_in(content, path, "state_dict")
    if not holds_custom(table):
        raise UserError(f"{path}: holds no Custom Diffusion, but such as {some(list(table))}; give such a file")
    ours = {theirs: layer for layer, theirs in diffusers_layers(list(unet)).items()}
    weights: Dict[str, Tensor] = {}
    biases: Dict[str, Tensor] = {}
    unused: List[str] = []
    for key, value in table.items():
        said = _KEY.fullmatch(key)
        layer = ours.get(f"{said.group(1)}.to_{said.group(2)}{said.group(3) or ''}") if said else None
        if said is None or layer is None:
            unused += [] if value == {} else [key]
            continue
        shape = list(unet[layer]) if said.group(4) == "weight" else [unet[layer][0]]
        (weights if said.group(4) == "weight" else biases)[layer] = _tensor(value, key, layer, shape, path)
    if not weights:
        raise UserError(
            f"{path}: is a Custom Diffusion of which no key fits the checkpoint, such as {some(unused)}; it was"
            " made for another model"
        )
    return CustomFile(weights, biases, metadata, unused)


def _tensor(value: Any, key: str, layer: str, shape: List[int], path: Path) -> Tensor:
    tensor = as_tensor(value)
    if tensor is None or not tensor.is_floating_point():
        raise UserError(f"{path}: has {described(value)} where the numbers of {shortened(key)} belong; get it again")
    if list(tensor.shape) != shape:
        raise UserError(
            f"{path}: {layer} is {shape} in the checkpoint and {list(tensor.shape)} here; it was made for another model"
        )
    wide = tensor.detach().float().contiguous()
    if not bool(wide.isfinite().all()):
        raise UserError(f"{path}: holds NaN or infinity in {shortened(key)}; the file is damaged")
    return wide


def write_custom(
    path: Path, custom: CustomFile, unet: Collection[str], dtype: torch.dtype = torch.float16, metadata: bool = True
) -> None:
    """Write what Custom Diffusion learned, whole or not at all; the same weights give the same bytes.

    Args:
        path: ends in .safetensors, or in .bin, .pt or .pth for a torch file, which alone diffusers itself can load.
        custom: what is written.
        unet: the names of all layers of the U-Net (`layer_shapes`), which tell how diffusers calls them.
        dtype: of the numbers.
        metadata: whether a safetensors file gets what of `custom.metadata` begins with "sfumato.", and its format.

    Raises:
        UserError: for another ending, nothing to write, or numbers beyond the type.
    """
    path = Path(path)
    if path.suffix not in (".safetensors", *_TORCH):
        raise UserError(f"{path}: Custom Diffusion is written as .safetensors or .bin; give a name that ends so")
    if not custom.weights:
        raise UserError(f"{path}: is not written, for it changes no layer")
    theirs = diffusers_layers(unet)
    tensors = {
        f"{_processed(theirs[layer])}.{kind}": value.detach().cpu().to(dtype).contiguous()
        for kind, table in (("weight", custom.weights), ("bias", custom.biases))
        for layer, value in table.items()
    }
    if path.suffix == ".safetensors":
        told = without_names({key: text for key, text in custom.metadata.items() if key.startswith(OURS)})
        write_safetensors(path, tensors, {**told, "format": "pt"} if metadata else {})
        return
    refuse_not_finite(tensors, path)
    changed = {name.rpartition(".to_")[0] for name in tensors}
    every = sorted(f"{name[: -len('.to_q')]}.processor" for name in theirs.values() if name.endswith(".to_q"))
    write_torch(path, {**tensors, **{name: {} for name in every if name not in changed}})


def _processed(layer: str) -> str:
    """...attn2.to_out.0 as ...attn2.processor.to_out_custom_diffusion.0"""
    module, _, name = layer.rpartition(".to_")
    name, point, number = name.partition(".")
    return f"{module}.processor.to_{name}_custom_diffusion{point}{number}"
