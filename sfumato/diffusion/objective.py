"""The training loss: Algorithm 1 of Ho et al. (2020), for networks that predict eps, x0 or v.

    draw x0, t, eps;   x_t = s x0 + n eps;   loss = w(t) || network(x_t, t) - target ||^2

w = 1 on the network's own target is the paper's simple loss (eq. 14). "min-snr" caps the weight that the loss puts on
nearly clean pictures: w = min(SNR, gamma) on the x0 error (Hang et al. 2023, eq. 8), written for the other targets.
"""

from typing import Callable, Optional, Tuple

import torch
from torch import Tensor

from .denoiser import Parameterization, target_of
from .schedule import NoiseSchedule

WEIGHTINGS = ("uniform", "min-snr")


def stratified_timesteps(
    length: int,
    batch: int,
    generator: Optional[torch.Generator] = None,
    logit_normal: Optional[Tuple[float, float]] = None,
) -> Tensor:
    """One time in 0 ... length-1 a picture, together spread evenly (Kingma et al. 2021, appendix I.1).

    A batch that covers all noise levels has a loss, and a gradient, of less variance than independent draws. The order
    is shuffled, so that a picture's place in the batch says nothing of its noise.

    Args:
        length: of the schedule.
        batch: how many times.
        generator: of the draws.
        logit_normal: (mean, std) of logit(t / length), which draws times from the middle more often, where a picture's
            content is decided (Esser et al. 2024, eq. 19); None draws all alike.

    Returns:
        int64 [batch].
    """
    strata = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    shares = strata[torch.randperm(batch, generator=generator)]
    if logit_normal is not None:
        mean, std = logit_normal
        shares = torch.sigmoid(mean + std * torch.special.ndtri(shares.double()))
    return (shares * length).long().clamp(max=length - 1)


def training_loss(
    network: Callable[..., Tensor],
    schedule: NoiseSchedule,
    x0: Tensor,
    t: Tensor,
    eps: Tensor,
    condition: Tuple[Tensor, ...] = (),
    kind: Parameterization = "eps",
    weighting: str = "uniform",
    gamma: float = 5.0,
) -> Tensor:
    """Algorithm 1 without its draws: the loss of each picture.

    Args:
        network: called as network(x_t, t, *condition).
        schedule: gives alpha_bar.
        x0: clean pictures [B, ...], in [-1, 1] for pixels.
        t: times [B], int64.
        eps: standard normal noise of x0's shape.
        condition: tensors that the network takes after t.
        kind: what the network predicts: "eps", "x0" or "v".
        weighting: "uniform" or "min-snr".
        gamma: the cap of min-snr.

    Returns:
        The mean squared error of each picture [B], float32, weighted.

    Raises:
        ValueError: for an unknown kind or weighting.
    """
    signal, noise = schedule.signal_noise(t, x0)
    output = network(signal * x0 + noise * eps, t, *condition).float()
    error = (output - target_of(x0, eps, signal, noise, kind)).square().flatten(1).mean(dim=1)
    return error * loss_weight(schedule, t, kind, weighting, gamma).to(error)


def loss_weight(
    schedule: NoiseSchedule, t: Tensor, kind: Parameterization, weighting: str = "uniform", gamma: float = 5.0
) -> Tensor:
    """w(t) for the squared error of this kind of target; float64 of t's shape.

    An error of x0 is an error of eps divided by SNR and of v divided by SNR + 1 (all squared), hence the rows.
    """
    if kind not in ("eps", "x0", "v"):
        raise ValueError(f"unknown kind of target {kind!r}; choose one of eps, x0, v")
    if weighting == "uniform":
        return torch.ones(t.shape, dtype=torch.float64)
    if weighting != "min-snr":
        raise ValueError(f"unknown weighting {weighting!r}; choose one of {', '.join(WEIGHTINGS)}")
    alpha_bar = schedule.alpha_bar(t)
    snr = alpha_bar / (1 - alpha_bar)
    capped = snr.clamp(max=gamma)
    return {"x0": capped, "eps": capped / snr, "v": capped / (snr + 1)}[kind]
