"""CLIP as a measure: how alike two pictures are, and how well a picture fits a text (Radford et al. 2021).

The network is transformers' CLIPModel, in whatever size its folder says; what it is shown is made in `clip_pixels.py`.
"""

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .checkpoints import fitting, load_strictly, read_json, read_tensors, shortened, weights_in
from .clip_pixels import Preparation, read_preparation
from .errors import UserError, first_line
from .models.shipped import shipped
from .models.stable_diffusion.tokenizer import Tokenizer

SHIPPED = shipped("clip")
"""The small CLIP of the package: it knows digits and nothing else."""

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SHAPE = {
    *("hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads", "num_channels"),
    *("image_size", "patch_size", "vocab_size", "max_position_embeddings", "hidden_act", "layer_norm_eps"),
    *("bos_token_id", "eos_token_id", "pad_token_id"),
}
"""What a half's config tells of the network."""
_ADVICE = "give a CLIP folder, with config.json, preprocessor_config.json and weights"
_AT_ONCE = 32
_TEXT_WEIGHT = 2.5


class Clip:
    """A CLIP ready to measure.

    Args:
        source: a folder with config.json, preprocessor_config.json and weights, or the name of a model on the Hugging
            Face hub, which is fetched; the shipped small one by default.
        device: to compute on, in float32.

    Raises:
        UserError: if it is no CLIP, or cannot be fetched.
    """

    def __init__(self, source: Union[Path, str, None] = None, device: Optional[torch.device] = None) -> None:
        from transformers import CLIPModel

        folder = SHIPPED if source is None else Path(source)
        if not folder.is_dir():
            folder = _fetched(str(source))
        self.name = "sfumato's small CLIP" if source is None else str(source)
        try:
            config = _config(read_json(folder / "config.json", _ADVICE))
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            raise UserError(f"{folder}: is no CLIP folder ({first_line(error)})") from None
        self._preparation = _fitting_preparation(folder / "preprocessor_config.json", config.vision_config.image_size)
        state, weights = clip_weights(folder)
        network = fitting(lambda: CLIPModel(config), state, weights, "CLIP that config.json describes")
        self._network: Any = _without_positions(network)
        load_strictly(self._network, state, weights, "CLIP that config.json describes")
        self._device = torch.device("cpu") if device is None else device
        self._network.to(self._device).eval().requires_grad_(False)
        self._tokenizer = Tokenizer(length=config.text_config.max_position_embeddings)

    @property
    def scale(self) -> float:
        """What cosines are multiplied by for logits; 100 in OpenAI's."""
        return float(self._network.logit_scale.exp())

    @torch.no_grad()
    def pictures(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Pictures of any size to directions [n, d], each of length 1, on the CPU."""
        found: List[Tensor] = []
        for start in range(0, len(pictures), _AT_ONCE):
            prepared = [self._preparation.pixels(picture) for picture in pictures[start : start + _AT_ONCE]]
            pixels = torch.from_numpy(np.stack(prepared))
            pooled = self._network.vision_model(pixel_values=pixels.to(self._device))[1]
            found.append(F.normalize(self._network.visual_projection(pooled), dim=-1).cpu())
        return torch.cat(found)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Texts to directions [n, d], each of length 1, on the CPU; what does not fit the network is left out."""
        found: List[Tensor] = []
        for start in range(0, len(texts), _AT_ONCE):
            ids = torch.tensor([self._tokenizer(text).ids for text in texts[start : start + _AT_ONCE]])
            pooled = self._network.text_model(input_ids=ids.to(self._device))[1]
            found.append(F.normalize(self._network.text_projection(pooled), dim=-1).cpu())
        return torch.cat(found)

    def left_out(self, text: str) -> str:
        """What of a text does not fit the network; empty if all does."""
        return self._tokenizer(text).cut


def clip_weights(folder: Path) -> Tuple[Dict[str, Tensor], Path]:
    """The weights of a CLIP folder, and their file.

    Raises:
        UserError: if there are none.
    """
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: lacks the weights, {' or '.join(_WEIGHTS)}")
    state = weights_in(read_tensors(path).value, path)
    # Older files hold the positions 0, 1, 2 ..., which a network counts by itself.
    return {key: value for key, value in state.items() if not key.endswith("position_ids")}, path


def _config(told: Dict[str, Any]) -> Any:
    """A CLIPConfig from a config.json of any version; older ones take no notice of some of its keys by themselves.

    Only what shapes the network is taken: other keys choose code, which a folder must not.
    """
    from transformers import CLIPConfig

    # Old versions call the halves' configs by the second names, new ones by the first.
    halves: Any = {
        name: {
            key: value
            for key, value in {**told[name], **(told.get(f"{name}_dict") or {})}.items()
            if key in _SHAPE and isinstance(value, (int, float, str))
        }
        for name in ("text_config", "vision_config")
    }
    for half in (told, *halves.values()):
        for key in _SHAPE - {"hidden_act", "layer_norm_eps"}:
            if not isinstance(half.get(key, 1), int):
                raise ValueError(f"its {key} is {shortened(str(half[key]))}")
    old: Any = {f"{name}_dict": half for name, half in halves.items()}
    return CLIPConfig(**halves, **old, projection_dim=told["projection_dim"])


def _fitting_preparation(path: Path, size: int) -> Preparation:
    """How pictures are prepared, if they come out as large as the network takes them."""
    found = read_preparation(path, _ADVICE)
    shape = list(found.pixels(Image.new("RGB", (60, 40))).shape)
    if shape != [3, size, size]:
        raise UserError(f"{path}: prepares pictures as {shape}, and the network needs [3, {size}, {size}]; {_ADVICE}")
    return found


def _fetched(name: str) -> Path:
    """A model of the hub as a folder."""
    from huggingface_hub import hf_hub_download

    try:
        folder = Path(hf_hub_download(name, "config.json")).parent
        hf_hub_download(name, "preprocessor_config.json")
        try:
            hf_hub_download(name, _WEIGHTS[0])
        except Exception:  # that repository has the older file only
            hf_hub_download(name, _WEIGHTS[1])
    except Exception as error:  # no network, no such model, a hub that changed: all mean the same to the user
        raise UserError(
            f"{name}: is no folder here, and cannot be fetched as a model ({type(error).__name__});"
            " give a CLIP folder with --clip, or leave it out to use the small one"
        ) from None
    return folder


def _without_positions(network: Any) -> Any:
    """The network with its counted positions out of its state dict, where old versions keep them."""
    for part in (network.text_model.embeddings, network.vision_model.embeddings):
        positions = part.position_ids
        del part.position_ids
        part.register_buffer("position_ids", positions, persistent=False)
    return network


class Scores(NamedTuple):
    """Of each of some pictures."""

    image: Tensor
    """[n]."""
    text: Tensor
    """[n]."""

    @property
    def weighted(self) -> Tensor:
        """What pictures are ranked by [n]."""
        return self.image + _TEXT_WEIGHT * self.text


def scores(clip: Clip, pictures: Tensor, photos: Tensor, text: str) -> Scores:
    """The course's scores.

    Args:
        clip: that made the directions.
        pictures: directions [n, d], see `Clip.pictures`.
        photos: directions of the concept's photos [m, d].
        text: the prompt in plain words.
    """
    return Scores(100 * (pictures @ photos.T).mean(dim=1), clip.scale * (pictures @ clip.texts([text])[0]))
