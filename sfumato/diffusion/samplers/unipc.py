"""UniPC of order 2 (Zhao et al. 2023, arXiv 2302.04867): a predictor, and a corrector that costs no prediction.

    x_s = noise_s / noise_t x_t + signal_s int_0^1 h e^{-h (1 - u)} x0(lambda_t + u h) du       (`exponential.py`)

Predictor: x0 is the line through the last two predictions. Corrector: when the next one has been made, the step is
taken again with the parabola through all three, and the walk goes on from there: third order for one prediction a
step. The integrals, taken exactly, are the paper's linear system for order 2 already solved.
"""

from dataclasses import dataclass
from typing import List

from torch import Tensor

from .base import Sampler, Visit, Walk
from .exponential import integrate


@dataclass(frozen=True)
class UniPC(Sampler):
    """The deterministic predictor-corrector."""

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        if following == walk.schedule.clean:
            return past[-1].prediction.x0
        if len(past) > 1:
            before = past[-3] if len(past) > 2 else None
            corrected = integrate(walk.schedule, past[-2], past[-1].t, before, after=past[-1])
            past[-1] = past[-1]._replace(x=corrected)
        return integrate(walk.schedule, past[-1], following, past[-2] if len(past) > 1 else None)
