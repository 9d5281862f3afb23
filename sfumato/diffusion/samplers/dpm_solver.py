"""Multistep DPM-Solver, DPM-Solver++ and its SDE, of second order (Lu et al. 2022, arXiv 2206.00927 and 2211.01095).

With h = lambda(s) - lambda(t) and r = h_previous / h, the ODE or the reverse SDE from t to s is solved exactly for a
prediction that is constant in lambda, and corrected by its last difference:

    D = p_t + (p_t - p_previous) / (2 r)
    data (++):  x_s = noise_s / noise_t x_t - signal_s (e^-h - 1) D       p = x0     (2211.01095, Algorithm 2)
    noise:      x_s = signal_s / signal_t x_t - noise_s (e^h - 1) D       p = eps    (2206.00927, section 3, multistep)
    SDE (++):   x_s = noise_s / noise_t e^-h x_t + signal_s (1 - e^-2h) D + noise_s sqrt(1 - e^-2h) z,     z ~ N(0, I)
                                                                          p = x0     (2211.01095, section 5)

The first step has no previous prediction and takes D = p_t; so does the one after a start without signal, whose lambda
is minus infinity.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, List

from torch import Tensor

from .base import Sampler, Visit, Walk

FEW_STEPS = 15
"""Below this many steps the last one is of first order: it is then so long that its correction does harm."""


@dataclass(frozen=True)
class DPMSolverPlusPlus(Sampler):
    """DPM-Solver++ 2M: the predicted picture is held constant."""

    lower_order_final: bool = True
    """Whether the last step drops to first order when there are fewer than 15."""

    predicted: ClassVar[int] = 0
    """Which part of a Prediction is held constant."""

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, prediction = past[-1]
        if following == walk.schedule.clean:
            return prediction.x0
        held = self._held(past, following, walk)
        (signal_t, noise_t), (signal_s, noise_s) = walk.schedule.levels(t), walk.schedule.levels(following)
        h = walk.lambda_step(t, following)
        if self.predicted == 0:
            return noise_s / noise_t * x - signal_s * math.expm1(-h) * held
        return signal_s / signal_t * x - noise_s * math.expm1(h) * held

    def _held(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        """D of the rows above."""
        now = past[-1].prediction[self.predicted]
        short_end = self.lower_order_final and walk.steps < FEW_STEPS and walk.index == walk.steps - 1
        if len(past) < 2 or short_end:
            return now
        r = walk.lambda_step(past[-2].t, past[-1].t) / walk.lambda_step(past[-1].t, following)
        return now if math.isinf(r) else now + (now - past[-2].prediction[self.predicted]) * (0.5 / r)


@dataclass(frozen=True)
class DPMSolver(DPMSolverPlusPlus):
    """DPM-Solver 2M: the predicted noise is held constant."""

    needs_signal: ClassVar[bool] = True
    predicted: ClassVar[int] = 1


@dataclass(frozen=True)
class SDEDPMSolverPlusPlus(DPMSolverPlusPlus):
    """The stochastic sampler of second order."""

    stochastic = True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, prediction = past[-1]
        if following == walk.schedule.clean:
            return prediction.x0
        (_, noise_t), (signal_s, noise_s) = walk.schedule.levels(t), walk.schedule.levels(following)
        h = walk.lambda_step(t, following)
        gained = -math.expm1(-2 * h)
        moved = noise_s / noise_t * math.exp(-h) * x + signal_s * gained * self._held(past, following, walk)
        return moved + noise_s * math.sqrt(gained) * walk.noise()
