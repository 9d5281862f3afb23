"""Between tensors and grey levels."""

import torch
from torch import Tensor

from ..errors import UserError

RANGES = ("minmax", "fixed")
"""What the darkest and the lightest byte stand for, see `to_range`."""


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


def to_range(x: Tensor, saving: str) -> Tensor:
    """The bytes to save: uint8 [B, H, W, 3].

    Args:
        x: [B, 3, H, W].
        saving: "fixed" maps [-1, 1] to 0 ... 255; "minmax" maps each picture's own darkest and lightest value there, as
            torchvision's save_image(normalize=True) does for one picture.

    Raises:
        ValueError: for another word.
    """
    if saving == "fixed":
        return to_pixels(x)
    if saving != "minmax":
        raise ValueError(f"unknown range {saving!r}; choose one of {', '.join(RANGES)}")
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    unit = (x - low) / (high - low).clamp(min=1e-5)
    return (unit * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu()
