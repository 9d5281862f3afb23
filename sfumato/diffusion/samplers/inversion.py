"""DDIM read backwards: from a picture to the noise that paints it (Dhariwal & Nichol 2021, appendix F; DDIM, eq. 14).

DDIM with eta = 0 takes x_s to x_t, s noisier than t, by x_t = signal_t x0(x_s) + noise_t eps(x_s). To undo it one must
ask the denoiser at x_s, which is not known yet. The plain inversion asks at x_t instead, as if the prediction did not
change over a step, and errs by the square of the step's length. Each refinement asks at the x_s found so far and solves

    x_s = (x_t - b eps) / a,        a = signal_t / signal_s,        b = noise_t - a noise_s

which is a fixed-point iteration to the x_s that DDIM takes to x_t exactly (Pan et al. 2023, section 3.2).
"""

from dataclasses import dataclass
from typing import ClassVar, List

from torch import Tensor

from .base import Sampler, Visit, Walk, ask, ranged


@dataclass(frozen=True)
class DDIMInversion(Sampler):
    """Walks from a picture to its noise: its times rise, as a reversed `Schedule.times`."""

    refinements: int = ranged(0, 0)
    """Fixed-point iterations a step, each asking the denoiser once more."""

    rising: ClassVar[bool] = True
    needs_signal: ClassVar[bool] = True

    def advance(self, past: List[Visit], following: float, walk: Walk) -> Tensor:
        t, x, (_, eps) = past[-1]
        (signal_t, noise_t), (signal_s, noise_s) = walk.schedule.levels(t), walk.schedule.levels(following)
        a = signal_t / signal_s
        b = noise_t - a * noise_s
        noisier = (x - b * eps) / a
        for _ in range(self.refinements):
            noisier = (x - b * ask(walk.denoiser, noisier, following).eps) / a
        return noisier
