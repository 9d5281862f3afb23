"""LoRAs read: those of kohya's scripts (A1111, ComfyUI), of diffusers and of peft.

What keys look like stands in `lora_keys.py`, where alphas are in `lora_alphas.py`. Nothing is guessed: each key belongs
to one layer of the checkpoint's or is named as not used, and a file in which nothing fits is refused.
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

import torch
from torch import Tensor

from ..errors import UserError
from .diffusers_layout import diffusers_layers
from .lora_alphas import Alphas
from .lora_keys import WIDTHS, LoraKey, looks_like_lora, other_kind, other_model, parsed
from .lora_words import bundled
from .low_rank import LoraFile, LowRank, Shapes, low_rank, without_mid
from .rebuilders import as_tensor
from .stand_ins import described, shortened
from .strict import some
from .tensor_files import read_tensors, weights_in

_ONLY_V1 = "only LoRAs for Stable Diffusion 1 are read"
_OF_TEXTS = ("attn2.to_k", "attn2.to_v", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.fc1")
"""Layers whose input has the width of the text's states."""
_IN_FOLDERS = ("adapter_model", "pytorch_lora_weights")
"""What peft and diffusers call the file in a folder."""


class _Part(NamedTuple):
    key: str
    said: LoraKey
    tensor: Tensor


_Layers = Dict[Tuple[str, str], Dict[str, _Part]]
"""(network, layer) -> what part it is -> the tensor."""


def read_lora(path: Path, unet: Shapes, text: Shapes) -> LoraFile:
    """Read a LoRA of any naming for a checkpoint's networks.

    Args:
        path: of a safetensors or torch file, or of the folder that peft or diffusers saved one in; an
            adapter_config.json of peft's beside the file is read too.
        unet: `layer_shapes` of the U-Net.
        text: those of the text encoder.

    Raises:
        UserError: if the file holds none, or one of another model or kind (which is named); if no key of it, or only a
            half of a layer's, is of the networks'; if shapes do not fit or numbers are not finite.
    """
    path = lora_path(path)
    content, metadata = read_tensors(path)
    table = weights_in(content, path, "state_dict")
    if not looks_like_lora(table):
        raise UserError(f"{path}: holds no LoRA, but such as {some(list(table))}; give a LoRA")
    words, used = bundled(table, path)
    layers, unused = _sorted({key: value for key, value in table.items() if key not in used}, unet, text, path)
    kind, model = other_kind(table), other_model(unused)
    if model:
        raise UserError(f"{path}: is a LoRA for {model}; {_ONLY_V1}")
    if kind:
        raise UserError(f"{path}: is of the kind {kind}; only plain LoRAs are read")
    if not layers:
        raise UserError(
            f"{path}: is a LoRA of which no key fits the checkpoint, such as {some(unused or list(table))};"
            " it was made for another model"
        )
    shapes = {"unet": unet, "text": text}
    _refuse_other_widths(path, layers, shapes)
    alphas, found = Alphas(path, metadata), LoraFile({}, {}, words, metadata, unused)
    for (network, layer), parts in layers.items():
        if not {"down", "up"} <= set(parts):
            unused += [part.key for part in parts.values() if part.said.part == "alpha"]
            _refuse_half(path, layer, parts, unused)
            continue
        into = found.unet if network == "unet" else found.text
        into[layer] = _layer(path, layer, parts, shapes[network][layer], alphas)
    return found


