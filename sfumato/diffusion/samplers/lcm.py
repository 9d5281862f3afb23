"""The multistep consistency sampler of distilled weights (Luo et al. 2023, LCM, Algorithm 3; Song et al. 2023).

The network was distilled to jump from any time to the clean picture; each step jumps, and puts noise back for the next:

    f = c_skip x_t + c_out x0(x_t, t)        x_s = signal_s f + noise_s z,       z ~ N(0, I);      the last step is f
    c_skip = sd^2 / ((10 t)^2 + sd^2),       c_out = 10 t / sqrt((10 t)^2 + sd^2),       sd = 0.5

so that f is x itself at time 0 of a table (eq. 9); elsewhere, as in EDM's, that is the network's own affair. Guidance
is folded into the weights: one pass a step, 1 to 8 steps, at times that the distillation had (`spacings["lcm"]`).
"""

from dataclasses import dataclass
from typing import ClassVar, List, Tuple, TypeVar

from torch import Tensor

from ..schedules import TableSchedule
from .base import Sampler, Visit, Walk

_Time = TypeVar("_Time", float, Tensor)


def boundary(t: _Time) -> Tuple[_Time, _Time]:
    """(c_skip, c_out) at times t of a table."""
    whole = (10 * t) ** 2 + 0.25
    return 0.25 / whole, 10 * t / whole**0.5


@dataclass(frozen=True)
class LCM(Sampler):
    """For weights that were distilled into a consistency model, and for no others."""

    most_steps: ClassVar[float] = 8
    stochastic = True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, (x0, _) = past[-1]
        if isinstance(walk.schedule, TableSchedule):
            skip, out = boundary(t)
            x0 = skip * x + out * x0
        if walk.index == walk.steps - 1:
            return x0
        signal, noise = walk.schedule.levels(following)
        return signal * x0 + noise * walk.noise()
