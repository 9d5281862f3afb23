"""EDM's stochastic sampler (Karras et al. 2022, Algorithm 2), each step exact in its linear part.

Before a step from sigma = noise / signal, churn puts new noise in and the time back accordingly:

    gamma = min(churn / steps, sqrt(2) - 1),      sigma_hat = (1 + gamma) sigma
    y_hat = x / signal + sqrt(sigma_hat^2 - sigma^2) z,      z ~ N(0, I)

Then one step of Heun follows, in lambda (`exponential.py`): in sigma, as the paper has it, it fails where a walk begins
at a sigma of thousands. sigma_hat never lies above the walk's own start.
"""

import math
from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Visit, Walk, ask, ranged
from .heun import Heun


@dataclass(frozen=True)
class EDMSampler(Heun):
    """Heun with churn; without churn it is Heun."""

    churn: float = ranged(0.0, 0.0)
    """S_churn of table 5: how much noise is put in over the whole walk, such as 10 of 50 steps."""

    @property
    def stochastic(self) -> bool:
        return self.churn > 0.0

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        return super().advance([self._churned(past[-1], walk)], following, walk)

    def _churned(self, now: Visit, walk: Walk) -> Visit:
        schedule, gamma = walk.schedule, min(self.churn / walk.steps, math.sqrt(2) - 1)
        here, start = schedule.half_log_snr(now.t), schedule.half_log_snr(walk.times[0])
        there = max(here - math.log1p(gamma), start)
        # A start without signal is as noisy as can be; and the first time has nowhere to go back to.
        if not there < here:
            return now
        time = schedule.time(there)
        signal, _ = schedule.levels(now.t)
        signal_hat, _ = schedule.levels(time)
        added = math.sqrt(math.exp(-2 * there) - math.exp(-2 * here))
        x = signal_hat * (now.x / signal + added * walk.noise())
        return Visit(time, x, ask(walk.denoiser, x, time))
