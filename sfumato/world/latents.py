"""Pictures of the world as latents, encoded once: the U-Net's training sees no pixels."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import read_safetensors, write_safetensors
from ..devices import autocast
from ..diffusion import seed_of
from ..models.stable_diffusion import VAE
from .scenes import Digits, Scenes, draw_scenes

_AT_ONCE = 64


class Pool(NamedTuple):
    """Encoded pictures and what is in them."""

    moments: Tensor
    """float16 [N, 2 latent, h, w]: mean and log variance of the latents, not scaled."""
    digits: Tensor
    """int64 [N, 2], see Scenes."""
    looks: Tensor
    """int64 [N, 2], see Scenes."""

    def part(self, rows: slice) -> "Pool":
        """Some of them."""
        return Pool(*(part[rows] for part in self))

    def scenes(self, rows: Tensor) -> Scenes:
        """What is in some of them, without the pictures."""
        return Scenes(torch.empty(0), self.digits[rows], self.looks[rows])


def encoded_pool(path: Path, vae: VAE, digits: Digits, size: int, seed: int, precision: str) -> Pool:
    """Random pictures through the autoencoder, read back from a file where they are there already.

    Args:
        path: of the file, which belongs to one run.
        vae: on the device to encode on.
        digits: to make pictures of.
        size: pictures, rounded up to a multiple of 64.
        seed: of the pictures.
        precision: see `devices.choose_precision`.
    """
    if path.exists():
        tensors, _ = read_safetensors(path)
        return Pool(**tensors)
    device = vae.quant_conv.weight.device
    parts = []
    with torch.no_grad(), autocast(device, precision):
        for start in Bar(range(0, size, _AT_ONCE), "encoding", unit=f" x{_AT_ONCE} pictures"):
            scenes = draw_scenes(digits, _AT_ONCE, torch.Generator().manual_seed(seed_of(seed, "pool", start)))
            mean, log_variance = vae.moments(scenes.pixels.to(device))
            moments = torch.cat([mean, log_variance], dim=1).to("cpu", torch.float16)
            parts.append(Pool(moments, scenes.digits, scenes.looks))
    pool = Pool(*(torch.cat(part) for part in zip(*parts)))
    write_safetensors(path, pool._asdict(), {})
    return pool
