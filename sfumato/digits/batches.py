"""What one training step learns from, drawn from the step's number alone."""

from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from ..diffusion import CosineSchedule, Schedule, seed_of, stratified_times
from ..errors import UserError
from ..images import from_pixels
from .data import DigitSet
from .labels import DATASETS, DIGITS, label_of


class DigitBatches:
    """Batches of both datasets, every digit equally often.

    SVHN's digits come light on dark and dark on light, so half of its pictures are shown with inverted brightness:
    another sample of the same kind for no cost. Labels are hidden at random, so that one network learns the
    conditional and the unconditional prediction (Ho & Salimans 2022, Algorithm 1).

    Args:
        sets: a DigitSet for each of DATASETS.
        batch_size: pictures in a global batch.
        svhn_share: the share of SVHN in a batch; it is the harder one.
        hidden: the share of labels that are hidden.
        schedule: of the noise; digits' own by default.
        time_focus: see `stratified_times`' logit_normal.
        seed: of everything drawn.

    Raises:
        UserError: if a dataset lacks a digit.
    """

    def __init__(
        self,
        sets: Mapping[str, DigitSet],
        batch_size: int,
        svhn_share: float = 0.5,
        hidden: float = 0.1,
        schedule: Optional[Schedule] = None,
        time_focus: Optional[Tuple[float, float]] = None,
        seed: int = 0,
    ) -> None:
        self._pixels = torch.from_numpy(np.concatenate([sets[name].pixels for name in DATASETS]))
        self._members: List[Tensor] = []
        start = 0
        for name in DATASETS:
            for digit in range(DIGITS):
                members = np.flatnonzero(sets[name].labels == digit)
                if not len(members):
                    raise UserError(f"{name}: has no picture of the digit {digit}; every digit is needed")
                self._members.append(torch.from_numpy(members + start))
            start += len(sets[name].labels)
        self._sizes = torch.tensor([len(members) for members in self._members])
        self._svhn = round(batch_size * svhn_share)
        self.batch_size, self.hidden, self.seed = batch_size, hidden, seed
        self._schedule, self.time_focus = schedule or CosineSchedule(), time_focus

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: x0 [n, 3, 28, 28] in [-1, 1], label [n], t [n], eps like x0."""
        source = torch.Generator().manual_seed(seed_of(self.seed, step))
        label = torch.randint(DIGITS, (self.batch_size,), generator=source)
        label[: self._svhn] += label_of("svhn", 0)
        place = (torch.rand(self.batch_size, generator=source) * self._sizes[label]).long()
        picked = torch.stack([self._members[int(kind)][spot] for kind, spot in zip(label, place)])
        x0 = from_pixels(self._pixels[picked])
        inverted = (torch.rand(self.batch_size, generator=source) < 0.5) & (label >= label_of("svhn", 0))
        x0[inverted] *= -1.0
        label[torch.rand(self.batch_size, generator=source) < self.hidden] = len(DATASETS) * DIGITS
        t = stratified_times(self._schedule, self.batch_size, source, self.time_focus)
        eps = torch.randn(x0.shape, generator=source)
        return x0[rows], label[rows], t[rows], eps[rows]
