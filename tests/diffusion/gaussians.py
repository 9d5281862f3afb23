"""Data whose best denoiser is known exactly, so that a sampler can be held against the truth."""

import torch
from torch import Tensor

from sfumato.diffusion import NoiseSchedule, Prediction


class GaussianDenoiser:
    """Exact for data ~ N(mean, std^2), each entry by itself: E[x0 | x_t] by Bayes' rule."""

    def __init__(self, schedule: NoiseSchedule, mean: float, std: float) -> None:
        self.schedule, self.mean, self.std = schedule, mean, std

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        signal, noise = self.schedule.signal_noise(t, x_t)
        eps = noise * (x_t - signal * self.mean) / (signal**2 * self.std**2 + noise**2)
        return Prediction((x_t - noise * eps) / signal, eps)

    def flow(self, x: Tensor, t: float, s: float) -> Tensor:
        """The probability-flow ODE's exact solution: a Gaussian's quantiles keep their place."""
        (a_t, a_s) = (self.schedule.alpha_bar(u).to(x) for u in (t, s))
        spread_t, spread_s = ((a * self.std**2 + 1 - a).sqrt() for a in (a_t, a_s))
        return a_s.sqrt() * self.mean + spread_s / spread_t * (x - a_t.sqrt() * self.mean)


class MixtureDenoiser:
    """Exact for an even mixture of N(mean_k, std^2) on the line."""

    def __init__(self, schedule: NoiseSchedule, means: Tensor, std: float) -> None:
        self.schedule, self.means, self.std = schedule, means, std

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        signal, noise = self.schedule.signal_noise(t, x_t)
        means = self.means.to(x_t)
        variance = (signal**2 * self.std**2 + noise**2).unsqueeze(-1)
        away = x_t.unsqueeze(-1) - signal.unsqueeze(-1) * means
        weight = torch.softmax(-(away**2) / (2 * variance), dim=-1)
        eps = (weight * noise.unsqueeze(-1) * away / variance).sum(-1)
        return Prediction((x_t - noise * eps) / signal, eps)
