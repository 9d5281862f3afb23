"""The loop that all samplers share.

A sampler is one method, `advance`: from x at time t, and the denoiser's prediction there, to x at the next time. The
loop here asks the denoiser, remembers what it said, and yields a `Step` at a time; progress bars, pictures of the
reverse process and early stops are the caller's own `for`. The schedule is the denoiser's.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, Callable, ClassVar, Iterator, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from ..denoiser import Denoiser, schedule_of
from ..predictions import Prediction
from ..schedules import Schedule

Noise = Callable[[], Tensor]
"""Draws standard normal noise of x's shape, such as a SeededNoise."""


def ranged(default: float, low: float, high: float = math.inf) -> Any:
    """A dataclass field for a number between two ends, which belong to it; `Sampler` checks it."""
    return field(default=default, metadata={"range": (low, high)})


def chosen(default: str, *choices: str) -> Any:
    """A dataclass field for one of some words; `Sampler` checks it."""
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class Step:
    """Where the walk stands after one step; the index counts them from 0."""

    index: int
    t: float
    """The time of x; the schedule's `clean` after a last step to the clean picture."""
    x: Tensor
    """[B, ...] at time t."""
    x0: Tensor
    """The clean picture that the denoiser saw in from_x, at time from_t, where the step began; [B, ...]."""
    from_t: float
    from_x: Tensor


class Visit(NamedTuple):
    """A time that the walk has been at: x and what the denoiser said of it."""

    t: float
    x: Tensor
    prediction: Prediction


@dataclass(frozen=True)
class Walk:
    """What a step may use besides the visits; the index is its own, from 0."""

    denoiser: Denoiser
    schedule: Schedule
    noise: Noise
    times: Sequence[float]
    index: int

    @property
    def steps(self) -> int:
        """In the whole walk."""
        return len(self.times) - 1

    def lambda_step(self, t: float, following: float) -> float:
        """h = lambda(following) - lambda(t); infinite from where there is no signal, and to where there is no noise."""
        return self.schedule.half_log_snr(following) - self.schedule.half_log_snr(t)


@dataclass(frozen=True)
class Sampler(ABC):
    """Walks from x at times[0] to x at times[-1]. Its fields are what it can be told, with their ranges.

    Raises:
        ValueError: for a field outside its range.
    """

    needs_signal: ClassVar[bool] = False
    """Whether a step divides by the signal, and so cannot begin where that is 0."""
    rising: ClassVar[bool] = False
    """Whether the times rise, from a picture to its noise."""
    most_steps: ClassVar[float] = math.inf
    """That a walk may have."""

    def __post_init__(self) -> None:
        for one in fields(self):
            value, name = getattr(self, one.name), type(self).__name__
            if "range" in one.metadata:
                low, high = one.metadata["range"]
                if not low <= value <= high or not math.isfinite(value):
                    end = f"and {high}" if math.isfinite(high) else "and more"
                    raise ValueError(f"{one.name} of {name} must be between {low} {end}, got {value}")
            if "choices" in one.metadata and value not in one.metadata["choices"]:
                raise ValueError(f"unknown {one.name} {value!r}; choose one of {', '.join(one.metadata['choices'])}")

    @property
    def stochastic(self) -> bool:
        """Whether a step draws noise."""
        return False

    def __call__(
        self, x: Tensor, denoiser: Denoiser, times: Sequence[float], noise: Optional[Noise] = None
    ) -> Iterator[Step]:
        """Yield one Step for each pair of neighbouring times; no gradients are kept.

        Args:
            x: [B, ...] at times[0], in float32 or float64.
            denoiser: asked at every time but the last.
            times: of the denoiser's schedule, see `Schedule.times`.
            noise: draws what stochastic samplers add.

        Raises:
            ValueError: for times that cannot be walked (see `check`), if noise is missing, or x is of another type.
        """
        schedule = schedule_of(denoiser)
        self.check(schedule, times)
        if x.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"x must be float32 or float64, got {x.dtype}")
        if self.stochastic and noise is None:
            raise ValueError(f"{type(self).__name__} adds noise in its steps and was given none")
        return self._walk(x, denoiser, list(times), noise or _no_noise)

    def check(self, schedule: Schedule, times: Sequence[float]) -> None:
        """Raise ValueError for times that cannot be walked: of no number of steps, not falling, or without signal."""
        name, steps = type(self).__name__, len(times) - 1
        if not 1 <= steps <= self.most_steps:
            raise ValueError(f"{name} takes 1 to {self.most_steps} steps, got {steps}")
        if any(t <= later if not self.rising else t >= later for t, later in zip(times, times[1:])):
            raise ValueError(f"the times of {name} must {'rise' if self.rising else 'fall'}, got {times}")
        if self.needs_signal and any(schedule.levels(t)[0] == 0 for t in times):
            raise ValueError(f"{name} divides by the signal, which is 0 at time {schedule.start} of {schedule}")

    @torch.no_grad()
    def _walk(self, x: Tensor, denoiser: Denoiser, times: Sequence[float], noise: Noise) -> Iterator[Step]:
        past: List[Visit] = []
        for index, (t, following) in enumerate(zip(times, times[1:])):
            prediction = ask(denoiser, x, t)
            past.append(Visit(t, x, prediction))
            del past[:-3]
            before, x = x, self.advance(past, following, Walk(denoiser, denoiser.schedule, noise, times, index))
            yield Step(index, following, x, prediction.x0, t, before)

    @abstractmethod
    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        """x at the following time.

        Args:
            past: up to three visits, the present one last; a corrector may replace it by a better one.
            following: the next time.
            walk: the denoiser, its schedule, the noise, and how far the walk has come.
        """


def ask(denoiser: Denoiser, x: Tensor, t: float) -> Prediction:
    """The prediction for a batch whose pictures are all at time t, told in float64 where x's device has it."""
    dtype = torch.float32 if x.device.type == "mps" else torch.float64
    return denoiser(x, torch.full((len(x),), t, dtype=dtype, device=x.device))


def sample(steps: Iterator[Step]) -> Tensor:
    """Walk to the end; the last x."""
    x = None
    for step in steps:
        x = step.x
    assert x is not None, "a walk has at least one step"
    return x


def _no_noise() -> Tensor:
    raise AssertionError("a deterministic sampler asked for noise")
