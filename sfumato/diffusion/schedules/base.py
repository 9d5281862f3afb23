"""What a schedule is: how much picture and how much noise there is at each time.

    x_t = signal(t) x0 + noise(t) eps,      eps ~ N(0, I)

Neither is negative and signal / noise falls with t. lambda(t) = log(signal / noise), the half log-SNR, orders the times
of all schedules alike: two times of two schedules with one lambda hold the same picture at another scale (Kingma et al.
2021, section 3). Samplers are written in signal, noise and lambda, and so run on every schedule.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, List, Tuple, Union

import torch
from torch import Tensor

from ..names import named

Time = Union[int, float, Tensor]

Spacing = Callable[..., List[float]]
"""(schedule, steps, **options) -> times, falling, the last one where the walk ends."""


class Schedule(ABC):
    """A schedule; two of one content are equal.

    Attributes:
        start: the noisiest time, where walks begin by custom.
        clean: the time without noise.
        preserves_variance: whether signal^2 + noise^2 = 1 at every time.
        ends_without_signal: whether the signal is 0 at `start`, where lambda is then minus infinity.
        spacings: name -> function that spreads the times of a walk; the first is what `times` takes by default.
    """

    start: float
    clean: float
    preserves_variance = False
    ends_without_signal = False
    spacings: Dict[str, Spacing]

    @abstractmethod
    def signal_and_noise(self, t: Tensor) -> Tuple[Tensor, Tensor]:
        """Both at times t of any shape, in float64 where the device has it, on t's device; no times are checked."""

    @abstractmethod
    def time(self, half_log_snr: float) -> float:
        """The time of a lambda, the inverse of `half_log_snr`; ValueError if the schedule never has that lambda."""

    @abstractmethod
    def sigma_range(self) -> Tuple[float, float]:
        """The largest and the smallest noise / signal that walks and trainings spread their times between."""

    @abstractmethod
    def _refuse(self, t: float) -> None:
        """Raise ValueError for a time outside the schedule."""

    @abstractmethod
    def content(self) -> Dict[str, Any]:
        """All that tells this schedule from others, as JSON can hold it: what `make_schedule` makes it of again."""

    def levels(self, t: float) -> Tuple[float, float]:
        """(signal, noise) at one time, as numbers; ValueError if it lies outside the schedule."""
        self._refuse(t)
        signal, noise = self.signal_and_noise(torch.tensor(t, dtype=torch.float64))
        return float(signal), float(noise)

    def signal_noise(self, t: Time, like: Tensor) -> Tuple[Tensor, Tensor]:
        """Both, ready to multiply pictures of like's rank.

        They are computed in float64 and only then cast, so that neither loses its digits where it is small.

        Args:
            t: a number, or one time a picture [B], on like's device.
            like: [B, ...], whose type, device and rank the results take.

        Returns:
            Two tensors of shape [B or 1, 1, ...].

        Raises:
            ValueError: for a number outside the schedule.
        """
        if not isinstance(t, Tensor):
            self._refuse(t)
            t = torch.tensor([t], dtype=torch.float64)
        signal, noise = (part.reshape(-1, *[1] * (like.dim() - 1)) for part in self.signal_and_noise(t))
        return signal.to(like), noise.to(like)

    def half_log_snr(self, t: float) -> float:
        """lambda at one time: infinite where there is no noise, minus infinity where there is no signal."""
        signal, noise = self.levels(t)
        if signal == 0 or noise == 0:
            return math.inf if noise == 0 else -math.inf
        return math.log(signal) - math.log(noise)

    def first(self, eps: Tensor) -> Tensor:
        """x at `start` as it is begun by custom from standard normal noise of any shape."""
        return eps

    def network_time(self, t: Tensor) -> Tensor:
        """What a network is told of times t."""
        return t

    def input_scale(self, t: Tensor, like: Tensor, sigma_data: float) -> Union[Tensor, float]:
        """What x_t is multiplied by before a network sees it; a prediction may have a scale of its own instead.

        Args:
            t, like: see `signal_noise`.
            sigma_data: the data's standard deviation.
        """
        return 1.0

    @abstractmethod
    def spread(self, shares: Tensor) -> Tensor:
        """Times to train at, from shares of the way from the cleanest to the noisiest, each in [0, 1)."""

    def times(self, steps: int, spacing: str = "", **options: float) -> List[float]:
        """The times that a walk visits: steps + 1, strictly falling, the last one where it ends.

        Args:
            steps: at least 1, and no more than the schedule holds.
            spacing: one of `spacings`; the first by default.
            options: what that spacing can be told.

        Raises:
            ValueError: for steps, a spacing, or options that cannot be.
        """
        name = spacing or next(iter(self.spacings))
        spread_out = named(self.spacings, name, "spacing")
        if type(steps) is not int or steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        try:
            times = spread_out(self, steps, **options)
        except TypeError:
            raise ValueError(f"the spacing {name} has no {' or '.join(options)}") from None
        if any(not later < earlier for earlier, later in zip(times, times[1:])):
            raise ValueError(f"times must fall; {name} with {steps} steps gives {times[0]}, {times[1]} ... {times[-1]}")
        for t in times:
            self._refuse(t)
        return times

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Schedule) and self.content() == other.content())

    def __hash__(self) -> int:
        return hash(repr(self.content()))


def karras(schedule: Schedule, steps: int, rho: float = 7.0) -> List[float]:
    """Sigma = noise / signal spread by its rho-th root (Karras et al. 2022, eq. 5), from the schedule's largest to its
    smallest, then the clean picture. Where the largest is infinite, one step is taken from there.
    """
    largest, smallest = schedule.sigma_range()
    begin = [schedule.start] if schedule.ends_without_signal else []
    count = steps - len(begin)
    if rho <= 0:
        raise ValueError(f"rho must be above 0, got {rho}")
    roots = [largest ** (1 / rho), smallest ** (1 / rho)]
    shares = [i / max(count - 1, 1) for i in range(count)]
    sigmas = [(roots[0] + share * (roots[1] - roots[0])) ** rho for share in shares]
    inner = [schedule.time(-math.log(sigma)) for sigma in sigmas]
    return [*begin, *inner, schedule.clean]
