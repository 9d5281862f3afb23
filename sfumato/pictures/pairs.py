"""The sheet of painted pictures with the training pictures that they are nearest to."""

from typing import List, Sequence

import numpy as np
from PIL import Image

from ..errors import in_one_line
from ..images import captioned
from .copying import Copying
from .data import Pictures
from .painted import Painted

_PAIRS, _COLUMNS = 24, 8
_SIDE = 128
"""Pixels that pictures are enlarged to at most, by a whole factor."""
_LONGEST = 16
"""Letters of a name that are shown."""


def pairs_sheet(found: Copying, painted: Painted, pictures: Pictures) -> Image.Image:
    """The nearest pairs, the nearest first: painted pictures above, what they are near to below them."""
    columns = min(_COLUMNS, len(painted.names))
    closest = np.argsort(found.nearness, kind="stable")[: min(_PAIRS, len(painted.names) // columns * columns)].tolist()
    learned = [str(name) for name in pictures.names]
    cells: List[Image.Image] = []
    texts: List[str] = []
    for begin in range(0, len(closest), columns):
        above = closest[begin : begin + columns]
        below = [found.nearest[one] for one in above]
        cells += _images(painted.pixels, above) + _images(pictures.pixels, below)
        texts += [f"painted\n{_short(painted.names[one])}" for one in above]
        texts += [f"learned\n{_short(learned[one])}" for one in below]
    longest = max(painted.pixels.shape[2:])
    return captioned(cells, texts, columns, max(1, _SIDE // longest) * longest)


def _images(pixels: np.ndarray, places: Sequence[int]) -> List[Image.Image]:
    """Of uint8 [N, 3 or 1, H, W] those at some places."""
    return [Image.fromarray(np.broadcast_to(pixels[one], (3, *pixels.shape[2:])).transpose(1, 2, 0)) for one in places]


def _short(name: str) -> str:
    plain = in_one_line(name)
    return plain if len(plain) <= _LONGEST else f"...{plain[3 - _LONGEST :]}"
