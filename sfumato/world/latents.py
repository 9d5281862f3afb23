"""Pictures of the world as latents, encoded once: the U-Net's training sees no pixels."""

from pathlib import Path
from typing import Mapping, NamedTuple, Tuple

import torch
from torch import Tensor

from ..diffusion import seed_of
from ..models.stable_diffusion import VAE
from ..pictures.latents import AT_ONCE, encoded
from .scenes import Digits, Scenes, draw_scenes


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
    """Random scenes of some digits, from a seed, through the autoencoder; the rest as in `encoded`."""

    def drawn(start: int) -> Tuple[Tensor, Mapping[str, Tensor]]:
        scenes = draw_scenes(digits, AT_ONCE, torch.Generator().manual_seed(seed_of(seed, "pool", start)))
        return scenes.pixels, {"digits": scenes.digits, "looks": scenes.looks}

    return Pool(**encoded(path, vae, drawn, size, precision))
