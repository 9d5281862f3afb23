"""The loop that all samplers share.

A sampler is one method, `advance`: from x at time t, and the denoiser's prediction there, to x at the next time. The
loop here asks the denoiser, remembers what it said, and yields a `Step` at a time; progress bars, pictures of the
reverse process and early stops are the caller's own `for`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from ..denoiser import Denoiser, Prediction
from ..schedule import CLEAN, NoiseSchedule

Noise = Callable[[], Tensor]
"""Draws standard normal noise of x's shape, such as a SeededNoise."""


@dataclass(frozen=True)
class Step:
    """Where the walk stands after one step."""

    index: int
    """0 for the first step."""
    t: float
    """The time of x; CLEAN after a last step to the clean picture."""
    x: Tensor
    """[B, ...] at time t."""
    x0: Tensor
    """The clean picture as the denoiser saw it at the step's beginning, [B, ...]."""


class Visit(NamedTuple):
    """A time that the walk has been at: x and what the denoiser said of it."""

    t: float
    x: Tensor
    prediction: Prediction


@dataclass(frozen=True)
class Walk:
    """What a step may use besides the visits."""

    denoiser: Denoiser
    noise: Noise
    index: int
    """Of this step, from 0."""
    steps: int
    """In the whole walk."""


class Sampler(ABC):
    """Walks from x at times[0] to x at times[-1].

    Args:
        schedule: the denoiser's own.
    """

    stochastic = False
    """Whether `advance` draws noise."""
    rising = False
    """Whether the times rise, from a picture to its noise."""

    def __init__(self, schedule: NoiseSchedule) -> None:
        self.schedule = schedule

    def __call__(
        self, x: Tensor, denoiser: Denoiser, times: Sequence[float], noise: Optional[Noise] = None
    ) -> Iterator[Step]:
        """Yield one Step for each pair of neighbouring times.

        Args:
            x: [B, ...] at times[0]; float32 or float64, in which all arithmetic is done.
            denoiser: asked once a step (Heun: twice).
            times: falling, as from `spaced_times`.
            noise: needed where the sampler is stochastic.

        Raises:
            ValueError: if there are fewer than two times, they do not fall, noise is missing, or x is of another type.
        """
        if len(times) < 2:
            raise ValueError("a walk needs at least two times: where it begins and where it ends")
        if any(t <= later if not self.rising else t >= later for t, later in zip(times, times[1:])):
            raise ValueError(
                f"the times of {type(self).__name__} must {'rise' if self.rising else 'fall'}, got {times}"
            )
        if x.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"x must be float32 or float64, got {x.dtype}")
        if self.stochastic and noise is None:
            raise ValueError(f"{type(self).__name__} adds noise in its steps and was given none")
        return self._walk(x, denoiser, times, noise or _no_noise)

    def _walk(self, x: Tensor, denoiser: Denoiser, times: Sequence[float], noise: Noise) -> Iterator[Step]:
        past: List[Visit] = []
        for index, (t, following) in enumerate(zip(times, times[1:])):
            prediction = ask(denoiser, x, t)
            past.append(Visit(t, x, prediction))
            del past[:-3]
            x = self.advance(past, following, Walk(denoiser, noise, index, len(times) - 1))
            yield Step(index, following, x, prediction.x0)

    @abstractmethod
    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        """x at time s.

        Args:
            past: up to three visits, the present one last; a corrector may replace it by a better one.
            s: the next time, below past[-1].t.
            walk: the denoiser, the noise, and how far the walk has come.
        """


def ask(denoiser: Denoiser, x: Tensor, t: float) -> Prediction:
    """The prediction for a batch whose pictures are all at time t."""
    return denoiser(x, torch.full((len(x),), t, device=x.device))


def sample(steps: Iterator[Step]) -> Tensor:
    """Walk to the end; the last x."""
    x = None
    for step in steps:
        x = step.x
    assert x is not None, "a walk has at least one step"
    return x


def is_clean(t: float) -> bool:
    """Whether t is the time without any noise, where lambda is infinite and only x0 is left."""
    return t == CLEAN


def _no_noise() -> Tensor:
    raise AssertionError("a deterministic sampler asked for noise")
