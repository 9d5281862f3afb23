"""Networks of torchvision and timm whose weights this machine already has; nothing is downloaded, nothing is random."""

import importlib
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import loaded, read_tensors, weights_in
from ..errors import UserError

_ODD = ("googlenet", "inception_v3")
"""Networks of torchvision that prepare pictures in a way of their own."""
_STRONG = ("resnet50", "resnet18")
"""Those that are taken first where several are at hand."""
_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights in timm's places on the hub."""


class Prepared(NamedTuple):
    """A network behind what brings pictures to it."""

    network: nn.Module
    """[B, 3, H, W] in [-1, 1] to [B, d]."""
    weights: Path
    rule: str
    """How pictures are brought to the network's size, in words."""
    beside: Tuple[Path, ...] = ()
    """Other files that decide the features."""
    finds: Optional[Callable[[np.ndarray], bool]] = None
    """Whether a picture, uint8 [3, H, W], shows what the network knows, by a detector that comes with it."""


class _Resized(nn.Module):
    """A network of pictures of one size and scale, behind the change from pictures of any size in [-1, 1]."""

    _mean: Tensor
    _deviation: Tensor

    def __init__(self, network: nn.Module, size: Tuple[int, int], mode: str, mean: Any, deviation: Any) -> None:
        super().__init__()
        self._network, self._size, self._mode = network, size, mode
        self.register_buffer("_mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("_deviation", torch.tensor(deviation).view(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        resized = F.interpolate(x, self._size, mode=self._mode, antialias=True, align_corners=False)
        found: Tensor = self._network(((resized + 1) / 2 - self._mean) / self._deviation)
        return found


class _TimmFeatures(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self._network.forward_head(self._network.forward_features(x), pre_logits=True)
        return found


def prepared(network: nn.Module, weights: Path, size: Sequence[int], mode: str, mean: Any, deviation: Any) -> Prepared:
    """A network behind resizing to (height, width) with antialiasing, and its own scale of colours."""
    height, width = size
    plain = mode if mode in ("bilinear", "bicubic") else "bilinear"
    rule = f"{width}x{height} by {plain} interpolation with antialiasing"
    return Prepared(_Resized(network, (height, width), plain, mean, deviation).eval(), weights, rule)


def torchvision_at_hand() -> List[str]:
    """Names of torchvision's classifiers whose weights lie in torch's hub folder, the strong ones first."""
    try:
        models = _torchvision()
    except UserError:
        return []
    names = [name for name in models.list_models(module=models) if name not in _ODD and _lying(models, name)]
    return sorted(names, key=lambda name: (_STRONG.index(name) if name in _STRONG else len(_STRONG), name))


def torchvision_network(name: str) -> Prepared:
    """A classifier of torchvision without its last layer.

    Raises:
        UserError: if torchvision, the network or its weights are not here.
    """
    models = _torchvision()
    if name in _ODD or name not in models.list_models(module=models):
        there = ", ".join(torchvision_at_hand()) or "none"
        raise UserError(f"torchvision:{name}: is no classifier of torchvision that is used here; at hand: {there}")
    found = _lying(models, name)
    if found is None:
        url = models.get_model_weights(name).DEFAULT.url
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise UserError(f"torchvision:{name}: its weights are not at hand; put {url} into {folder}, or choose others")
    weights, path = found
    network = loaded_with_counters(lambda: models.get_model(name, weights=None), path, f"torchvision {name}")
    last = [inside for inside, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not last:
        raise UserError(f"torchvision:{name}: has no last linear layer, before which features could be taken")
    above, _, leaf = last[-1].rpartition(".")
    setattr(network.get_submodule(above), leaf, nn.Identity())
    how = weights.transforms()
    return prepared(network, path, how.crop_size * 2, how.interpolation.value, how.mean, how.std)


def timm_network(name: str) -> Prepared:
    """A network of timm before its classifier.

    Raises:
        UserError: if timm, the network or its weights are not here.
    """
    timm = imported("timm", "timm")
    try:
        known = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:  # no such weights of that network
        known = None
    if known is None or not known.has_weights:
        raise UserError(f"timm:{name}: is no network of timm with weights; `timm.list_pretrained()` names them")
    path = _in_hub(known.hf_hub_id, known.hf_hub_filename) or _in_torch_hub(known.url)
    if path is None:
        source = known.hf_hub_id or known.url
        raise UserError(f"timm:{name}: its weights are not at hand; fetch {source} by timm once, or choose others")
    network = loaded_with_counters(lambda: timm.create_model(name, pretrained=False), path, f"timm {name}")
    size, how = known.input_size[1:], known.interpolation
    return prepared(_TimmFeatures(network), path, size, how, known.mean, known.std)


def loaded_with_counters(make: Any, path: Path, what: str) -> Any:
    """A new network with a file's weights.

    Batch normalisation counts its batches in training, which changes nothing here, and older files are without it.

    Args:
        make: makes the network.
        path: of the weights.
        what: the network in words, for errors.

    Raises:
        UserError: if the file is not of that network.
    """
    state = weights_in(read_tensors(path).value, path, "state_dict", "model")

    def counted() -> nn.Module:
        network: nn.Module = make()
        for key, value in network.state_dict().items():
            if key.endswith("num_batches_tracked"):
                state.setdefault(key, torch.zeros_like(value))
        return network

    return loaded(counted, state, path, what)


def _torchvision() -> Any:
    models = imported("torchvision.models", "torchvision")
    if not hasattr(models, "get_model_weights"):
        raise UserError("torchvision is older than 0.14, which names its weights; give a newer one, or other features")
    return models


def imported(module: str, package: str) -> Any:
    """A module of a package that is not asked for when ours is installed.

    Raises:
        UserError: if it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except Exception:  # not installed, or made for another torch
        raise UserError(f"{package} cannot be imported; `pip install {package}`, or choose other features") from None


def _lying(models: Any, name: str) -> Optional[Tuple[Any, Path]]:
    """The first of a network's weights that are here, the best ones first, and their file."""
    every = models.get_model_weights(name)
    for weights in [every.DEFAULT, *every] if len(every) else []:
        path = _in_torch_hub(weights.url)
        if path is not None:
            return weights, path
    return None


def _in_torch_hub(url: Optional[str]) -> Optional[Path]:
    path = Path(torch.hub.get_dir()) / "checkpoints" / (url or "").rpartition("/")[2]
    return path if path.is_file() else None


def _in_hub(repository: Optional[str], file: Optional[str]) -> Optional[Path]:
    """A file of a repository of the Hugging Face hub that was fetched before."""
    hub = imported("huggingface_hub", "huggingface_hub") if repository else None
    for name in (file,) if file else _FILES:
        path = hub.try_to_load_from_cache(repository, name) if hub is not None else None
        if isinstance(path, str):
            return Path(path)
    return None
