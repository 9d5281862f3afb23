"""Rectified flow (Lipman et al. 2022; Liu et al. 2022): the straight line from the picture to the noise.

    signal = 1 - t,  noise = t,      0 <= t <= 1

At t = 1 there is no signal at all: lambda is minus infinity there, and who divides by the signal refuses.
"""

import math
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from .base import Schedule, karras

_RANGE = (80.0, 0.002)
"""The noise / signal between which `karras` spreads its times: Karras et al.'s own, for this schedule's has no ends."""


class FlowSchedule(Schedule):
    """The straight line; a network is told 1000 t, so that it learns times as those of tables."""

    start = 1.0
    clean = 0.0
    ends_without_signal = True

    def __repr__(self) -> str:
        return "FlowSchedule()"

    def content(self) -> Dict[str, Any]:
        return {"name": "flow"}

    def _refuse(self, t: float) -> None:
        if not 0 <= t <= 1:
            raise ValueError(f"time {t} is not between 0 and 1")

    def signal_and_noise(self, t: Tensor) -> Tuple[Tensor, Tensor]:
        time = t if t.device.type == "mps" else t.to(torch.float64)
        return 1 - time, time

    def time(self, half_log_snr: float) -> float:
        """See `Schedule`: t = 1 / (1 + e^lambda)."""
        if half_log_snr >= 0:
            small = math.exp(-half_log_snr)
            return small / (1 + small)
        return 1 / (1 + math.exp(half_log_snr))

    def network_time(self, t: Tensor) -> Tensor:
        """1000 t."""
        return 1000 * t

    def spread(self, shares: Tensor) -> Tensor:
        """See `Schedule`: the shares themselves."""
        return shares

    def sigma_range(self) -> Tuple[float, float]:
        return _RANGE


def even(schedule: FlowSchedule, steps: int, shift: float = 1.0) -> List[float]:
    """Even steps from 1 to 0; a shift above 1 spends more of them where there is more noise, as larger pictures need:
    t' = shift t / (1 + (shift - 1) t) (Esser et al. 2024, eq. 23).
    """
    if not 0 < shift < math.inf:
        raise ValueError(f"shift must be above 0, got {shift}")
    shares = (1 - i / steps for i in range(steps + 1))
    return [shift * t / (1 + (shift - 1) * t) for t in shares]


FlowSchedule.spacings = {"even": even, "karras": karras}
