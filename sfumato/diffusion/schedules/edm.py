"""Variance exploding, as Karras et al. (2022) have it: the picture keeps its size, and time is the noise itself.

signal = 1,  noise = t = sigma,      from sigma_max to 0
"""

import math
from typing import Any, Dict, Tuple, Union

import torch
from torch import Tensor

from .base import Schedule, Time, karras


class EDMSchedule(Schedule):
    """Noise from sigma_max down to sigma_min, then none.

    Args:
        sigma_min: the last time but the clean picture's.
        sigma_max: where walks begin.

    Raises:
        ValueError: if they are not above 0 and in order.
    """

    clean = 0.0
    spacings = {"karras": karras}

    def __init__(self, sigma_min: float = 0.002, sigma_max: float = 80.0) -> None:
        if not 0 < sigma_min < sigma_max < math.inf:
            raise ValueError(f"0 < sigma_min < sigma_max is needed, got {sigma_min} and {sigma_max}")
        self.sigma_min, self.sigma_max = float(sigma_min), float(sigma_max)
        self.start = self.sigma_max

    def __repr__(self) -> str:
        return f"EDMSchedule({self.sigma_min:g}, {self.sigma_max:g})"

    def content(self) -> Dict[str, Any]:
        return {"name": "edm", "sigma_min": self.sigma_min, "sigma_max": self.sigma_max}

    def _refuse(self, t: float) -> None:
        if not 0 <= t < math.inf:
            raise ValueError(f"time {t} is no noise: it must be at least 0")

    def signal_and_noise(self, t: Tensor) -> Tuple[Tensor, Tensor]:
        time = t if t.device.type == "mps" else t.to(torch.float64)
        return torch.ones_like(time), time

    def time(self, half_log_snr: float) -> float:
        """See `Schedule`: sigma = e^-lambda."""
        return math.exp(-half_log_snr)

    def first(self, eps: Tensor) -> Tensor:
        """sigma_max eps: next to so much noise the picture does not count."""
        return self.sigma_max * eps

    def network_time(self, t: Tensor) -> Tensor:
        """ln(sigma) / 4, c_noise of table 1."""
        return torch.log(t) / 4

    def input_scale(self, t: Time, like: Tensor, sigma_data: float) -> Union[Tensor, float]:
        """1 / sqrt(sigma^2 + sigma_data^2), c_in of table 1: what the network sees has a standard deviation of 1."""
        _, noise = self.signal_noise(t, like)
        return (noise**2 + sigma_data**2).rsqrt()

    def spread(self, shares: Tensor) -> Tensor:
        """See `Schedule`: even in ln(sigma)."""
        low, high = math.log(self.sigma_min), math.log(self.sigma_max)
        return torch.exp(low + shares * (high - low))

    def sigma_range(self) -> Tuple[float, float]:
        """(sigma_max, sigma_min)."""
        return self.sigma_max, self.sigma_min
