"""DDIM (Song et al. 2020, eq. 12 and 16).

    x_s = sqrt(ab_s) x0 + sqrt(1 - ab_s - sigma^2) eps + sigma z,       z ~ N(0, I)
    sigma = eta sqrt((1 - ab_s) / (1 - ab_t)) sqrt(1 - ab_t / ab_s)

eta = 0 is deterministic and of first order; eta = 1 is ancestral sampling with the posterior's variance.
"""

from typing import List

from torch import Tensor

from ..schedule import NoiseSchedule
from .base import Sampler, Visit, Walk


class DDIM(Sampler):
    """DDIM with eta.

    Args:
        schedule: the denoiser's own.
        eta: 0 ... 1, how much of the posterior's noise is added.

    Raises:
        ValueError: if eta leaves [0, 1].
    """

    def __init__(self, schedule: NoiseSchedule, eta: float = 0.0) -> None:
        super().__init__(schedule)
        if not 0.0 <= eta <= 1.0:
            raise ValueError(f"eta must be between 0 and 1, got {eta}")
        self.eta = eta
        self.stochastic = eta > 0.0

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        t, x, (x0, eps) = past[-1]
        ab_t, ab_s = self.schedule.alpha_bar(t), self.schedule.alpha_bar(s)
        sigma = self.eta * ((1 - ab_s) / (1 - ab_t) * (1 - ab_t / ab_s)).sqrt()
        towards_eps = (1 - ab_s - sigma**2).clamp(min=0.0).sqrt()
        moved = ab_s.sqrt().to(x) * x0 + towards_eps.to(x) * eps
        return moved + sigma.to(x) * walk.noise() if self.stochastic else moved
