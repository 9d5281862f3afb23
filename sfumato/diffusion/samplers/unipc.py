"""UniPC of order 2 (Zhao et al. 2023, arXiv 2302.04867): a predictor, and a corrector that costs no prediction.

In lambda, the half log-SNR, the step from t to s with h = lambda_s - lambda_t is exactly

    x_s = n_s / n_t x_t + sqrt(ab_s) int_0^1 h e^{-h (1 - u)} x0(lambda_t + u h) du            (eq. 3, data form)

Predictor: x0 is the line through the last two predictions. When the next one has been made, the corrector takes the
step again with the parabola through all three, and the walk goes on from there: third order for one prediction a step.
The integrals of 1, u and u^2 are taken exactly, which is the paper's linear system for order 2 already solved.
"""

from typing import List, Optional, Tuple

import torch
from torch import Tensor

from .base import Sampler, Visit, Walk, is_clean


class UniPC(Sampler):
    """The deterministic predictor-corrector."""

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        if is_clean(s):
            return past[-1].prediction.x0
        if len(past) > 1:
            corrected = self._integrate(past[-2], past[-1].t, past[-3] if len(past) > 2 else None, past[-1])
            past[-1] = past[-1]._replace(x=corrected)
        return self._integrate(past[-1], s, past[-2] if len(past) > 1 else None, None)

    def _integrate(self, now: Visit, s: float, before: Optional[Visit], after: Optional[Visit]) -> Tensor:
        """x at s, from the polynomial through the present prediction and those given around it."""
        ab_t, ab_s = self.schedule.alpha_bar(now.t), self.schedule.alpha_bar(s)
        h = self._lambda(s) - self._lambda(now.t)
        flat, line, parabola = _moments(h)
        p = now.prediction.x0
        total = flat.to(p) * p
        if before is not None and after is not None:
            r = (self._lambda(before.t) - self._lambda(now.t)) / h
            back, ahead = before.prediction.x0 - p, after.prediction.x0 - p
            curve = (back - r.to(p) * ahead) / (r * (r - 1)).to(p)
            total = total + line.to(p) * (ahead - curve) + parabola.to(p) * curve
        elif after is not None:
            total = total + line.to(p) * (after.prediction.x0 - p)
        elif before is not None:
            r = (self._lambda(before.t) - self._lambda(now.t)) / h
            total = total + (line / r).to(p) * (before.prediction.x0 - p)
        return ((1 - ab_s) / (1 - ab_t)).sqrt().to(p) * now.x + ab_s.sqrt().to(p) * total

    def _lambda(self, t: float) -> Tensor:
        return self.schedule.half_log_snr(t)


def _moments(h: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """int_0^1 h e^{-h (1 - u)} u^k du for k = 0, 1, 2, by parts."""
    flat = -torch.expm1(-h)
    line = 1 - flat / h
    return flat, line, 1 - 2 * line / h
