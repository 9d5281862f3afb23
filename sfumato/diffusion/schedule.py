"""Noise schedules and time spacings.

The forward process mixes a clean picture with Gaussian noise,

    x_t = sqrt(alpha_bar(t)) x0 + sqrt(1 - alpha_bar(t)) eps,      eps ~ N(0, I)        (Ho et al. 2020, eq. 4)

and everything about it is the one function alpha_bar. Time is the index t = 0 ... T-1 of a table, as networks are
trained on it; t = CLEAN = -1 is the picture without any noise, alpha_bar = 1. Between two indices the
half log-SNR lambda(t) = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)) is linear, so a solver may step anywhere.
"""

import math
from typing import List, Sequence, Tuple, Union

import torch
from torch import Tensor

CLEAN = -1
"""The time after the last denoising step: alpha_bar(CLEAN) = 1 exactly."""

SPACINGS = ("leading", "trailing", "linspace", "uniform")

Time = Union[int, float, Tensor]


class NoiseSchedule:
    """alpha_bar as a table of T values in float64.

    Args:
        alpha_bar: [T], strictly decreasing, every value inside (0, 1).

    Raises:
        ValueError: if the table is not one-dimensional, not decreasing or leaves (0, 1).
    """

    def __init__(self, alpha_bar: Tensor) -> None:
        table = alpha_bar.detach().to("cpu", torch.float64)
        if table.dim() != 1 or len(table) < 2:
            raise ValueError(f"alpha_bar must be a table of at least two values, got shape {tuple(table.shape)}")
        if not (bool((table > 0).all()) and bool((table < 1).all()) and bool((table.diff() < 0).all())):
            raise ValueError("alpha_bar must fall strictly and stay inside (0, 1)")
        self._table = table
        self._half_log_snr = 0.5 * (torch.log(table) - torch.log1p(-table))

    def __len__(self) -> int:
        """T, the number of training times."""
        return len(self._table)

    @classmethod
    def from_betas(cls, betas: Tensor) -> "NoiseSchedule":
        """alpha_bar(t) = prod_{s <= t} (1 - beta_s) for betas of shape [T]."""
        return cls(torch.cumprod(1.0 - betas.to(torch.float64), dim=0))

    @classmethod
    def linear(cls, length: int = 1000, start: float = 1e-4, end: float = 2e-2) -> "NoiseSchedule":
        """Betas in even steps (Ho et al. 2020, section 4)."""
        return cls.from_betas(torch.linspace(start, end, length, dtype=torch.float64))

    @classmethod
    def scaled_linear(cls, length: int = 1000, start: float = 0.00085, end: float = 0.0120) -> "NoiseSchedule":
        """Square roots of the betas in even steps (Rombach et al. 2022; Stable Diffusion v1)."""
        return cls.from_betas(torch.linspace(start**0.5, end**0.5, length, dtype=torch.float64) ** 2)

    @classmethod
    def cosine(cls, length: int = 1000, offset: float = 0.008, max_beta: float = 0.999) -> "NoiseSchedule":
        """alpha_bar ~ cos^2, betas cut at max_beta (Nichol & Dhariwal 2021, eq. 17)."""
        u = torch.arange(length + 1, dtype=torch.float64) / length
        curve = torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2
        return cls.from_betas((1 - curve[1:] / curve[:-1]).clamp(max=max_beta))

    def alpha_bar(self, t: Time) -> Tensor:
        """The share of the picture's variance left at time t.

        Args:
            t: CLEAN or a time in [0, T-1], whole or between two; any shape.

        Returns:
            float64 of t's shape; exactly the table's value at whole t, exactly 1 at CLEAN.

        Raises:
            ValueError: if a time lies outside.
        """
        time = torch.as_tensor(t).detach().to("cpu", torch.float64)
        clean = time == CLEAN
        if bool(((time < 0) & ~clean).any()) or bool((time > len(self) - 1).any()):
            raise ValueError(f"time {t} is neither {CLEAN} nor between 0 and {len(self) - 1}")
        low = time.clamp(min=0).floor().long()
        high = (low + 1).clamp(max=len(self) - 1)
        between = torch.lerp(self._half_log_snr[low], self._half_log_snr[high], time.clamp(min=0) - low)
        value = torch.where(time == low, self._table[low], torch.sigmoid(2 * between))
        return torch.where(clean, torch.ones_like(value), value)

    def signal_noise(self, t: Time, like: Tensor) -> Tuple[Tensor, Tensor]:
        """sqrt(alpha_bar(t)) and sqrt(1 - alpha_bar(t)), ready to multiply pictures of like's rank.

        The roots are taken in float64 and only then cast, so that 1 - alpha_bar keeps its digits near t = 0.

        Args:
            t: a number, or one time a picture [B].
            like: [B, ...], whose type, device and rank the results take.

        Returns:
            Two tensors of shape [B or 1, 1, ...].
        """
        alpha_bar = self.alpha_bar(t).reshape(-1, *[1] * (like.dim() - 1))
        return alpha_bar.sqrt().to(like), (1 - alpha_bar).sqrt().to(like)

    def half_log_snr(self, t: Time) -> Tensor:
        """lambda(t) = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)) in float64; infinite at CLEAN."""
        alpha_bar = self.alpha_bar(t)
        return 0.5 * (torch.log(alpha_bar) - torch.log1p(-alpha_bar))

    def add_noise(self, x0: Tensor, eps: Tensor, t: Time) -> Tensor:
        """The forward process: x_t of x0's shape [B, ...] for times t [B] or one number."""
        signal, noise = self.signal_noise(t, x0)
        return signal * x0 + noise * eps


