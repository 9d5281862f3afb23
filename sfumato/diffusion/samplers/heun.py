"""Heun's method on the probability-flow ODE, its linear part solved exactly (Hochbruck & Ostermann 2010, section 2).

Each step tries DDIM, asks the denoiser again where that leads, and takes the step anew with x0 on the line between the
two predictions: second order for two predictions a step. Karras et al. (2022, Algorithm 1) do the same in sigma, which
equals this for small steps but fails when it begins at nearly pure noise, where sigma is in the thousands. The step to
the clean picture has nothing to look ahead to and is the denoiser's x0.
"""

from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk, ask
from .exponential import integrate


@dataclass(frozen=True)
class Heun(Sampler):
    """The deterministic one-step sampler of second order."""

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        now = past[-1]
        tried = integrate(walk.schedule, now, following)
        if following == walk.schedule.clean:
            return tried
        ahead = Visit(following, tried, ask(walk.denoiser, tried, following))
        return integrate(walk.schedule, now, following, after=ahead)
