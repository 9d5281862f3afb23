"""Noise to faces, in memory: the settings, and the walk of one batch."""

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence

from torch import Tensor

from ..diffusion import CLEAN, Schedule, SeededNoise, Step
from ..model import Diffusion
from ..options import number
from ..pictures.guided import WeakGuided
from ..pictures.painting import AfterStep, walked
from ..sampling import sampler_choice
from .model import SCHEDULE


@dataclass(frozen=True)
class Sampling(WeakGuided):
    """How noise becomes a face; the defaults are those of the course's ground truth, to the last rounding."""

    sampler: str = sampler_choice("ddim")
    """One of SAMPLERS."""
    steps: int = number(50, 1, 1000)
    """Denoising steps."""
    spacing: str = "leading"
    """Where the steps are: leading (from 1 up), trailing (from 999 down), linspace, or karras (even in the seventh root
    of sigma)."""
    to_clean: bool = False
    """End at alpha_bar = 1, not at alpha_bar[0] = 0.9999; linspace and karras always do."""
    clamp: bool = True
    """Keep the predicted picture in [-1, 1] at every step."""
    recompute_eps: bool = False
    """Make the predicted noise agree with the clamped picture."""

    def times(self, schedule: Schedule = SCHEDULE) -> List[float]:
        """981, 961, ..., 21, 1, 0 by default.

        Raises:
            ValueError: if there are no such times.
        """
        told = {"offset": 1} if self.spacing == "leading" else {}
        if self.spacing != "karras":
            told["final"] = CLEAN if self.to_clean or self.spacing == "linspace" else 0
        return schedule.times(self.steps, self.spacing, **told)

    def check(self, schedule: Schedule = SCHEDULE) -> None:
        """Refuse what cannot be walked; see there."""
        super().check(schedule)


def walk(model: Diffusion, noise: Tensor, sampling: Sampling, seeds: Optional[Sequence[int]] = None) -> Iterator[Step]:
    """The reverse process of a batch, one Step at a time.

    Args:
        model: on noise's device.
        noise: x_T [B, 3, H, W].
        sampling: checked.
        seeds: one a picture, of the noise added on the way; needed where the sampler adds any.
    """
    added = SeededNoise(seeds, tuple(noise.shape[1:]), noise.device) if seeds else None
    denoiser = model.denoiser(clamp=sampling.clamp, recompute_eps=sampling.recompute_eps, **sampling.guidance(model))
    return sampling.walk(denoiser, noise, added)


def paint(
    model: Diffusion,
    noise: Tensor,
    sampling: Sampling,
    seeds: Optional[Sequence[int]] = None,
    precision: str = "fp32",
    after_step: Optional[AfterStep] = None,
) -> Tensor:
    """The finished pictures of a batch: float [B, 3, H, W], in about [-1, 1]; see `walk` and `walked`."""
    return walked(walk(model, noise, sampling, seeds), model, precision, after_step)
