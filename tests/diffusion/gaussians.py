"""Data whose best denoiser is known exactly, so that a sampler can be held against the truth, on any schedule."""

import math
from typing import List

import torch
from torch import Tensor

from sfumato.diffusion import SCHEDULES, Prediction, Schedule, make_schedule

EVERY = {name: make_schedule(name) for name in SCHEDULES}
"""All schedules; a new one joins every test that runs over them."""


class GaussianDenoiser:
    """Exact for data ~ N(mean, std^2), each entry by itself: E[x0 | x_t] by Bayes' rule."""

    def __init__(self, schedule: Schedule, mean: float, std: float) -> None:
        self.schedule, self.mean, self.std = schedule, mean, std

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        signal, noise = self.schedule.signal_noise(t, x_t)
        away = (x_t - signal * self.mean) / (signal**2 * self.std**2 + noise**2)
        return Prediction(self.mean + signal * self.std**2 * away, noise * away)

    def flow(self, x: Tensor, t: float, s: float) -> Tensor:
        """The probability-flow ODE's exact solution: a Gaussian's quantiles keep their place."""
        (a_t, n_t), (a_s, n_s) = self.schedule.levels(t), self.schedule.levels(s)
        spread_t, spread_s = (math.hypot(a * self.std, n) for a, n in ((a_t, n_t), (a_s, n_s)))
        return a_s * self.mean + spread_s / spread_t * (x - a_t * self.mean)


class MixtureDenoiser:
    """Exact for an even mixture of N(mean_k, std^2) on the line."""

    def __init__(self, schedule: Schedule, means: Tensor, std: float) -> None:
        self.schedule, self.means, self.std = schedule, means, std

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        signal, noise = self.schedule.signal_noise(t, x_t)
        means = self.means.to(x_t)
        variance = (signal**2 * self.std**2 + noise**2).unsqueeze(-1)
        away = x_t.unsqueeze(-1) - signal.unsqueeze(-1) * means
        weight = torch.softmax(-(away**2) / (2 * variance), dim=-1)
        x0 = (weight * (means + signal.unsqueeze(-1) * self.std**2 * away / variance)).sum(-1)
        return Prediction(x0, (weight * noise.unsqueeze(-1) * away / variance).sum(-1))


def even_in_lambda(schedule: Schedule, start: float, end: float, steps: int) -> List[float]:
    """Times whose lambdas are even from start to end."""
    return [schedule.time(start + i * (end - start) / steps) for i in range(steps + 1)]
