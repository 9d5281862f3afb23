"""Guidance: a Denoiser out of two or three, away from what one does not want.

Classifier-free (Ho & Salimans 2022, eq. 6, scale = 1 + w), and by a weaker network (Karras et al. 2024, eq. 4):

    x0 = x0_cond + (guidance_scale - 1) (x0_cond - x0_uncond) + (weak_scale - 1) (x0_cond - x0_weak)

eps mixes by the same weights, because it is linear in x0. A scale of 1 is the conditional model itself, and then
nothing else is computed. Outside an interval of times the scale is 1 (Kynkäänniemi et al. 2024): guidance at the
noisiest times costs variety, at the cleanest it does nothing, and every time left out saves a pass.
"""

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
        weak_scale: of the guidance by it, at all times; 1 is none.

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
    ) -> None:
        self.conditional, self.unconditional, self.weak = conditional, unconditional, weak
        self.guidance_scale, self.weak_scale = guidance_scale, 1.0 if weak is None else weak_scale
        self.interval = interval
        self.schedule = schedule_of(conditional, unconditional, *([] if weak is None else [weak]))
        self._both = _joined(conditional, unconditional) if batched else None

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        inside = self._inside(t)
        guides = self.guidance_scale != 1.0 and bool(inside.any())
        answers = self._predict_both(x_t, t) if guides else [self.conditional(x_t, t)]
        if guides:
            scale = torch.where(inside, self.guidance_scale, 1.0).to(x_t).reshape(-1, *[1] * (x_t.dim() - 1))
            guided = Prediction(*(u + scale * (c - u) for c, u in zip(*answers)))
        else:
            guided = answers[0]
        if self.weak is None or self.weak_scale == 1.0:
            return guided
        more = self.weak_scale - 1.0
        return mixed([guided, answers[0], self.weak(x_t, t)], [1.0, more, -more])

    def _inside(self, t: Tensor) -> Tensor:
        if self.interval is None:
            return torch.ones_like(t, dtype=torch.bool)
        return (t >= self.interval[0]) & (t <= self.interval[1])

    def _predict_both(self, x_t: Tensor, t: Tensor) -> List[Prediction]:
        if self._both is None:
            return [self.conditional(x_t, t), self.unconditional(x_t, t)]
        x0, eps = self._both(torch.cat([x_t, x_t]), torch.cat([t, t]))
        return [Prediction(*pair) for pair in zip(x0.chunk(2), eps.chunk(2))]


def _alike(a: NetworkDenoiser, b: NetworkDenoiser) -> bool:
    return a.network is b.network and (a.predicts, a.sigma_data) == (b.predicts, b.sigma_data)


def _joined(a: Denoiser, b: Denoiser) -> NetworkDenoiser:
    """One denoiser of a batch of 2B: a's condition on the first half, b's on the second."""
    if not (isinstance(a, NetworkDenoiser) and isinstance(b, NetworkDenoiser) and _alike(a, b)):
        raise ValueError("one pass of both needs two NetworkDenoisers of one network, schedule and prediction")
    condition = tuple(torch.cat(pair) for pair in zip(a.condition, b.condition))
    return NetworkDenoiser(a.network, a.schedule, a.predicts, condition, a.sigma_data)
