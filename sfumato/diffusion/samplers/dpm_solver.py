"""Multistep DPM-Solver and DPM-Solver++ of second order (Lu et al. 2022, arXiv 2206.00927 and 2211.01095).

With lambda the half log-SNR, h = lambda_s - lambda_t and r = h_previous / h, the ODE from t to s is solved exactly for
a prediction that is constant in lambda, and corrected by its last difference:

    D = p_t + (p_t - p_previous) / (2 r)
    data (++):  x_s = n_s / n_t x_t - sqrt(ab_s) (e^-h - 1) D        p = x0     (2211.01095, Algorithm 2)
    noise:      x_s = sqrt(ab_s / ab_t) x_t - n_s (e^h - 1) D        p = eps    (2206.00927, section 3, multistep)

where n = sqrt(1 - ab). The first step has no previous prediction and takes D = p_t.
"""

from typing import List

import torch
from torch import Tensor

from ..schedule import NoiseSchedule
from .base import Sampler, Visit, Walk, is_clean

FEW_STEPS = 15
"""Below this many steps the last one is of first order: it is then so long that its correction does harm."""


class DPMSolver(Sampler):
    """DPM-Solver++ 2M, or DPM-Solver 2M with algorithm="noise".

    Args:
        schedule: the denoiser's own.
        algorithm: "data" or "noise", the prediction that is held constant.
        lower_order_final: whether the last step drops to first order when there are fewer than FEW_STEPS.

    Raises:
        ValueError: if algorithm is neither.
    """

    def __init__(self, schedule: NoiseSchedule, algorithm: str = "data", lower_order_final: bool = True) -> None:
        super().__init__(schedule)
        if algorithm not in ("data", "noise"):
            raise ValueError(f"unknown algorithm {algorithm!r}; choose data or noise")
        self.algorithm = algorithm
        self.lower_order_final = lower_order_final

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        t, x, (x0, eps) = past[-1]
        if is_clean(s):
            return x0
        short_end = self.lower_order_final and walk.steps < FEW_STEPS and walk.index == walk.steps - 1
        order_one = len(past) < 2 or short_end
        h = self.schedule.half_log_snr(s) - self.schedule.half_log_snr(t)
        ab_t, ab_s = self.schedule.alpha_bar(t), self.schedule.alpha_bar(s)
        now = x0 if self.algorithm == "data" else eps
        slope = torch.zeros_like(now) if order_one else self._half_difference(past, h)
        if self.algorithm == "data":
            kept, gained = ((1 - ab_s) / (1 - ab_t)).sqrt(), -ab_s.sqrt() * torch.expm1(-h)
        else:
            kept, gained = (ab_s / ab_t).sqrt(), -(1 - ab_s).sqrt() * torch.expm1(h)
        return kept.to(x) * x + gained.to(x) * (now + slope)

    def _half_difference(self, past: List[Visit], h: Tensor) -> Tensor:
        """(p_t - p_previous) / (2 r)."""
        before, now = past[-2], past[-1]
        r = (self.schedule.half_log_snr(now.t) - self.schedule.half_log_snr(before.t)) / h
        which = 0 if self.algorithm == "data" else 1
        return (now.prediction[which] - before.prediction[which]) * (0.5 / r).to(now.x)
