"""Ancestral sampling (Ho et al. 2020, Algorithm 2), between any two times of any schedule.

With h = lambda(s) - lambda(t), one step draws from q(x_s | x_t, x0) (eq. 6-7):

    mean = signal_s (1 - e^{-2h}) x0 + (noise_s / noise_t) e^{-h} x_t
    variance = noise_s^2 (1 - e^{-2h})                              "posterior", right if x0 were known exactly
             = V_s - (signal_t / signal_s)^2 V_s^2 / V_t            "forward", right for data that are N(0, I)

where V = signal^2 + noise^2 is what such data have at each time; on tables the second is 1 - ab_t / ab_s. The last
step, to the clean picture, has a variance of zero by the first rule and takes the mean by both.
"""

import math
from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk, chosen


@dataclass(frozen=True)
class DDPM(Sampler):
    """Algorithm 2; with fewer times than the schedule has, the same walk over a thinned schedule."""

    variance: str = chosen("posterior", "posterior", "forward")
    """posterior or forward, the two choices of section 3.2."""

    stochastic = True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, (x0, _) = past[-1]
        (signal_t, noise_t), (signal_s, noise_s) = walk.schedule.levels(t), walk.schedule.levels(following)
        h = walk.lambda_step(t, following)
        mean = -signal_s * math.expm1(-2 * h) * x0 + noise_s / noise_t * math.exp(-h) * x
        if following == walk.schedule.clean:
            return mean
        variance = -(noise_s**2) * math.expm1(-2 * h)
        if self.variance == "forward":
            whole_t, whole_s = signal_t**2 + noise_t**2, signal_s**2 + noise_s**2
            variance = whole_s - (signal_t / signal_s * whole_s) ** 2 / whole_t
        return mean + math.sqrt(variance) * walk.noise()
