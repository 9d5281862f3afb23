"""Heun's method on the probability-flow ODE (Karras et al. 2022, Algorithm 1).

In y = x / sqrt(ab) and sigma = sqrt(1 - ab) / sqrt(ab) the ODE is dy/dsigma = eps. Each step tries Euler, asks the
denoiser again at the end, and takes the mean of the two slopes: second order for two predictions a step. The step to
the clean picture (sigma = 0) stays Euler's, which is exact there in x0.
"""

from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk, ask, is_clean


class Heun(Sampler):
    """The deterministic second-order sampler of EDM."""

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        t, x, (x0, eps) = past[-1]
        if is_clean(s):
            return x0
        ab_t, ab_s = self.schedule.alpha_bar(t), self.schedule.alpha_bar(s)
        signal = ab_s.sqrt().to(x)
        drop = ((1 / ab_t - 1).sqrt() - (1 / ab_s - 1).sqrt()).to(x)
        y = x / ab_t.sqrt().to(x)
        ahead = ask(walk.denoiser, signal * (y - drop * eps), s)
        return signal * (y - drop * 0.5 * (eps + ahead.eps))
