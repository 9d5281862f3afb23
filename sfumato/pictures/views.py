"""Other views of the same pictures: mirrored, turned, moved.

Each is one that the picture itself could have had: mirrored and turned ones have the same pixels, and moved ones are
windows into a picture that was read larger, so that no border is made up that a network would learn to paint. What
changes more (other zooms, other colours) is learned and painted too, unless the network is told of it (Karras et al.
2022, appendix F.2), which this one is not.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np
import torch
from torch import Tensor

from ..images import from_pixels
from .data import Pictures


class Views(NamedTuple):
    """How each of some pictures is seen; None where all are seen as they are."""

    mirrored: Optional[Tensor] = None
    """bool [n]."""
    turned: Optional[Tensor] = None
    """Quarters of a turn, int64 [n] in 0 ... 3; of squares only."""
    corners: Optional[Tensor] = None
    """Of the windows, int64 [n, 2] in 0 ... 2 pictures.shift: their first row and column."""

    @classmethod
    def drawn(
        cls, pictures: Pictures, source: torch.Generator, mirrored: Optional[Tensor], turn: bool, count: int
    ) -> "Views":
        """Views of so many pictures, turned and moved at random.

        Args:
            pictures: moved by as much as they were read larger.
            source: of what is drawn.
            mirrored: as above.
            turn: whether they are turned.
            count: of views.
        """
        turned = torch.randint(4, (count,), generator=source) if turn else None
        moved = torch.randint(2 * pictures.shift + 1, (count, 2), generator=source) if pictures.shift else None
        return cls(mirrored, turned, moved)

    def rows(self, rows: slice) -> "Views":
        """Some of them."""
        return Views(*(None if part is None else part[rows] for part in self))

    def of(self, pictures: Pictures, places: Sequence[int]) -> Tensor:
        """Those pictures, seen so: float32 [n, C, H, W] in [-1, 1]."""
        x0 = from_pixels(torch.from_numpy(self._windows(pictures, places)))
        if self.mirrored is not None:
            x0[self.mirrored] = x0[self.mirrored].flip(-1)
        for quarters in range(1, 4) if self.turned is not None else ():
            some = self.turned == quarters
            x0[some] = x0[some].rot90(quarters, (-2, -1))
        return x0

    def _windows(self, pictures: Pictures, places: Sequence[int]) -> np.ndarray:
        if self.corners is None:
            return pictures.pixels[places]
        height, width = pictures.size
        windows: List[np.ndarray] = [
            pictures.whole[place, :, top : top + height, left : left + width]
            for place, (top, left) in zip(places, self.corners.tolist())
        ]
        return np.stack(windows)
