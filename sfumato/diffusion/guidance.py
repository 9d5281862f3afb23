"""Guidance: a Denoiser out of two or three, away from what one does not want.

Classifier-free (Ho & Salimans 2022, eq. 6, scale = 1 + w), and by a weaker network (Karras et al. 2024, eq. 4):

    x0 = x0_cond + (guidance_scale - 1) (x0_cond - x0_uncond) + (weak_scale - 1) (x0_cond - x0_weak)

eps mixes by the same weights, because it is linear in x0. A scale of 1 is the conditional model itself, and then
nothing else is computed. Outside an interval of times, each its own, a scale is 1 (Kynkäänniemi et al. 2024): guidance
at the noisiest times costs variety, at the cleanest it does nothing, and every time left out saves a pass.
"""

import math
from typing import List, Optional, Tuple

import torch
from torch import Tensor

from .denoiser import Denoiser, NetworkDenoiser, mixed, schedule_of
from .predictions import Prediction


class Guidance:
    """The guided Denoiser.

    Args:
        conditional: the denoiser that knows the condition.
        unconditional: one that does not.
        guidance_scale: 1 leaves the conditional denoiser alone, 0 is the unconditional one.
        interval: (low, high), the times in which guidance_scale holds, both included; None means all.
        batched: both predictions in one pass of a doubled batch; both denoisers must then be NetworkDenoisers of
            one network. It pays where a pass does not fill the device, and costs memory.
        weak: a weaker network with the same condition, such as an early state of the same training.
        weak_scale: of the guidance by it; 1 is none.
        weak_interval: the times in which weak_scale holds, as interval.

    Raises:
        ValueError: if the denoisers are of different schedules, or batched ones not of one network.
    """

    def __init__(
        self,
        conditional: Denoiser,
        unconditional: Denoiser,
        guidance_scale: float,
        interval: Optional[Tuple[float, float]] = None,
        batched: bool = False,
        weak: Optional[Denoiser] = None,
        weak_scale: float = 2.0,
        weak_interval: Optional[Tuple[float, float]] = None,
    ) -> None:
        self.conditional, self.unconditional, self.weak = conditional, unconditional, weak
        self.guidance_scale, self.weak_scale = guidance_scale, weak_scale
        self.interval, self.weak_interval = interval, weak_interval
        self.schedule = schedule_of(conditional, unconditional, *([] if weak is None else [weak]))
        self._both = _joined(conditional, unconditional) if batched else None

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        scale = _scales(self.guidance_scale, self.interval, x_t, t)
        answers = [self.conditional(x_t, t)] if scale is None else self._predict_both(x_t, t)
        guided = answers[0] if scale is None else Prediction(*(u + scale * (c - u) for c, u in zip(*answers)))
        more = None if self.weak is None else _scales(self.weak_scale, self.weak_interval, x_t, t)
        if self.weak is None or more is None:
            return guided
        return mixed([guided, answers[0], self.weak(x_t, t)], [1.0, more - 1.0, 1.0 - more])

    def _predict_both(self, x_t: Tensor, t: Tensor) -> List[Prediction]:
        if self._both is None:
            return [self.conditional(x_t, t), self.unconditional(x_t, t)]
        x0, eps = self._both(torch.cat([x_t, x_t]), torch.cat([t, t]))
        return [Prediction(*pair) for pair in zip(x0.chunk(2), eps.chunk(2))]


def _scales(scale: float, interval: Optional[Tuple[float, float]], x_t: Tensor, t: Tensor) -> Optional[Tensor]:
    """The scale at each time, for x_t: 1 outside the interval; None where it is 1 for all, which costs no pass."""
    (low, high), t = interval or (-math.inf, math.inf), t + 0.0  # no whole number, which is not held against infinity
    scales = torch.where((t >= low) & (t <= high), scale, 1.0).to(x_t).reshape(-1, *[1] * (x_t.dim() - 1))
    return None if bool((scales == 1).all()) else scales


def _alike(a: NetworkDenoiser, b: NetworkDenoiser) -> bool:
    return a.network is b.network and (a.predicts, a.sigma_data) == (b.predicts, b.sigma_data)


def _joined(a: Denoiser, b: Denoiser) -> NetworkDenoiser:
    """One denoiser of a batch of 2B: a's condition on the first half, b's on the second."""
    if not (isinstance(a, NetworkDenoiser) and isinstance(b, NetworkDenoiser) and _alike(a, b)):
        raise ValueError("one pass of both needs two NetworkDenoisers of one network, schedule and prediction")
    condition = tuple(torch.cat(pair) for pair in zip(a.condition, b.condition))
    return NetworkDenoiser(a.network, a.schedule, a.predicts, condition, a.sigma_data)
