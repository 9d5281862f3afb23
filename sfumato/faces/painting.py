"""Noise to faces, in memory: the settings, and the walk of one batch."""

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from .. import sampling
from ..diffusion import CLEAN, Schedule, SeededNoise, Step
from ..images import to_pixels
from ..model import Diffusion
from ..options import number
from ..pictures.painting import AfterStep, walked
from ..sampling import sampler_choice
from .model import SCHEDULE

RANGES = ("minmax", "fixed")


@dataclass(frozen=True)
class Sampling(sampling.Sampling):
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
    denoiser = model.denoiser(clamp=sampling.clamp, recompute_eps=sampling.recompute_eps)
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


def to_range(x: Tensor, saving: str) -> Tensor:
    """The bytes to save: uint8 [B, H, W, 3].

    Args:
        x: [B, 3, H, W].
        saving: "fixed" maps [-1, 1] to 0 ... 255; "minmax" maps each picture's own darkest and lightest value there, as
            torchvision's save_image(normalize=True) does for one picture.

    Raises:
        ValueError: for another word.
    """
    if saving == "fixed":
        return to_pixels(x)
    if saving != "minmax":
        raise ValueError(f"unknown range {saving!r}; choose one of {', '.join(RANGES)}")
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    unit = (x - low) / (high - low).clamp(min=1e-5)
    return (unit * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu()
