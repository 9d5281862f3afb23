"""What one training step learns from, drawn from the step's number alone."""

from typing import Any, Sequence

import torch
from torch import Tensor

from ..pictures.batches import PictureBatches
from .labels import label_of

_FIRST_SVHN = label_of("svhn", 0)


class DigitBatches(PictureBatches):
    """Batches of both datasets.

    SVHN's digits come light on dark and dark on light, so half of its pictures are shown with inverted brightness:
    another sample of the same kind for no cost.

    Args:
        batches: see PictureBatches; a picture of every class is there.
        svhn_share: the share of SVHN in a batch; it is the harder one.
    """

    def __init__(self, *batches: Any, svhn_share: float = 0.5, **more: Any) -> None:
        super().__init__(*batches, **more)
        self.svhn_share = svhn_share

    def kinds(self, source: torch.Generator) -> Tensor:
        """SVHN's first, exactly as many as its share says."""
        svhn = round(self.batch_size * self.svhn_share)
        handwritten, street = self.weights.split(_FIRST_SVHN)
        parts = ((_FIRST_SVHN, svhn, street), (0, self.batch_size - svhn, handwritten))
        return torch.cat([first + torch.multinomial(w, n, True, generator=source) for first, n, w in parts if n])

    def changed(self, x0: Tensor, told: Sequence[Tensor], source: torch.Generator, rows: slice) -> Tensor:
        """Half of SVHN inverted."""
        chance = torch.rand(self.batch_size, generator=source)[rows]
        inverted = (chance < 0.5) & (told[0] >= _FIRST_SVHN)
        return torch.where(inverted[:, None, None, None], -x0, x0)
