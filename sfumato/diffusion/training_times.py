"""Which times a training looks at."""

from typing import Optional, Tuple

import torch
from torch import Tensor

from .schedules import Schedule


def stratified_times(
    schedule: Schedule,
    batch: int,
    generator: Optional[torch.Generator] = None,
    logit_normal: Optional[Tuple[float, float]] = None,
    log_normal: Optional[Tuple[float, float]] = None,
) -> Tensor:
    """One time a picture, together spread evenly (Kingma et al. 2021, appendix I.1).

    A batch that covers all noise levels has a loss, and a gradient, of less variance than independent draws. The order
    is shuffled, so that a picture's place in the batch says nothing of its noise.

    Args:
        schedule: whose times they are.
        batch: how many.
        generator: of the draws.
        logit_normal: (mean, std) of logit(share of the way), which draws times from the middle more often, where a
            picture's content is decided (Esser et al. 2024, eq. 19).
        log_normal: (mean, std) of ln(sigma), sigma = noise / signal, kept inside the schedule (Karras et al. 2022,
            table 1: -1.2, 1.2). None of both draws all alike.

    Returns:
        [batch]: int64 on tables, else float64 or float32.

    Raises:
        ValueError: if both laws are given.
    """
    if logit_normal is not None and log_normal is not None:
        raise ValueError("times are logit-normal or log-normal, not both")
    strata = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    shares = strata[torch.randperm(batch, generator=generator)]
    if log_normal is not None:
        largest, smallest = schedule.sigma_range()
        mean, std = log_normal
        sigmas = torch.exp(mean + std * torch.special.ndtri(shares.double())).clamp(smallest, largest)
        times = torch.tensor([schedule.time(-float(one)) for one in sigmas.log()], dtype=torch.float64)
        return times.round().long() if schedule.spread(shares).dtype == torch.int64 else times
    if logit_normal is not None:
        mean, std = logit_normal
        shares = torch.sigmoid(mean + std * torch.special.ndtri(shares.double()))
    return schedule.spread(shares)
