"""Several predictions in one picture, each in a part of its own (Bar-Tal et al. 2023, MultiDiffusion, eq. 5).

    eps = sum_r  w_r eps_r / sum_r w_r,       w_r >= 0 the mask of part r

Each denoiser sees the whole noisy picture; only its answer is cut to its part. x0 mixes by the same weights.
"""

from typing import Sequence

import torch
from torch import Tensor

from .denoiser import Denoiser, mixed, schedule_of
from .predictions import Prediction


class Regions:
    """The composed Denoiser.

    Args:
        denoisers: one a part.
        masks: [parts, h, w], not negative, at every place at least one above 0.

    Raises:
        ValueError: if the masks are not that, or the denoisers are of different schedules.
    """

    def __init__(self, denoisers: Sequence[Denoiser], masks: Tensor) -> None:
        if len(denoisers) != len(masks):
            raise ValueError(f"{len(denoisers)} denoisers need as many masks, got {len(masks)}")
        if bool((masks < 0).any()) or not bool((masks.sum(dim=0) > 0).all()):
            raise ValueError("masks must not be negative, and must cover every place")
        self.denoisers = list(denoisers)
        self.schedule = schedule_of(*self.denoisers)
        self.weights = masks / masks.sum(dim=0)

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        answers = [denoiser(x_t, t) for denoiser in self.denoisers]
        return mixed(answers, list(self.weights.to(x_t)))


def columns(parts: int, height: int, width: int) -> Tensor:
    """Masks of equal columns side by side, the left one first: [parts, height, width], 0 or 1.

    Raises:
        ValueError: if a column would be empty.
    """
    if not 1 <= parts <= width:
        raise ValueError(f"{width} places across cannot be parted into {parts} columns")
    place = torch.div(torch.arange(width) * parts, width, rounding_mode="floor")
    return (place == torch.arange(parts)[:, None]).to(torch.float32)[:, None, :].expand(parts, height, width)
