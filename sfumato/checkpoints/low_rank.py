"""What a LoRA is, whatever its file calls it: two thin matrices a layer, whose product is added to the layer's weight.

W <- W + scale alpha / rank  up down        (Hu et al. 2021, section 4.1; alpha as in kohya's files and peft's)

A convolution's `down` has its kernel, its `up` is 1x1 (LoCon).
"""

from typing import Dict, Mapping, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..models.additions import Addition
from .embeddings import Embedding

Shapes = Mapping[str, Sequence[int]]
"""A network's layers -> the shapes of their weights; see `layer_shapes`."""


class LowRank(NamedTuple):
    """What is added to one layer's weight."""

    down: Tensor
    """float32 [rank, in], or [rank, in, kh, kw] for a convolution."""
    up: Tensor
    """float32 [out, rank], or [out, rank, 1, 1] for a convolution."""
    alpha: float
    """The product is divided by the rank and multiplied by this."""

    @property
    def rank(self) -> int:
        """The number of rows of `down`."""
        return self.down.shape[0]

    def addition(self) -> Addition:
        """What is added at scale 1."""
        return Addition((self.down, self.up), self.alpha / self.rank)

    def delta(self) -> Tensor:
        """The same as a matrix, float32, of the weight's shape."""
        return self.addition().delta()


class LoraFile(NamedTuple):
    """A LoRA of a Stable Diffusion v1, as it is in memory.

    Layers are named as the modules of `models.stable_diffusion.UNet` and `TextEncoder` are, so that
    `network.get_submodule(name).weight` is what each is added to.
    """

    unet: Dict[str, LowRank]
    text: Dict[str, LowRank]
    words: Sequence[Embedding] = ()
    """Learned words in the same file."""
    metadata: Mapping[str, str] = {}
    """Of safetensors, as it stands in the file."""
    unused: Sequence[str] = ()
    """Keys of the file that nothing was done with."""


def layer_shapes(network: nn.Module) -> Dict[str, Tuple[int, ...]]:
    """The layers of a network that a LoRA can change, and the shapes of their weights."""
    layers = ((name, module) for name, module in network.named_modules() if isinstance(module, (nn.Linear, nn.Conv2d)))
    return {name: tuple(layer.weight.shape) for name, layer in layers}


def low_rank(down: Tensor, up: Tensor, alpha: float, shape: Sequence[int]) -> LowRank:
    """A pair of matrices in the shapes that a layer's weight asks for.

    1x1 convolutions and linear layers are one thing to a LoRA: files have either for either. A convolution's `down` may
    also have its kernel flattened.

    Args:
        down: [rank, in] or [rank, in, kh, kw], of any type.
        up: [out, rank] or [out, rank, 1, 1].
        alpha: see LowRank.
        shape: of the weight.

    Raises:
        ValueError: if they do not make a weight of that shape.
    """
    rank, outputs, inside = down.shape[0], shape[0], list(shape[1:])
    flat = down.dim() == 2 and down.shape[1] == torch.Size(inside).numel()
    kernel = down.dim() == 4 and list(down.shape[1:]) == inside + [1] * (3 - len(inside))
    if not rank or not (flat or kernel) or up.numel() != outputs * rank or list(up.shape[:2]) != [outputs, rank]:
        raise ValueError(f"up {list(up.shape)} and down {list(down.shape)} make no {list(shape)}")
    wide = [1] * (len(shape) - 2)
    return LowRank(down.float().reshape(rank, *inside), up.float().reshape(outputs, rank, *wide), alpha)


def without_mid(down: Tensor, mid: Tensor) -> Tensor:
    """A LoCon's `down` [rank, in] and `mid` [rank, rank, kh, kw] as the one `down` [rank, in, kh, kw] that they make.

    A Tucker decomposition of the convolution (Yeh et al. 2023, LyCORIS, section 3): down, mid and up one after the
    other are linear.

    Raises:
        ValueError: if they do not fit each other.
    """
    rank = down.shape[0]
    if mid.dim() != 4 or list(mid.shape[:2]) != [rank, rank] or down.flatten(1).shape[1] != down.shape[1]:
        raise ValueError(f"mid {list(mid.shape)} and down {list(down.shape)} do not fit")
    return torch.einsum("nmkl,mj->njkl", mid.float(), down.flatten(1).float())
