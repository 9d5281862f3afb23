"""What one training step learns from, drawn from the step's number alone."""

from typing import List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from ..diffusion import Schedule, SeededNoise, seed_of, stratified_times
from .data import Pictures, grouped
from .views import Views


class PictureBatches:
    """Batches of some pictures, with times, noise and labels.

    Args:
        pictures: of which some are learned from.
        places: of those, int64 [n].
        batch_size: pictures in a global batch.
        schedule: of the noise.
        null: the label that stands for none, of several conditions that of each; None for a model without labels.
        hidden: share of pictures whose labels are replaced by it, so that one network learns the prediction with and
            without (Ho & Salimans 2022, Algorithm 1). Of several conditions they are hidden together, which is what
            guidance leads away from; of the other pictures each condition is hidden by itself in the same share, so
            that one can be left open.
        even: whether every class, or combination that there is, is drawn equally often; else every picture.
        flip: whether every second picture is mirrored.
        turn: whether pictures are turned by quarters; squares only.
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
        null: Union[int, Sequence[int], None] = None,
        hidden: float = 0.1,
        even: bool = True,
        flip: bool = False,
        turn: bool = False,
        time_focus: Optional[Tuple[float, float]] = None,
        seed: int = 0,
    ) -> None:
        self._pictures, self._schedule = pictures, schedule
        self.batch_size, self.hidden, self.flip, self.turn, self.seed = batch_size, hidden, flip, turn, seed
        self.nulls = () if null is None else (null,) if isinstance(null, int) else tuple(null)
        self.time_focus = time_focus
        groups = [places[group] for group in grouped(pictures.labels[places])] if self.nulls else [places]
        self._members: List[Tensor] = [torch.from_numpy(group) for group in groups]
        self._sizes = torch.tensor([len(group) for group in groups])
        self.weights = (self._sizes.clamp(max=1) if even else self._sizes).double()

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: x0 [n, C, H, W] in [-1, 1], t [n], eps like x0, int64 [n] of each condition."""
        source = torch.Generator().manual_seed(seed_of(self.seed, step))
        places = self._places(source, rows)
        mirrored, hides = torch.rand(2, self.batch_size, generator=source)
        t = stratified_times(self._schedule, self.batch_size, source, self.time_focus)
        # The noise is the most of it, and each process draws that of its own rows alone.
        numbers = range(self.batch_size)[rows]
        eps = SeededNoise([seed_of(self.seed, step, row) for row in numbers], self._pictures.pixels.shape[1:])()
        hidden = (hides < self.hidden)[:, None].expand(-1, len(self.nulls))
        if len(self.nulls) > 1:
            hidden = hidden | (torch.rand(self.batch_size, len(self.nulls), generator=source) < self.hidden)
        views = Views.drawn(self._pictures, source, mirrored < 0.5 if self.flip else None, self.turn, self.batch_size)
        x0 = views.rows(rows).of(self._pictures, places)
        told = self._pictures.told(places) if self.nulls else ()
        labels = [torch.where(hide, null, label) for hide, null, label in zip(hidden[rows].T, self.nulls, told)]
        return (self.changed(x0, told, source, rows), t[rows], eps, *labels)

    def clean(self, source: torch.Generator) -> Tuple[Tensor, Sequence[Tensor]]:
        """Pictures and their labels alone: x0 [batch_size, C, H, W] in [-1, 1], int64 [batch_size] of each condition.

        Args:
            source: of all that is drawn.
        """
        every = slice(0, self.batch_size)
        places = self._places(source, every)
        mirrored = torch.rand(self.batch_size, generator=source) < 0.5 if self.flip else None
        views = Views.drawn(self._pictures, source, mirrored, self.turn, self.batch_size)
        told = self._pictures.told(places) if self.nulls else ()
        return self.changed(views.of(self._pictures, places), told, source, every), told

    def _places(self, source: torch.Generator, rows: slice) -> List[int]:
        """Which pictures those rows of a batch are; all rows draw."""
        groups = self.kinds(source)
        shares = torch.rand(self.batch_size, generator=source, dtype=torch.float64)
        within = (shares * self._sizes[groups]).long()
        return [int(self._members[group][one]) for group, one in zip(groups[rows].tolist(), within[rows].tolist())]

    def kinds(self, source: torch.Generator) -> Tensor:
        """Which class or combination each picture of a step is of, 0 where all are alike: int64 [batch_size]."""
        return torch.multinomial(self.weights, self.batch_size, replacement=True, generator=source)

    def changed(self, x0: Tensor, told: Sequence[Tensor], source: torch.Generator, rows: slice) -> Tensor:
        """Pictures as they are learned, where a job does more with them than `Views`.

        Args:
            x0: of some rows [n, C, H, W].
            told: their labels, none of them hidden.
            source: of randomness for the whole batch.
            rows: which they are.
        """
        return x0
