"""Between tensors and grey levels."""

import torch
from torch import Tensor

from ..errors import UserError


def to_pixels(x: Tensor) -> Tensor:
    """[-1, 1] to uint8 0 ... 255, rounded; [B, 3, H, W] to [B, H, W, 3] on the CPU.

    Raises:
        UserError: if a number is not finite, which would be no picture.
    """
    if not bool(x.isfinite().all()):
        raise UserError("a picture is not finite, so none is saved; compute with --precision fp32, or other weights")
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()


def from_pixels(pixels: Tensor) -> Tensor:
    """uint8 0 ... 255 to float32 in [-1, 1], of the same shape."""
    return pixels.float() / 127.5 - 1.0