def spaced_times(
    length: int, steps: int, spacing: str = "trailing", offset: int = 0, final: int = CLEAN
) -> List[float]:
    """The times that a sampler visits: `steps` falling indices, then `final`.

    | spacing  | indices for length 1000, 4 steps     | used by                                     |
    |----------|--------------------------------------|---------------------------------------------|
    | leading  | 750, 500, 250, 0 (+ offset)          | DDIM and Stable Diffusion, with offset 1    |
    | trailing | 999, 749, 499, 249                   | Lin et al. 2023, table 2: begins at the end |
    | linspace | 999, 666, 333, 0                     | Nichol & Dhariwal 2021                      |
    | uniform  | 999, 749.25, 499.5, 249.75 (final 0) | DPM-Solver's "uniform time", fractions kept |

    Args:
        length: T of the schedule.
        steps: 1 ... length.
        spacing: a row of the table.
        offset: added to the leading indices.
        final: where the last step lands; CLEAN, or an index below the last one. The uniform times are spread evenly
            down to it, and need an index here.

    Returns:
        steps + 1 times, strictly falling; whole numbers but for "uniform".

    Raises:
        ValueError: for steps outside 1 ... length, an unknown spacing, or times that leave the table.
    """
    if not 1 <= steps <= length:
        raise ValueError(f"steps must be between 1 and {length}, got {steps}")
    times: List[float]
    if spacing == "leading":
        times = [i * (length // steps) + offset for i in reversed(range(steps))]
    elif spacing == "trailing":
        times = [round(length - i * length / steps) - 1 for i in range(steps)]
    elif spacing == "linspace":
        last = max(steps - 1, 1)
        times = [round((length - 1) * (1 - i / last)) for i in range(steps)]
    elif spacing == "uniform":
        if final == CLEAN:
            raise ValueError("uniform times end at an index such as 0, not at the clean picture")
        times = [(length - 1) - i * (length - 1 - final) / steps for i in range(steps)]
    else:
        raise ValueError(f"unknown spacing {spacing!r}; choose one of {', '.join(SPACINGS)}")
    times.append(final)
    _check_falling(times, length)
    return times


def _check_falling(times: Sequence[float], length: int) -> None:
    falling = all(later < earlier for earlier, later in zip(times, times[1:]))
    if times[0] >= length or times[-1] < CLEAN or not falling:
        raise ValueError(
            f"times must fall from at most {length - 1} to at least {CLEAN}; got {times[0]}, {times[1]} ... {times[-1]}"
        )
