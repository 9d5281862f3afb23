"""Ancestral sampling (Ho et al. 2020, Algorithm 2), between any two times.

With a = alpha_bar(t) / alpha_bar(s) and b = 1 - a, one step draws from q(x_s | x_t, x0) (eq. 6-7):

    mean = sqrt(ab_s) b / (1 - ab_t) x0 + sqrt(a) (1 - ab_s) / (1 - ab_t) x_t
    variance = (1 - ab_s) / (1 - ab_t) b        "posterior", right if x0 were known exactly
             = b                                "forward", right for data that are N(0, I)

The last step, to the clean picture, has a variance of zero by the first rule and takes the mean by both.
"""

from typing import List

from torch import Tensor

from ..schedule import NoiseSchedule
from .base import Sampler, Visit, Walk, is_clean

VARIANCES = ("posterior", "forward")


class DDPM(Sampler):
    """Algorithm 2; with fewer times than the schedule has, the same walk over a thinned schedule.

    Args:
        schedule: the denoiser's own.
        variance: "posterior" or "forward", the two choices of section 3.2.

    Raises:
        ValueError: if variance is neither.
    """

    stochastic = True

    def __init__(self, schedule: NoiseSchedule, variance: str = "posterior") -> None:
        super().__init__(schedule)
        if variance not in VARIANCES:
            raise ValueError(f"unknown variance {variance!r}; choose one of {', '.join(VARIANCES)}")
        self.variance = variance

    def advance(self, past: List[Visit], s: float, walk: Walk) -> Tensor:
        t, x, (x0, _) = past[-1]
        ab_t, ab_s = self.schedule.alpha_bar(t), self.schedule.alpha_bar(s)
        a = ab_t / ab_s
        left = (1 - ab_s) / (1 - ab_t)
        mean = (ab_s.sqrt() * (1 - a) / (1 - ab_t)).to(x) * x0 + (a.sqrt() * left).to(x) * x
        variance = left * (1 - a) if self.variance == "posterior" else 1 - a
        return mean if is_clean(s) else mean + variance.sqrt().to(x) * walk.noise()
