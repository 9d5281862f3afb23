"""Tables of alpha_bar, as DDPM and Stable Diffusion have them.

    signal = sqrt(alpha_bar(t)),  noise = sqrt(1 - alpha_bar(t))                     (Ho et al. 2020, eq. 4)

Time is the index t = 0 ... T-1 of the table, as networks are trained on it; t = -1 is the picture without any noise.
Between two indices lambda is linear, so a sampler may step anywhere.
"""

import math
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from .base import Schedule, karras

CLEAN = -1
"""The time after the last denoising step of a table: alpha_bar(CLEAN) = 1 exactly."""

_SLACK = 1e-9


class TableSchedule(Schedule):
    """alpha_bar as a table of T values in float64.

    The table is no buffer of a module: in half precision hardly two of its values would differ.

    Args:
        alpha_bar: [T], strictly decreasing, every value inside (0, 1).

    Raises:
        ValueError: if the table is not one-dimensional, not decreasing or leaves (0, 1).
    """

    clean = CLEAN
    preserves_variance = True

    def __init__(self, alpha_bar: Tensor) -> None:
        table = alpha_bar.detach().to("cpu", torch.float64)
        if table.dim() != 1 or len(table) < 2:
            raise ValueError(f"alpha_bar must be a table of at least two values, got shape {tuple(table.shape)}")
        if not (bool((table > 0).all()) and bool((table < 1).all()) and bool((table.diff() < 0).all())):
            raise ValueError("alpha_bar must fall strictly and stay inside (0, 1)")
        self.alpha_bar = table
        self.start = len(table) - 1
        self._lambdas = 0.5 * (torch.log(table) - torch.log1p(-table))
        # One column more, at the end, for the clean picture: place -1.
        clean = torch.tensor([[1.0], [0.0], [math.inf]], dtype=torch.float64)
        rows = torch.cat([torch.stack([table.sqrt(), (1 - table).sqrt(), self._lambdas]), clean], dim=1)
        self._placed = {torch.device("cpu"): rows}

    def __len__(self) -> int:
        """T, the number of training times."""
        return len(self.alpha_bar)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} times)"

    def content(self) -> Dict[str, Any]:
        return {"name": "table", "alpha_bar": self.alpha_bar.tolist()}

    def _refuse(self, t: float) -> None:
        if not (t == CLEAN or 0 <= t <= self.start):
            raise ValueError(f"time {t} is neither {CLEAN} nor between 0 and {self.start}")

    def _on(self, device: torch.device) -> Tensor:
        """Rows of signal, noise and lambda where t lives; the roots are of float64, which Apple's GPUs lack."""
        if device not in self._placed:
            dtype = torch.float32 if device.type == "mps" else torch.float64
            self._placed[device] = self._on(torch.device("cpu")).to(dtype).to(device)
        return self._placed[device]

    def signal_and_noise(self, t: Tensor) -> Tuple[Tensor, Tensor]:
        """See `Schedule`; exactly the table's at whole times."""
        signal, noise, lambdas = self._on(t.device)
        time = t.to(signal.dtype)
        low = time.floor().long()
        high = (low + 1).clamp(max=len(self) - 1)
        between, whole = 2 * torch.lerp(lambdas[low], lambdas[high], time - low), time == low
        return (
            torch.where(whole, signal[low], torch.sigmoid(between).sqrt()),
            torch.where(whole, noise[low], torch.sigmoid(-between).sqrt()),
        )

    def half_log_snr(self, t: float) -> float:
        """See `Schedule`; by the table's own logarithms, which keep their digits near t = 0."""
        self._refuse(t)
        low = math.floor(t)
        if low in (CLEAN, t):
            return math.inf if low == CLEAN else float(self._lambdas[low])
        return float(torch.lerp(self._lambdas[low], self._lambdas[low + 1], t - low))

    def time(self, half_log_snr: float) -> float:
        """See `Schedule`; between two indices by the line through their lambdas."""
        rising = self._lambdas.flip(0)
        if half_log_snr == math.inf:
            return CLEAN
        if not rising[0] - _SLACK <= half_log_snr <= rising[-1] + _SLACK:
            raise ValueError(
                f"lambda is {float(rising[0]):.4g} ... {float(rising[-1]):.4g} in {self}, not {half_log_snr}"
            )
        place = int(torch.searchsorted(rising, torch.tensor(half_log_snr, dtype=torch.float64), right=True))
        low = max(len(self) - 1 - place, 0) if place else len(self) - 1
        if low == len(self) - 1:
            return float(low)
        here, after = float(self._lambdas[low]), float(self._lambdas[low + 1])
        return low + min(max((half_log_snr - here) / (after - here), 0.0), 1.0)

    def spread(self, shares: Tensor) -> Tensor:
        """See `Schedule`: whole times, int64."""
        return (shares * len(self)).long().clamp(max=len(self) - 1)

    def sigma_range(self) -> Tuple[float, float]:
        """The largest and the smallest noise / signal."""
        return math.exp(-float(self._lambdas[-1])), math.exp(-float(self._lambdas[0]))


