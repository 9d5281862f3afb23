"""Exponential integration: the probability-flow ODE from t to s, exact but for how x0 changes on the way.

In lambda, the half log-SNR, with h = lambda_s - lambda_t and n = sqrt(1 - ab), the solution is (Lu et al. 2022,
2211.01095, eq. 8)

    x_s = n_s / n_t x_t + sqrt(ab_s) int_0^1 h e^{-h (1 - u)} x0(lambda_t + u h) du

Where x0 is a polynomial through the predictions that are known around the step, the integral is exact. However long
the step, it weighs the predictions by numbers between 0 and 1, so that beginning at nearly pure noise (lambda near -10)
does no harm.
"""

from typing import Optional, Tuple

import torch
from torch import Tensor

from ..schedule import NoiseSchedule
from .base import Visit


def integrate(
    schedule: NoiseSchedule, now: Visit, s: float, before: Optional[Visit] = None, after: Optional[Visit] = None
) -> Tensor:
    """x at time s, not CLEAN, from the polynomial through the present prediction and those given around it.

    Args:
        schedule: gives lambda.
        now: where the step begins.
        s: where it ends.
        before: an earlier visit.
        after: a visit at s itself.
    """
    ab_t, ab_s = schedule.alpha_bar(now.t), schedule.alpha_bar(s)
    here = schedule.half_log_snr(now.t)
    h = schedule.half_log_snr(s) - here
    flat, line, parabola = _moments(h)
    p = now.prediction.x0
    total = flat.to(p) * p
    if after is not None:
        total = total + line.to(p) * (after.prediction.x0 - p)
    if before is not None:
        r = (schedule.half_log_snr(before.t) - here) / h
        back = before.prediction.x0 - p
        if after is None:
            total = total + (line / r).to(p) * back
        else:
            curve = (back - r.to(p) * (after.prediction.x0 - p)) / (r * (r - 1)).to(p)
            total = total + (parabola - line).to(p) * curve
    return ((1 - ab_s) / (1 - ab_t)).sqrt().to(p) * now.x + ab_s.sqrt().to(p) * total


def _moments(h: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """int_0^1 h e^{-h (1 - u)} u^k du for k = 0, 1, 2, by parts."""
    flat = -torch.expm1(-h)
    line = 1 - flat / h
    return flat, line, 1 - 2 * line / h
