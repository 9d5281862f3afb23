"""How many pictures fit the memory at once."""

import torch

from ..models.face_unet import FaceUNet

_ON_CPU = 2
"""A CPU is busy with one picture; more at once only leave its caches."""
_MAPS = 24
"""A bound on the feature maps of the full size, in fp32, that are alive at the worst moment of a pass."""


def bytes_per_picture(network: FaceUNet) -> int:
    """Memory that a forward pass takes beyond the weights, for each picture in it."""
    config = network.config
    return _MAPS * config.width * (config.size // config.patch) ** 2 * 4


def batch_that_fits(network: FaceUNet, device: torch.device) -> int:
    """The largest sensible batch: 2 on a CPU; on a CUDA GPU what fits three quarters of its free memory, 1 ... 64."""
    if device.type != "cuda":
        return _ON_CPU
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(64, int(0.75 * free) // bytes_per_picture(network)))