def _held(schedule: TableSchedule, steps: int) -> int:
    if steps > len(schedule):
        raise ValueError(f"steps must be between 1 and {len(schedule)}, got {steps}")
    return len(schedule)


def trailing(schedule: TableSchedule, steps: int, final: float = CLEAN) -> List[float]:
    """999, 749, 499, 249 of 1,000 in four steps: begins at the end (Lin et al. 2023, table 2)."""
    length = _held(schedule, steps)
    return [*(round(length - i * length / steps) - 1 for i in range(steps)), final]


def leading(schedule: TableSchedule, steps: int, offset: float = 0, final: float = CLEAN) -> List[float]:
    """750, 500, 250, 0, all moved by the offset: as DDIM and Stable Diffusion have it, with offset 1."""
    length = _held(schedule, steps)
    return [*(i * (length // steps) + offset for i in reversed(range(steps))), final]


def linspace(schedule: TableSchedule, steps: int, final: float = CLEAN) -> List[float]:
    """999, 666, 333, 0: both ends (Nichol & Dhariwal 2021)."""
    length, last = _held(schedule, steps), max(steps - 1, 1)
    return [*(round((length - 1) * (1 - i / last)) for i in range(steps)), final]


def uniform(schedule: TableSchedule, steps: int, final: float = 0) -> List[float]:
    """999, 749.25, 499.5, 249.75, then an index: DPM-Solver's "uniform time", fractions kept."""
    length = _held(schedule, steps)
    if final == CLEAN:
        raise ValueError("uniform times end at an index such as 0, not at the clean picture")
    return [*((length - 1) - i * (length - 1 - final) / steps for i in range(steps)), final]


def lcm(schedule: TableSchedule, steps: int, final: float = CLEAN) -> List[float]:
    """999, 759, 499, 259: of the 50 trailing times that distilled weights know (Luo et al. 2023, section 4.3)."""
    known = trailing(schedule, 50)
    return [*(known[i * 50 // steps] for i in range(steps)), final]


TableSchedule.spacings = {
    "trailing": trailing,
    "leading": leading,
    "linspace": linspace,
    "uniform": uniform,
    "lcm": lcm,
    "karras": lambda schedule, steps, rho=7.0: karras(schedule, _held(schedule, steps) and steps, rho),
}


class LinearSchedule(TableSchedule):
    """`length` betas in even steps from start to end (Ho et al. 2020, section 4)."""

    def __init__(self, length: int = 1000, start: float = 1e-4, end: float = 2e-2) -> None:
        betas = torch.linspace(start, end, length, dtype=torch.float64)
        super().__init__(torch.cumprod(1.0 - betas, dim=0))


class ScaledLinearSchedule(TableSchedule):
    """Square roots of `length` betas in even steps (Rombach et al. 2022; Stable Diffusion v1)."""

    def __init__(self, length: int = 1000, start: float = 0.00085, end: float = 0.0120) -> None:
        betas = torch.linspace(start**0.5, end**0.5, length, dtype=torch.float64) ** 2
        super().__init__(torch.cumprod(1.0 - betas, dim=0))


class CosineSchedule(TableSchedule):
    """alpha_bar ~ cos^2 (Nichol & Dhariwal 2021, eq. 17).

    The offset keeps the first of the `length` betas from being too small, max_beta cuts the last ones.
    """

    def __init__(self, length: int = 1000, offset: float = 0.008, max_beta: float = 0.999) -> None:
        u = torch.arange(length + 1, dtype=torch.float64) / length
        curve = torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2
        betas = (1 - curve[1:] / curve[:-1]).clamp(max=max_beta)
        super().__init__(torch.cumprod(1.0 - betas, dim=0))