def lora_path(path: Path) -> Path:
    """A path, or in its place the file of a LoRA in the folder that it is.

    Raises:
        UserError: for a folder without one.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    files = [path / (name + ending) for name in _IN_FOLDERS for ending in (".safetensors", ".bin")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"{path}: is a folder without {' or '.join(_IN_FOLDERS)}; give the file of the LoRA")
    return found


def _sorted(table: Mapping[str, Any], unet: Shapes, text: Shapes, path: Path) -> Tuple[_Layers, List[str]]:
    """The tensors of the networks' layers, and the keys that belong to none."""
    names = {
        "unet": {name.replace(".", "_"): name for name in unet},
        "text": {name.replace(".", "_"): name for name in text},
    }
    theirs = diffusers_layers(list(unet))
    names["unet"].update({theirs[name].replace(".", "_"): name for name in unet})
    # transformers from 5 on has no outer name.
    names["text"].update({key[len("text_model_") :]: name for key, name in list(names["text"].items())})
    layers: _Layers = {}
    unused = []
    for key, value in table.items():
        said = parsed(key)
        networks = [] if said is None else [said.network] if said.network else ["unet", "text"]
        place = next(((n, names[n][said.layer]) for n in networks if said and said.layer in names[n]), None)
        if said is None or place is None:
            unused.append(key)
            continue
        parts = layers.setdefault(place, {})
        if said.part in parts:
            raise UserError(
                f"{path}: has {shortened(parts[said.part].key)} and {shortened(key)} for one layer; get it again"
            )
        parts[said.part] = _Part(key, said._replace(network=place[0]), _tensor(value, key, path))
    return layers, unused


def _tensor(value: Any, key: str, path: Path) -> Tensor:
    # A lone number may be a whole one, of any length.
    small = isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**31)
    tensor = torch.tensor(float(value)) if small else as_tensor(value)
    if tensor is None or tensor.is_complex() or not (tensor.is_floating_point() or not tensor.dim()):
        what = described(value) if tensor is None else str(tensor.dtype)
        raise UserError(f"{path}: has {what} where the numbers of {shortened(key)} belong; get a file in fp16 or fp32")
    wide = tensor.detach().float()
    if not bool(wide.isfinite().all()):
        raise UserError(f"{path}: holds NaN or infinity in {shortened(key)}; the file is damaged")
    return wide


def _refuse_half(path: Path, layer: str, parts: Mapping[str, _Part], unused: List[str]) -> None:
    for part in parts.values():
        if part.said.part != "alpha":
            other = {"down": "up", "up": "down"}.get(part.said.part, "down")
            beside = f"; unknown is {some(unused)}" if unused else ""
            raise UserError(
                f"{path}: has {shortened(part.key)} and no lora_{other} of {layer}{beside}; get the file again"
            )


def _layer(path: Path, layer: str, parts: Mapping[str, _Part], shape: Any, alphas: Alphas) -> LowRank:
    down, up = parts["down"], parts["up"]
    if "alpha" in parts:
        if parts["alpha"].tensor.numel() != 1:
            raise UserError(f"{path}: {shortened(parts['alpha'].key)} is no single number; get the file again")
        alpha = float(parts["alpha"].tensor)
    try:
        whole = without_mid(down.tensor, parts["mid"].tensor) if "mid" in parts else down.tensor
        if "alpha" not in parts:
            alpha = alphas.of(down.said, down.tensor.shape[0])
        return low_rank(whole, up.tensor, alpha, shape)
    except (ValueError, IndexError):
        there, here = (list(part.tensor.shape) for part in (up, down))
        raise UserError(
            f"{path}: {layer} is {list(shape)} in the checkpoint, and the LoRA's lora_up {there} and lora_down {here}"
            " do not fit it; it was made for another model"
        ) from None


def _refuse_other_widths(path: Path, layers: _Layers, shapes: Mapping[str, Shapes]) -> None:
    """What takes the text's states tells best which model a LoRA is for."""
    for (network, layer), parts in layers.items():
        down, shape = parts["down"].tensor if "down" in parts else torch.empty(0), shapes[network][layer]
        wide = down.shape[1] if layer.endswith(_OF_TEXTS) and down.dim() > 1 else 0
        if wide in WIDTHS and wide != shape[1]:
            raise UserError(
                f"{path}: is a LoRA for {WIDTHS[wide]}, whose texts are {wide} wide; the checkpoint's are {shape[1]}"
            )
