"""Heun's method on the probability-flow ODE, its linear part solved exactly (Hochbruck & Ostermann 2010, section 2).

Each step tries DDIM, asks the denoiser again where that leads, and takes the step anew with x0 on the line between the
two predictions: second order for two predictions a step. Karras et al. (2022, Algorithm 1) do the same in sigma, which
equals this for small steps but fails when it begins at nearly pure noise, where sigma is in the thousands. The step to
the clean picture has nothing to look ahead to and is the denoiser's x0.
"""

from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk, ask, is_clean
from .exponential import integrate


class Heun(Sampler):
    """The deterministic one-step sampler of second order."""

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        now = past[-1]
        if is_clean(s):
            return now.prediction.x0
        tried = integrate(self.schedule, now, s)
        ahead = Visit(s, tried, ask(walk.denoiser, tried, s))
        return integrate(self.schedule, now, s, after=ahead)
