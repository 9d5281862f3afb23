"""The training loss (Ho et al. 2020, Algorithm 1), for every schedule and prediction, and how times are weighted in it.

    draw x0, t, eps;   x_t = signal x0 + noise eps;   loss = w(t) || network(x_t, t) - target ||^2

A weighting is written for the error of x0, which means the same whatever the network predicts; `Predicts.x0_gain` says
how far x0 moves when the output does, so that w on the output is the weight on x0 times the gain's square.
"""

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict

from torch import Tensor

from .denoiser import NetworkDenoiser
from .names import named
from .predictions import Levels, Predicts, Scale


class Weighting(ABC):
    """How much the error of a picture counts at each time."""

    @abstractmethod
    def weight(self, prediction: Predicts, levels: Levels) -> Scale:
        """w for the squared error of the network's own output; of levels' shape [B, 1, ...]."""


class Uniform(Weighting):
    """w = 1 on the network's own target: the paper's simple loss (Ho et al. 2020, eq. 14)."""

    def weight(self, prediction: Predicts, levels: Levels) -> Scale:
        return 1.0


class MinSNR(Weighting):
    """The error of x0 times min(SNR, gamma), SNR = (signal / noise)^2 (Hang et al. 2023, eq. 8).

    It caps, at gamma, the weight that a loss on eps puts on nearly clean pictures.
    """

    def __init__(self, gamma: float = 5.0) -> None:
        if gamma <= 0:
            raise ValueError(f"gamma must be above 0, got {gamma}")
        self.gamma = gamma

    def weight(self, prediction: Predicts, levels: Levels) -> Scale:
        snr = (levels.signal / levels.noise) ** 2
        return snr.clamp(max=self.gamma) * prediction.x0_gain(levels) ** 2


class EDMWeight(Weighting):
    """The error of x0 times (sigma^2 + sd^2) / (sigma sd)^2 (Karras et al. 2022, table 1).

    It makes the loss of EDM's own network 1 at every sigma before training; their times are drawn by a log-normal sigma
    (`stratified_times`).
    """

    def weight(self, prediction: Predicts, levels: Levels) -> Scale:
        sigma = levels.noise / levels.signal
        on_x0 = (sigma**2 + levels.sigma_data**2) / (sigma * levels.sigma_data) ** 2
        return on_x0 * prediction.x0_gain(levels) ** 2


LOSSES: Dict[str, Callable[..., Weighting]] = {"uniform": Uniform, "min-snr": MinSNR, "edm": EDMWeight}
"""Weightings by the names that commands and files take; tests run over all of them."""


def make_loss(name: str, **options: Any) -> Weighting:
    """The weighting of that name; ValueError for an unknown one."""
    return named(LOSSES, name, "loss")(**options)


def training_loss(denoiser: NetworkDenoiser, x0: Tensor, t: Tensor, eps: Tensor, weighting: Weighting) -> Tensor:
    """Algorithm 1 without its draws: the loss of each picture.

    Args:
        denoiser: the network in training, with its schedule, prediction and condition.
        x0: clean pictures [B, ...], in [-1, 1] for pixels.
        t: times [B] of the schedule.
        eps: standard normal noise of x0's shape.
        weighting: of the times, one of LOSSES.

    Returns:
        The mean squared error of each picture [B], float32, weighted.
    """
    levels, prediction = denoiser.levels(t, x0), denoiser.prediction
    x_t = levels.signal * x0 + levels.noise * eps
    output = denoiser.output(x_t, t, levels).float()
    error = (output - prediction.target(x0, eps, levels)).square().flatten(1).mean(dim=1)
    # Weights multiply squares of numbers near 0, and are taken in more digits than pictures, or Apple's GPUs, have.
    exact = t.cpu() if t.device.type == "mps" else t
    weight = weighting.weight(prediction, denoiser.levels(exact, exact.double()))
    return error * (weight.to(error) if isinstance(weight, Tensor) else weight)
