"""Noise to digits, in memory: the sampling settings and the walk of one batch."""

from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

import torch
from torch import Tensor

from ..diffusion import Schedule, Step
from ..images import to_pixels
from ..model import Diffusion
from ..options import number
from ..pictures.guided import Guided
from ..pictures.painting import AfterStep, walked
from .model import SCHEDULE


@dataclass(frozen=True)
class Sampling(Guided):
    """How noise becomes a digit."""

    steps: int = number(9, 1, 1000)
    """Denoising steps."""
    guidance_scale: float = number(3.5, 0)
    """1 is no guidance; more makes digits clearer and less varied."""
    guide_from: float = number(150.0, 0, 999)
    """The least noisy time that is guided."""
    guide_to: float = number(800.0, 0, 999)
    """The noisiest time that is guided; outside the interval the scale is 1 and a step costs half."""

    def check(self, schedule: Schedule = SCHEDULE) -> None:
        """Refuse what cannot be sampled with; see there."""
        super().check(schedule)


def walk(
    model: Diffusion, labels: Sequence[int], seeds: Sequence[int], sampling: Sampling, device: torch.device
) -> Iterator[Step]:
    """The reverse process of a batch, one Step at a time.

    Args:
        model: on `device`.
        labels: one a picture, see `label_of`.
        seeds: one a picture.
        sampling: checked settings.
        device: where to compute.
    """
    return sampling.begun(model, (torch.tensor(labels, device=device),), seeds, device)


def paint(
    model: Diffusion,
    labels: Sequence[int],
    seeds: Sequence[int],
    sampling: Sampling,
    device: torch.device,
    precision: str = "fp32",
    after_step: Optional[AfterStep] = None,
) -> Tensor:
    """The finished pictures of a batch: uint8 [B, 28, 28, 3]; see `walk` and `walked`."""
    return to_pixels(walked(walk(model, labels, seeds, sampling, device), model, precision, after_step))
