"""What a latent diffusion learns from: pictures encoded once, and batches drawn from a step's number alone."""

from pathlib import Path
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import read_safetensors, write_safetensors
from ..devices import autocast
from ..diffusion import Schedule, seed_of, stratified_times
from ..models.stable_diffusion import VAE
from ..models.stable_diffusion.vae import drawn_latents

AT_ONCE = 64
"""Pictures that are encoded together."""
DrawnPictures = Callable[[int], Tuple[Tensor, Mapping[str, Tensor]]]
"""The number of the first -> AT_ONCE pictures [64, C, H, W] in [-1, 1], and by name what is in them [64, ...]."""
Texts = Callable[[Tensor, int, torch.Generator], Tensor]
"""(places of the pictures [n], step, source of randomness) -> token ids [n, tokens]."""


class LatentBatches:
    """Batches of pictures that an autoencoder has seen, each with a text.

    Args:
        moments: what it answered, mean and log variance [N, 2 latent, h, w].
        texts: chooses a text for each picture.
        batch_size: pictures in a global batch.
        schedule: of the noise.
        seed: of everything drawn.
        often: how often each picture is drawn beside the others, int64 [N]; all alike by default.
        more: what else belongs to each picture [N, ...], such as how much of its loss counts where.
    """

    def __init__(
        self,
        moments: Tensor,
        texts: Texts,
        batch_size: int,
        schedule: Schedule,
        seed: int,
        often: Optional[Tensor] = None,
        more: Sequence[Tensor] = (),
    ) -> None:
        self._moments, self._texts, self._schedule = moments, texts, schedule
        self._batch_size, self._seed, self._more = batch_size, seed, more
        self._places = torch.arange(len(moments))
        if often is not None:
            self._places = self._places.repeat_interleave(often)

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: scaled latents x0 [n, latent, h, w], t [n], eps like x0, ids [n, tokens], and
        what more belongs to the pictures."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        x0, picked = self.clean(source, self._batch_size)
        t = stratified_times(self._schedule, self._batch_size, source)
        eps = torch.randn(x0.shape, generator=source)
        told = self._texts(picked, step, source)
        return tuple(part[rows] for part in (x0, t, eps, told, *(one[picked] for one in self._more)))

    def clean(self, source: torch.Generator, count: int) -> Tuple[Tensor, Tensor]:
        """Some pictures alone: scaled latents x0 [count, latent, h, w], and their places [count].

        Args:
            source: of all that is drawn.
            count: of pictures.
        """
        picked = self._places[torch.randint(len(self._places), (count,), generator=source)]
        mean, log_variance = self._moments[picked].float().chunk(2, dim=1)
        return drawn_latents(mean, log_variance, torch.randn(mean.shape, generator=source)), picked


def encoded(path: Path, vae: VAE, drawn: DrawnPictures, size: int, precision: str) -> Dict[str, Tensor]:
    """Pictures through an autoencoder, read back from a file where they are there already.

    Args:
        path: of the file, which belongs to one run.
        vae: on the device to encode on.
        drawn: makes the pictures.
        size: how many, rounded up to a multiple of 64.
        precision: see `devices.choose_precision`.

    Returns:
        moments: float16 [N, 2 latent, h, w], mean and log variance of the latents, not scaled; and by their names what
        is in the pictures.
    """
    if path.exists():
        return read_safetensors(path)[0]
    device, parts = vae.quant_conv.weight.device, []
    with torch.no_grad(), autocast(device, precision):
        for start in Bar(range(0, size, AT_ONCE), "encoding", unit=f" x{AT_ONCE} pictures"):
            pixels, told = drawn(start)
            moments = torch.cat(vae.moments(pixels.to(device)), dim=1).to("cpu", torch.float16)
            parts.append({"moments": moments, **told})
    pool = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    write_safetensors(path, pool, {})
    return pool
