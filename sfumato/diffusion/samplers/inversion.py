"""DDIM read backwards: from a picture to the noise that paints it (Dhariwal & Nichol 2021, appendix F; DDIM, eq. 14).

DDIM with eta = 0 takes x_s to x_t, s > t, by x_t = sqrt(ab_t) x0(x_s) + sqrt(1 - ab_t) eps(x_s). To undo it one must
ask the denoiser at x_s, which is not known yet. The plain inversion asks at x_t instead, as if the prediction did not
change over a step, and errs by the square of the step's length. Each refinement asks at the x_s found so far and solves

    x_s = (x_t - b eps) / a,        a = sqrt(ab_t / ab_s),        b = sqrt(1 - ab_t) - a sqrt(1 - ab_s)

which is a fixed-point iteration to the x_s that DDIM takes to x_t exactly (Pan et al. 2023, section 3.2).
"""

from typing import List

from torch import Tensor

from ..schedule import NoiseSchedule
from .base import Sampler, Visit, Walk, ask


class DDIMInversion(Sampler):
    """Walks from a picture to its noise: its times rise, as a reversed `spaced_times`.

    Args:
        schedule: the denoiser's own.
        refinements: fixed-point iterations a step, each asking the denoiser once more.

    Raises:
        ValueError: if refinements is negative.
    """

    rising = True

    def __init__(self, schedule: NoiseSchedule, refinements: int = 0) -> None:
        super().__init__(schedule)
        if refinements < 0:
            raise ValueError(f"refinements must be at least 0, got {refinements}")
        self.refinements = refinements

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        t, x, (_, eps) = past[-1]
        ab_t, ab_s = self.schedule.alpha_bar(t), self.schedule.alpha_bar(s)
        a = (ab_t / ab_s).sqrt()
        b = (1 - ab_t).sqrt() - a * (1 - ab_s).sqrt()
        noisier = (x - b.to(x) * eps) / a.to(x)
        for _ in range(self.refinements):
            noisier = (x - b.to(x) * ask(walk.denoiser, noisier, s).eps) / a.to(x)
        return noisier
