"""What is added to the layers of a network whose own weights stay: one matrix each, or the product of two thin ones.

    y = W x + b + s A x          one matrix             (as Custom Diffusion learns it, Kumari et al. 2022)
    y = W x + b + s U (D x)      two thin ones, "LoRA"  (Hu et al. 2021, eq. 3)

While it is learned it is computed beside the layer (`Attachment`), so that gradients reach it and the network's weights
are never written; to paint with it, it is added to the weights once (`add`), and nothing is slower.
"""

import contextlib
import math
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Addition(NamedTuple):
    """What one layer gets."""

    parts: Tuple[Tensor, ...]
    """(A of the weight's shape,), or (D [rank, in, ...], U [out, rank, ...])."""
    scale: float = 1.0

    @property
    def shape(self) -> Tuple[int, ...]:
        """Of `delta`."""
        return (self.parts[-1].shape[0], *self.parts[0].shape[1:])

    def delta(self) -> Tensor:
        """What is added to the weight: float32, scale A or scale U D, of [out, in] or the shape of A or D."""
        if len(self.parts) == 1:
            return self.scale * self.parts[0].float()
        down, up = (part.float() for part in self.parts)
        return self.scale * (up.flatten(1) @ down.flatten(1)).reshape(self.shape)

    def of(self, layer: nn.Module, x: Tensor) -> Tensor:
        """What is added to the layer's output for the input x, in x's precision.

        Args:
            layer: a Linear or a Conv2d.
            x: [..., in] or [B, in, H, W].
        """
        for number, part in enumerate(self.parts):
            x = _multiplied(layer, x, part.to(x.dtype), first=number == 0)
        return x if self.scale == 1 else self.scale * x


def _multiplied(layer: nn.Module, x: Tensor, weight: Tensor, first: bool) -> Tensor:
    """The first weight meets the input as the layer's own does; what comes after is a product at each place."""
    if not isinstance(layer, nn.Conv2d):
        return F.linear(x, weight.flatten(1))
    weight = weight if weight.dim() == 4 else weight[:, :, None, None]
    return F.conv2d(x, weight, None, layer.stride, layer.padding) if first else F.conv2d(x, weight)


class Attachment:
    """Layers of a frozen network answer with what is added to them at the moment of each pass.

    Args:
        network: whose weights stay.
        names: of its layers.

    Raises:
        KeyError: for a layer that is not there.
    """

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        self.values: Mapping[str, Addition] = {}
        """By layer; those that lack answer as they are."""
        layers = dict(network.named_modules())
        self._handles = [layers[name].register_forward_hook(self._beside(name)) for name in names]

    def remove(self) -> None:
        """Leave the network as it was."""
        for handle in self._handles:
            handle.remove()

    def _beside(self, name: str) -> Callable[[nn.Module, Tuple[Tensor, ...], Tensor], Optional[Tensor]]:
        def hook(layer: nn.Module, told: Tuple[Tensor, ...], answer: Tensor) -> Optional[Tensor]:
            addition = self.values.get(name)
            return None if addition is None else answer + addition.of(layer, told[0])

        return hook


@torch.no_grad()
def add(network: nn.Module, additions: Mapping[str, Addition]) -> None:
    """Add to the weights of layers, in float32, and round to what the weights are.

    Args:
        network: its weights in memory are replaced; a file that they were mapped from stays as it is.
        additions: by the layers' names in the network.

    Raises:
        KeyError: for a layer that is not there.
        ValueError: for an addition of another shape than the layer's weight; nothing was added then.
    """
    layers = dict(network.named_modules())
    for name, addition in additions.items():
        own, found = layers[name].weight.shape, addition.shape
        if own[:2] != found[:2] or own.numel() != math.prod(found):
            raise ValueError(f"{name}: what is added has the shape {list(found)}, the layer's weight {list(own)}")
    for name, addition in additions.items():
        layer = layers[name]
        layer.weight = nn.Parameter(summed(layer.weight, addition), requires_grad=layer.weight.requires_grad)


@torch.no_grad()
def summed(weight: Tensor, addition: Addition) -> Tensor:
    """A layer's weight with what is added to it, computed in float32 and rounded to what the weight is."""
    wide, parts = weight.float(), [part.to(weight.device).float() for part in addition.parts]
    if len(parts) == 2 and weight.dim() == 2:
        # The product alone would be written and read once more: a LoRA touches a gigabyte of weights.
        down, up = (part.flatten(1) for part in parts)
        return torch.addmm(wide, up, down, alpha=addition.scale).to(weight.dtype)
    return (wide + addition._replace(parts=tuple(parts)).delta().reshape(weight.shape)).to(weight.dtype)


@contextlib.contextmanager
def added(network: nn.Module, additions: Mapping[str, Addition]) -> Iterator[None]:
    """`add` until the block ends; then the weights are what they were, to the bit."""
    layers = dict(network.named_modules())
    own: Dict[str, nn.Parameter] = {name: layers[name].weight for name in additions}
    try:
        add(network, additions)
        yield
    finally:
        for name, weight in own.items():
            layers[name].weight = weight


def layer_names(network: nn.Module, endings: Tuple[str, ...]) -> List[str]:
    """The names of a network's linear layers and convolutions that end so, in the network's order."""
    found = ((name, type(layer)) for name, layer in network.named_modules())
    return [name for name, kind in found if kind in (nn.Linear, nn.Conv2d) and name.endswith(endings)]
