"""The multistep consistency sampler of distilled weights (Luo et al. 2023, LCM, Algorithm 3; Song et al. 2023).

The network was distilled to jump from any time to the clean picture; each step jumps, and puts noise back for the next:

    x_s = signal_s x0(x_t, t) + noise_s z,       z ~ N(0, I);      the last step is the jump alone

Guidance is folded into the weights: one pass a step, 1 to 8 steps. Eq. 9's weight of x_t, below 0.003, is left out.
"""

from dataclasses import dataclass
from typing import ClassVar, List

from torch import Tensor

from .base import Sampler, Visit, Walk


@dataclass(frozen=True)
class LCM(Sampler):
    """For weights that were distilled into a consistency model, and for no others."""

    most_steps: ClassVar[float] = 8

    @property
    def stochastic(self) -> bool:
        return True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        x0 = past[-1].prediction.x0
        if walk.index == walk.steps - 1:
            return x0
        signal, noise = walk.schedule.levels(following)
        return signal * x0 + noise * walk.noise()
