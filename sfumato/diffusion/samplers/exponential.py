"""Exponential integration: the probability-flow ODE from t to s, exact but for how x0 changes on the way.

With h = lambda(s) - lambda(t) the solution is (Lu et al. 2022, 2211.01095, eq. 8)

    x_s = noise_s / noise_t x_t + signal_s int_0^1 h e^{-h (1 - u)} x0(lambda_t + u h) du

Where x0 is a polynomial through the predictions that are known around the step, the integral is exact. However long
the step, it weighs the predictions by numbers between 0 and 1, so that beginning at nearly pure noise (lambda near -10)
does no harm. From a start without any signal, where lambda is minus infinity, x0 is taken as it is, and that visit is
no neighbour for later steps.
"""

import math
from typing import Optional, Tuple

from torch import Tensor

from ..schedules import Schedule
from .base import Visit


def integrate(
    schedule: Schedule, now: Visit, s: float, before: Optional[Visit] = None, after: Optional[Visit] = None
) -> Tensor:
    """x at time s, from the polynomial through the present prediction and those given around it.

    Args:
        schedule: gives signal, noise and lambda.
        now: where the step begins.
        s: where it ends; at the clean time the answer is the present x0.
        before: an earlier visit.
        after: a visit at s itself.
    """
    p = now.prediction.x0
    if s == schedule.clean:
        return p
    here = schedule.half_log_snr(now.t)
    h = schedule.half_log_snr(s) - here
    (_, noise_t), (signal_s, noise_s) = schedule.levels(now.t), schedule.levels(s)
    flat, line, parabola = _moments(h)
    total = flat * p
    # Newton's form of the polynomial in u: its nodes are 0 here, 1 at s.
    nodes = [(1.0, after)] if after is not None else []
    if before is not None and not math.isinf(schedule.half_log_snr(before.t)):
        nodes.append(((schedule.half_log_snr(before.t) - here) / h, before))
    if nodes and not math.isinf(here):
        u, visit = nodes[0]
        slope = (visit.prediction.x0 - p) / u
        total = total + line * slope
        for v, other in nodes[1:]:
            total = total + (parabola - u * line) / (v - u) * ((other.prediction.x0 - p) / v - slope)
    return noise_s / noise_t * now.x + signal_s * total


def _moments(h: float) -> Tuple[float, float, float]:
    """int_0^1 h e^{-h (1 - u)} u^k du for k = 0, 1, 2, by parts."""
    flat = -math.expm1(-h)
    line = 1 - flat / h
    return flat, line, 1 - 2 * line / h
