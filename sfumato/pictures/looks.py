"""Is it learning? What can be read from look to look, because everything but the weights stays the same."""

from typing import Dict

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..devices import placed
from ..diffusion import SeededNoise, seed_of
from ..images import from_pixels, sheet, to_pixels
from ..model import Diffusion
from .data import Pictures, grouped
from .memory import batch_that_fits
from .views import Views

_COLUMNS, _ROWS = 8, 4
_SMALL = 64
STEPS, GUIDANCE = 12, 2.0
"""Of pictures painted at looks, and what `pictures generate` paints with by default."""


class Looks:
    """The held-out loss, and a sheet from the same noises.

    Args:
        pictures: of which some are held out.
        held_out: their places.
        seed: of noises and times.
    """

    def __init__(self, pictures: Pictures, held_out: np.ndarray, seed: int) -> None:
        self._pictures, self._held_out, self._seed = pictures, held_out, seed

    @torch.no_grad()
    def loss(self, model: Diffusion) -> Dict[str, float]:
        """The mean loss of the held-out pictures by its name, each at a time that is the same at every look."""
        if not len(self._held_out):
            return {}
        total, device, at_once = 0.0, next(model.parameters()).device, batch_that_fits(model)
        for begin in range(0, len(self._held_out), at_once):
            places = self._held_out[begin : begin + at_once]
            x0 = from_pixels(torch.from_numpy(self._pictures.pixels[places]))
            seeds = [seed_of(self._seed, "held out", int(place)) for place in places]
            eps = SeededNoise(seeds, tuple(x0.shape[1:]))()
            numbers = torch.arange(begin, begin + len(places))
            t = model.schedule.spread((numbers + 0.5) / len(self._held_out))
            labels = self._pictures.told(places)
            total += float(model(*(placed(part, device) for part in (x0, t, eps, *labels))).sum())
        return {"loss/held_out": total / len(self._held_out)}

    def sheet(self, model: Diffusion) -> Image.Image:
        """Thirty-two pictures, the classes or the combinations that there are in turn."""
        count, labels = _COLUMNS * _ROWS, None
        if model.classes:
            firsts = self._pictures.labels[[int(group[0]) for group in grouped(self._pictures.labels)]].tolist()
            labels = [firsts[number % len(firsts)] for number in range(count)]
        scale = GUIDANCE if model.classes else 1.0
        return as_sheet(model.sample(count, labels, STEPS, scale, self._seed, batch_size=batch_that_fits(model)))

    def seen(self, flip: bool = False, turn: bool = False) -> Image.Image:
        """Some pictures as the network will see them, the classes or the combinations that there are in turn.

        Args:
            flip, turn: whether it sees them mirrored and turned.
        """
        groups = grouped(self._pictures.labels)
        turns = [groups[number % len(groups)] for number in range(_COLUMNS * _ROWS)]
        places = [int(group[number // len(groups) % len(group)]) for number, group in enumerate(turns)]
        source = torch.Generator().manual_seed(seed_of(self._seed, "seen"))
        mirrored = torch.rand(len(places), generator=source) < 0.5 if flip else None
        return as_sheet(Views.drawn(self._pictures, source, mirrored, turn, len(places)).of(self._pictures, places))


def as_sheet(x: Tensor) -> Image.Image:
    """Pictures [N, C, H, W] in [-1, 1] in rows of eight; small ones enlarged."""
    pixels = to_pixels(x)
    return sheet(pixels.expand(-1, -1, -1, 3), _COLUMNS, 2 if pixels.shape[1] <= _SMALL else 1, clear=True)
