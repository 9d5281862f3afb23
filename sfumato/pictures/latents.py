"""What one training step of a latent diffusion learns from, drawn from the step's number alone."""

from typing import Callable, Sequence

import torch
from torch import Tensor

from ..diffusion import Schedule, seed_of, stratified_times
from ..models.stable_diffusion.vae import drawn_latents

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
    """

    def __init__(self, moments: Tensor, texts: Texts, batch_size: int, schedule: Schedule, seed: int) -> None:
        self._moments, self._texts, self._schedule = moments, texts, schedule
        self._batch_size, self._seed = batch_size, seed

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: scaled latents x0 [n, latent, h, w], t [n], eps like x0, ids [n, tokens]."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._moments), (self._batch_size,), generator=source)
        mean, log_variance = self._moments[picked].float().chunk(2, dim=1)
        x0 = drawn_latents(mean, log_variance, torch.randn(mean.shape, generator=source))
        t = stratified_times(self._schedule, self._batch_size, source)
        eps = torch.randn(mean.shape, generator=source)
        return x0[rows], t[rows], eps[rows], self._texts(picked, step, source)[rows]
