"""How many pictures fit the memory at once."""

import torch

from ..model import Diffusion

_MAPS = 24
"""A bound on the feature maps of the full size, in fp32, that are alive at the worst moment of a pass."""
_WIDTH = 64
"""Of a network that does not say its own."""
_PIXELS_ON_CPU = 8192
_FEWEST, _MOST_ON_CPU, _MOST = 2, 16, 64


def bytes_per_picture(model: Diffusion) -> int:
    """Memory that a forward pass takes beyond the weights, for each picture in it."""
    config = getattr(model.network, "config", None)
    width, patch = getattr(config, "width", _WIDTH), getattr(config, "patch", 1)
    return _MAPS * width * _pixels(model) // patch**2 * 4


def batch_that_fits(model: Diffusion) -> int:
    """The largest sensible batch.

    A CPU is busy with two pictures of 64x64 or more; more at once only leave its caches. On a CUDA GPU, what fits three
    quarters of its free memory, 1 ... 64.
    """
    device = next(model.parameters()).device
    if device.type != "cuda":
        return max(_FEWEST, min(_MOST_ON_CPU, _PIXELS_ON_CPU // _pixels(model)))
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(_MOST, int(0.75 * free) // bytes_per_picture(model)))


def _pixels(model: Diffusion) -> int:
    assert model.shape is not None, "who paints has checked it"
    return model.shape[1] * model.shape[2]
