"""DDIM (Song et al. 2020, eq. 12 and 16), with signal and noise of any schedule and h = lambda(s) - lambda(t):

    x_s = signal_s x0 + sqrt(noise_s^2 - sigma^2) eps + sigma z,       z ~ N(0, I)
    sigma = eta noise_s sqrt(1 - e^{-2h})

On tables this sigma is the paper's eta sqrt((1 - ab_s) / (1 - ab_t)) sqrt(1 - ab_t / ab_s). eta = 0 is deterministic
and of first order; eta = 1 is ancestral sampling with the posterior's variance.
"""

import math
from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk, ranged


@dataclass(frozen=True)
class DDIM(Sampler):
    """DDIM with eta."""

    eta: float = ranged(0.0, 0.0, 1.0)
    """How much of the posterior's noise is added, 0 ... 1."""

    @property
    def stochastic(self) -> bool:
        return self.eta > 0.0

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, _, (x0, eps) = past[-1]
        signal, noise = walk.schedule.levels(following)
        sigma = self.eta * noise * math.sqrt(-math.expm1(-2 * walk.lambda_step(t, following)))
        moved = signal * x0 + math.sqrt(max(noise**2 - sigma**2, 0.0)) * eps
        return moved + sigma * walk.noise() if self.stochastic else moved
