"""The loss where a mask hides parts of a picture."""

from torch import Tensor


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
