"""Painted pictures against real ones, and real ones against real ones, in the features of a network.

Every number depends on how many pictures there are. So some real pictures are set apart, as many as are painted where
there are so many, and both they and the painted ones are compared with the rest.
"""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from ..bars import Bar
from .copying import Copying, find_copies
from .data import HELD_OUT, Pictures
from .features import Features
from .metrics import (
    COVERAGE_NEIGHBOURS,
    PRECISION_NEIGHBOURS,
    coverage,
    frechet_distance,
    kernel_distance,
    kernel_within,
    precision_recall,
    reach,
)
from .painted import Painted

_SELDOM = 0.5
"""Share of real pictures in which a detector of what the features know should find it."""


@dataclass(frozen=True)
class Scores:
    """One set of pictures against real ones; see `sfumato.pictures.metrics`."""

    pictures: int
    against: int
    """Real pictures that they are compared with."""
    frechet_distance: float
    kernel_distance: float
    precision: float
    recall: float
    coverage: float
    found: Optional[float] = None
    """Share of the pictures in which the features' own detector finds what they are of; None without a detector."""


@dataclass(frozen=True)
class Comparison:
    """All that was measured.

    Attributes:
        features: the network's name.
        features_digest: of its weights.
        dimensions: of its features.
        resizing: how pictures were brought to its size.
        painted: all painted pictures, against all real ones.
        alike, real: so many painted pictures, and so many real ones that were set apart, both against the rest of them.
        copying: see `Copying`.
        cautions: what is to be known before the numbers are believed, a sentence each.
    """

    features: str
    features_digest: str
    dimensions: int
    resizing: str
    painted: Scores
    alike: Scores
    real: Scores
    copying: Copying
    cautions: List[str]


class _Real:
    """Real pictures as points, with what is the same whatever they are compared with."""

    def __init__(self, points: Tensor) -> None:
        self.points = points
        self._near, self._far = reach(points, PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS)
        self._within = kernel_within(points)

    def scores(self, points: Tensor, found: Optional[Tensor]) -> Scores:
        real = self.points
        distances = (frechet_distance(points, real), kernel_distance(points, real, self._within))
        shares = (*precision_recall(points, real, real_reach=self._near), coverage(points, real, real_reach=self._far))
        return Scores(len(points), len(real), *distances, *shares, None if found is None else float(found.mean()))


def compare(painted: Painted, pictures: Pictures, features: Features, held_out: int = HELD_OUT) -> Comparison:
    """Measure painted pictures.

    Args:
        painted: at least four, since less have no recall.
        pictures: real ones of the same size, which the painting model learned from.
        features: to measure in; see `choose_features`.
        held_out: pictures at most that were not learned from, see `kept_apart`.
    """
    seen = features.of(painted.pixels, "painted pictures")
    real = features.of(pictures.pixels, "real pictures")
    found_painted = features.found(painted.pixels, "painted pictures")
    found_real = features.found(pictures.pixels, "real pictures")
    # Every real picture of the rest needs the neighbours of coverage.
    count = min(len(seen), len(real) // 2, len(real) - COVERAGE_NEIGHBOURS - 1)
    (apart, rest), (alike, _) = _parted(real, count), _parted(seen, count)
    found_apart, found_alike = (
        None if found is None else _parted(found, count)[0] for found in (found_real, found_painted)
    )
    with Bar(total=4, desc="comparing", unit="set", leave=False) as bar:
        copying = find_copies(painted.pixels, pictures, held_out)
        bar.update()
        scores = []
        of_rest = [(alike, found_alike), (apart, found_apart)]
        for others, several in ((real, [(seen, found_painted)]), (rest, of_rest)):
            reference = _Real(others)
            for points, found in several:
                scores.append(reference.scores(points, found))
                bar.update()
    return Comparison(
        features=features.name,
        features_digest=features.digest,
        dimensions=seen.shape[1],
        resizing=features.resizing,
        painted=scores[0],
        alike=scores[1],
        real=scores[2],
        copying=copying,
        cautions=_cautions(features, len(seen), len(real), count, seen.shape[1])
        + _seldom_found(features.name, found_real),
    )


def _parted(points: Tensor, count: int) -> Tuple[Tensor, Tensor]:
    """So many of some points, drawn always alike, and the others."""
    order = torch.from_numpy(np.random.RandomState(1).permutation(len(points))).to(points.device)
    return points[order[:count]], points[order[count:]]


def _cautions(features: Features, painted: int, real: int, apart: int, dimensions: int) -> List[str]:
    found = [features.caution] if features.caution else []
    if min(painted, real) < dimensions:
        found.append(
            f"{min(painted, real)} pictures are fewer than the {dimensions} dimensions of the features: the Frechet"
            " distance is far too large and compares only with that of as many pictures; the kernel distance is not"
        )
    if apart < painted:
        found.append(f"of {real} real pictures no more than {apart} could be set apart to stand for painted ones")
    return found


def _seldom_found(features: str, found: Optional[Tensor]) -> List[str]:
    """A sentence where the features are hardly of what the real pictures show."""
    share = 1.0 if found is None else float(found.mean())
    if share >= _SELDOM:
        return []
    return [
        f"the detector of {features} finds a face in {share:.0%} of the real pictures only: its features are of upright"
        " faces that fill the picture"
    ]
