"""SDE-DPM-Solver++ of second order, multistep (Lu et al. 2022, arXiv 2211.01095, section 5 and appendix B.5).

With h = lambda(s) - lambda(t) and r = h_previous / h, the reverse SDE from t to s is solved exactly for a picture that
is constant in lambda, and corrected by its last difference:

    D = x0_t + (x0_t - x0_previous) / (2 r)
    x_s = noise_s / noise_t e^-h x_t + signal_s (1 - e^-2h) D + noise_s sqrt(1 - e^-2h) z,       z ~ N(0, I)

The first step has no previous prediction and takes D = x0_t; so does the one after a start without signal.
"""

import math
from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Visit, Walk
from .dpm_solver import DPMSolverPlusPlus


@dataclass(frozen=True)
class SDEDPMSolverPlusPlus(DPMSolverPlusPlus):
    """The stochastic sampler of second order."""

    @property
    def stochastic(self) -> bool:
        return True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, prediction = past[-1]
        if following == walk.schedule.clean:
            return prediction.x0
        (_, noise_t), (signal_s, noise_s) = walk.schedule.levels(t), walk.schedule.levels(following)
        h = walk.lambda_step(t, following)
        gained = -math.expm1(-2 * h)
        moved = noise_s / noise_t * math.exp(-h) * x + signal_s * gained * self._held(past, following, walk)
        return moved + noise_s * math.sqrt(gained) * walk.noise()
