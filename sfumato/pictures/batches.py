"""What one training step learns from, drawn from the step's number alone."""

from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from ..diffusion import Schedule, SeededNoise, seed_of, stratified_times
from ..images import from_pixels
from .data import Pictures


class PictureBatches:
    """Batches of some pictures, with times, noise and labels.

    Args:
        pictures: of which some are learned from.
        places: of those, int64 [n].
        batch_size: pictures in a global batch.
        schedule: of the noise.
        null: the label that stands for none; None for a model without labels.
        hidden: share of labels that are replaced by it, so that one network learns the prediction with and without
            (Ho & Salimans 2022, Algorithm 1).
        even: whether every class is drawn equally often; else every picture.
        flip: whether every second picture is mirrored.
        time_focus: see `stratified_times`' logit_normal.
        seed: of everything drawn.

    Attributes:
        weights: how often each class is drawn, float64 [classes], not summing to anything.
    """

    def __init__(
        self,
        pictures: Pictures,
        places: np.ndarray,
        batch_size: int,
        schedule: Schedule,
        null: Optional[int] = None,
        hidden: float = 0.1,
        even: bool = True,
        flip: bool = False,
        time_focus: Optional[Tuple[float, float]] = None,
        seed: int = 0,
    ) -> None:
        self._pictures, self._schedule = pictures, schedule
        self.batch_size, self.null, self.hidden, self.flip, self.seed = batch_size, null, hidden, flip, seed
        self.time_focus = time_focus
        labels = pictures.labels[places]
        groups = [places[labels == label] for label in np.unique(labels)] if null is not None else [places]
        self._members: List[Tensor] = [torch.from_numpy(group) for group in groups]
        self._sizes = torch.tensor([len(group) for group in groups])
        self.weights = (self._sizes.clamp(max=1) if even else self._sizes).double()

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: x0 [n, C, H, W] in [-1, 1], t [n], eps like x0, and label int64 [n] if any."""
        source = torch.Generator().manual_seed(seed_of(self.seed, step))
        groups = self.kinds(source)
        shares = torch.rand(self.batch_size, generator=source, dtype=torch.float64)
        within = (shares * self._sizes[groups]).long()
        places = [int(self._members[group][one]) for group, one in zip(groups[rows].tolist(), within[rows].tolist())]
        mirrored, hides = torch.rand(2, self.batch_size, generator=source)
        t = stratified_times(self._schedule, self.batch_size, source, self.time_focus)
        # The noise is the most of it, and each process draws that of its own rows alone.
        numbers = range(self.batch_size)[rows]
        eps = SeededNoise([seed_of(self.seed, step, row) for row in numbers], self._pictures.pixels.shape[1:])()
        label = torch.from_numpy(self._pictures.labels[places])
        x0 = self.shown(from_pixels(torch.from_numpy(self._pictures.pixels[places])), label, mirrored[rows])
        if self.null is None:
            return x0, t[rows], eps
        return x0, t[rows], eps, torch.where(hides[rows] < self.hidden, self.null, label)

    def kinds(self, source: torch.Generator) -> Tensor:
        """Which class each picture of a step is of, or 0 where all are alike: int64 [batch_size]."""
        return torch.multinomial(self.weights, self.batch_size, replacement=True, generator=source)

    def shown(self, x0: Tensor, label: Tensor, chance: Tensor) -> Tensor:
        """Pictures as they are learned, by a uniform number for each: half of them mirrored, if they may be."""
        return torch.where((chance < 0.5)[:, None, None, None], x0.flip(-1), x0) if self.flip else x0
