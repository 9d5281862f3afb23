"""What a network knows about a noisy picture, in one form whatever it was trained to predict.

With s = sqrt(alpha_bar(t)) and n = sqrt(1 - alpha_bar(t)), a noisy picture is x_t = s x0 + n eps, so any one of
x0, eps and v = s eps - n x0 (Salimans & Ho 2022, section 4 and appendix D) gives the other two:

    eps known:   x0 = (x_t - n eps) / s
    x0 known:    eps = (x_t - s x0) / n
    v known:     x0 = s x_t - n v,      eps = n x_t + s v
"""

from typing import Callable, NamedTuple, Tuple

import torch
from torch import Tensor

from .schedule import NoiseSchedule

Parameterization = str
"""What a network's output means: "eps", "x0" or "v"."""

PARAMETERIZATIONS = ("eps", "x0", "v")


class Prediction(NamedTuple):
    """A denoiser's answer: the clean picture and the noise, both of x_t's shape [B, ...]."""

    x0: Tensor
    eps: Tensor


Denoiser = Callable[[Tensor, Tensor], Prediction]
"""(x_t [B, ...], t [B]) -> Prediction. Any function of this form is one: a network, an exact formula, a guided pair."""


def to_prediction(output: Tensor, x_t: Tensor, signal: Tensor, noise: Tensor, kind: Parameterization) -> Prediction:
    """Turn a network's output into (x0, eps) by the module's three rows.

    Raises:
        ValueError: if kind is none of "eps", "x0", "v".
    """
    if kind == "eps":
        return Prediction((x_t - noise * output) / signal, output)
    if kind == "x0":
        return Prediction(output, (x_t - signal * output) / noise)
    if kind == "v":
        return Prediction(signal * x_t - noise * output, noise * x_t + signal * output)
    raise ValueError(f"unknown parameterization {kind!r}; choose one of {', '.join(PARAMETERIZATIONS)}")


def target_of(x0: Tensor, eps: Tensor, signal: Tensor, noise: Tensor, kind: Parameterization) -> Tensor:
    """What a network of this kind should answer: the inverse of `to_prediction`."""
    if kind == "v":
        return signal * eps - noise * x0
    if kind not in PARAMETERIZATIONS:
        raise ValueError(f"unknown parameterization {kind!r}; choose one of {', '.join(PARAMETERIZATIONS)}")
    return eps if kind == "eps" else x0


class NetworkDenoiser:
    """A network with its condition, as a Denoiser.

    Args:
        network: called as network(x_t, t, *condition); answers a tensor of x_t's shape.
        schedule: the schedule that the network was trained on.
        kind: what its output means.
        condition: tensors whose first dimension is the batch, such as labels [B] or text [B, 77, 768].

    The answer is in x_t's own type: a network in half precision does not round the sampler's arithmetic.
    """

    def __init__(
        self,
        network: Callable[..., Tensor],
        schedule: NoiseSchedule,
        kind: Parameterization = "eps",
        condition: Tuple[Tensor, ...] = (),
    ) -> None:
        self.network = network
        self.schedule = schedule
        self.kind = kind
        self.condition = condition

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        signal, noise = self.schedule.signal_noise(t, x_t)
        output = self.network(x_t, t, *self.condition).to(x_t.dtype)
        return to_prediction(output, x_t, signal, noise, self.kind)

    def joined(self, other: "NetworkDenoiser") -> "NetworkDenoiser":
        """One denoiser of a batch of 2B: self's condition on the first half, other's on the second."""
        condition = tuple(torch.cat(pair) for pair in zip(self.condition, other.condition))
        return NetworkDenoiser(self.network, self.schedule, self.kind, condition)


class Clamped:
    """A Denoiser whose x0 stays inside [low, high], as pixels do.

    Args:
        denoiser: the one to wrap.
        schedule: its schedule.
        low: lower bound of x0, exact.
        high: upper bound.
        recompute_eps: whether eps is made to agree with the clamped x0. Agreeing keeps x_t = s x0 + n eps true;
            the DDIM of many pixel models leaves eps as the network said it.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        schedule: NoiseSchedule,
        low: float = -1.0,
        high: float = 1.0,
        recompute_eps: bool = True,
    ) -> None:
        self.denoiser = denoiser
        self.schedule = schedule
        self.low, self.high = low, high
        self.recompute_eps = recompute_eps

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        prediction = self.denoiser(x_t, t)
        x0 = prediction.x0.clamp(self.low, self.high)
        if not self.recompute_eps:
            return Prediction(x0, prediction.eps)
        return to_prediction(x0, x_t, *self.schedule.signal_noise(t, x_t), "x0")
