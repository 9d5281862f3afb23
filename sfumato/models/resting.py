"""What a network whose weights rest keeps for the way back: less.

For the gradient of x alone, y = W f(x) + b needs x and W, and f(x) once more where f is no layer but a normalisation or
an activation: that is cheap to compute again, and PyTorch keeps f(x), and what lies inside f, for the gradient of W,
which nobody asks for where only a word or a LoRA is learned. (Chen et al. 2016, "Training deep nets with sublinear
memory cost", recompute whole stages, matrices and all; `UNet.checkpointing` does.) The wider a layer, the less f costs
beside it: 2% of a step of learning with Stable Diffusion, of 320 channels and more, 9% with the small world, of 64.
"""

from typing import Any, Iterable, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

_WIDE = 256
"""Outputs of a layer from which on f is computed again."""


def through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """x through layers one after the other; where none learns and the last is wide, only x is kept for its gradient.

    Args:
        layers: normalisations or activations, then a Linear or a Conv2d (zero padding). With no other before it nothing
            is kept at all. Layers with hooks, such as additions that are learned, are called as they are.
        x: what the first takes; it is not changed in place.
    """
    layers = tuple(layers)
    if not x.requires_grad or not torch.is_grad_enabled() or not all(map(_rests, layers)) or not _pays(layers):
        return _in_turn(layers, x)
    if isinstance(layers[-1], nn.Linear):
        # A product of more than two dimensions is a view, and views out of a Function may not be changed in place.
        return _apply(x.flatten(0, -2), layers).view(*x.shape[:-1], -1)
    return _apply(x, layers)


def _apply(x: Tensor, layers: Sequence[nn.Module]) -> Tensor:
    return _Through.apply(x, layers)  # type: ignore[no-any-return,no-untyped-call]


def _in_turn(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _rests(layer: nn.Module) -> bool:
    return not layer._forward_hooks and not any(one.requires_grad for one in layer.parameters())


def _pays(layers: Sequence[Any]) -> bool:
    # The very classes: what derives from them may have another gradient.
    last = layers[-1]
    return type(last) in (nn.Linear, nn.Conv2d) and (len(layers) == 1 or last.weight.shape[0] >= _WIDE)


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layers: Sequence[nn.Module]) -> Tensor:  # type: ignore[override]
        *ctx.before, ctx.last = layers
        ctx.shape = x.shape
        if ctx.before:
            ctx.save_for_backward(x)
        return _in_turn(layers, x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Tensor, None]:  # type: ignore[override]
        if not ctx.before:
            return _of_input(ctx.last, ctx.shape, gradient), None
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            hidden = _in_turn(ctx.before, x)
        (found,) = torch.autograd.grad(hidden, x, _of_input(ctx.last, hidden.shape, gradient))
        return found, None


def _of_input(layer: Any, shape: Sequence[int], gradient: Tensor) -> Tensor:
    """The gradient of a layer's input, from that of its output."""
    weight, gradient = layer.weight, gradient.to(layer.weight.dtype)
    if isinstance(layer, nn.Linear):
        return gradient @ weight
    kept: Any = (layer.stride, layer.padding, layer.dilation, layer.groups)
    return conv2d_input(shape, weight, gradient, *kept)
