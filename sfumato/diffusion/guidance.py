"""Classifier-free guidance (Ho & Salimans 2022): a Denoiser out of two.

    eps = eps_uncond + guidance_scale * (eps_cond - eps_uncond)            (Ho & Salimans 2022, eq. 6, scale = 1 + w)

x0 mixes by the same weights, because it is linear in eps. A scale of 1 is the conditional model itself, and
then nothing unconditional is computed. Two refinements:

- an interval of times outside which the scale is 1 (Kynkäänniemi et al. 2024): guidance at the noisiest times costs
  variety, at the cleanest it does nothing, and every time left out saves a pass through the network;
- a rescale that gives x0 back the spread that the conditional prediction has (Lin et al. 2023, eq. 15-16).
"""

from typing import Optional, Tuple

import torch
from torch import Tensor

from .denoiser import Denoiser, NetworkDenoiser, Prediction
from .schedule import NoiseSchedule


class ClassifierFreeGuidance:
    """The guided Denoiser.

    Args:
        conditional: the denoiser that knows the condition.
        unconditional: one that does not, or knows it less well (a weaker network: Karras et al. 2024).
        guidance_scale: 1 leaves the conditional denoiser alone, 0 is the unconditional one.
        interval: (low, high), the times in which to guide, both included; None means all.
        rescale: 0 keeps x0 as mixed, 1 gives each picture's x0 the standard deviation of the conditional one.
        schedule: needed by rescale alone, to make eps agree with the rescaled x0.
        batched: both predictions in one pass of a doubled batch; both denoisers must then be NetworkDenoisers of
            one network. It pays where a pass does not fill the device, and costs memory.

    Raises:
        ValueError: if rescale leaves [0, 1] or lacks a schedule, or batched denoisers are not of one network.
    """

    def __init__(
        self,
        conditional: Denoiser,
        unconditional: Denoiser,
        guidance_scale: float,
        interval: Optional[Tuple[float, float]] = None,
        rescale: float = 0.0,
        schedule: Optional[NoiseSchedule] = None,
        batched: bool = False,
    ) -> None:
        if not 0.0 <= rescale <= 1.0:
            raise ValueError(f"rescale must be between 0 and 1, got {rescale}")
        if rescale and schedule is None:
            raise ValueError("rescale needs the schedule, to make eps agree with x0")
        self.conditional = conditional
        self.unconditional = unconditional
        self.guidance_scale = guidance_scale
        self.interval = interval
        self.rescale = rescale
        self.schedule = schedule
        self._both = _joined(conditional, unconditional) if batched else None

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        guided = self._inside(t)
        if self.guidance_scale == 1.0 or not bool(guided.any()):
            return self.conditional(x_t, t)
        cond, uncond = self._predict_both(x_t, t)
        scale = torch.where(guided, self.guidance_scale, 1.0).to(x_t).reshape(-1, *[1] * (x_t.dim() - 1))
        x0, eps = (u + scale * (c - u) for c, u in zip(cond, uncond))
        if self.schedule is None or not self.rescale:
            return Prediction(x0, eps)
        return self._rescaled(x0, cond.x0, x_t, t, self.schedule)

    def _inside(self, t: Tensor) -> Tensor:
        if self.interval is None:
            return torch.ones_like(t, dtype=torch.bool)
        return (t >= self.interval[0]) & (t <= self.interval[1])

    def _predict_both(self, x_t: Tensor, t: Tensor) -> Tuple[Prediction, Prediction]:
        if self._both is None:
            return self.conditional(x_t, t), self.unconditional(x_t, t)
        x0, eps = self._both(torch.cat([x_t, x_t]), torch.cat([t, t]))
        (x0_cond, x0_uncond), (eps_cond, eps_uncond) = x0.chunk(2), eps.chunk(2)
        return Prediction(x0_cond, eps_cond), Prediction(x0_uncond, eps_uncond)

    def _rescaled(self, x0: Tensor, x0_cond: Tensor, x_t: Tensor, t: Tensor, schedule: NoiseSchedule) -> Prediction:
        factor = _spread(x0_cond) / _spread(x0).clamp(min=1e-8)
        x0 = x0 * (self.rescale * factor + 1.0 - self.rescale)
        signal, noise = schedule.signal_noise(t, x_t)
        return Prediction(x0, (x_t - signal * x0) / noise)


def _spread(x: Tensor) -> Tensor:
    return x.flatten(1).std(dim=1).reshape(-1, *[1] * (x.dim() - 1))


def _joined(conditional: Denoiser, unconditional: Denoiser) -> NetworkDenoiser:
    if (
        isinstance(conditional, NetworkDenoiser)
        and isinstance(unconditional, NetworkDenoiser)
        and conditional.network is unconditional.network
    ):
        return conditional.joined(unconditional)
    raise ValueError("batched guidance needs two NetworkDenoisers of one network")
