"""The loss of what a mask shows."""

from torch import Tensor

from ..diffusion import NetworkDenoiser


def masked_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """The mean of each picture's errors over what is shown: sum(w e) / sum(w), so that a small thing counts as much as
    a large one.

    Args:
        errors: of each latent, [n, C, h, w].
        weights: of `Crops`, [n, 1, h, w] in [0, 1], not all 0 in any picture.

    Returns:
        [n]; where all weights are 1, the plain mean to the last bit.
    """
    return (errors * (weights / weights.mean(dim=(1, 2, 3), keepdim=True))).flatten(1).mean(dim=1)


def masked_loss(denoiser: NetworkDenoiser, x0: Tensor, t: Tensor, eps: Tensor, weights: Tensor) -> Tensor:
    """`training_loss`, uniformly weighted in time, of what is shown of each picture [n].

    Args:
        denoiser: see there.
        x0: scaled latents [n, C, h, w].
        t: times [n].
        eps: noise like x0.
        weights: see `masked_mean`.
    """
    levels = denoiser.levels(t, x0)
    output = denoiser.output(levels.signal * x0 + levels.noise * eps, t, levels).float()
    return masked_mean((output - denoiser.prediction.target(x0, eps, levels)).square(), weights)
