"""Does a model copy? Whether painted pictures come nearer to what was learned than pictures do that were not.

Pictures are compared at 16 pixels a side, where noise hardly counts nor a shift by a pixel of a larger one, and where a
copy is a copy whatever network judges the rest; mirrored ones count too. How near a picture is to its nearest training
picture is said relative to the next ones (Carlini et al. 2023, section 5): a blurred one is near to all, a copy to one.
"""

import math
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..runs import digest
from .data import HELD_OUT, Pictures, kept_apart

COPIES, NONE_FOUND, TOO_FEW = "copies", "no copying found", "too few pictures to say"
"""The verdicts."""

_SIDE = 16
_NEXT = 50
_COMPARED = 200
"""Unlearned pictures to compare with."""
_NEAR = 20
"""One in so many of them is nearer than the bar."""
_MUCH, _CHANCE = 3, 0.001
"""So high that strongly blurred pictures, which come near a little too often, are hardly ever taken for copies."""
_AT_ONCE = 250


@dataclass(frozen=True)
class Copying:
    """What was found.

    Attributes:
        verdict: one of the three.
        share: of the painted pictures that are nearer to a training picture than the bar.
        fresh_share: what that share would be of fresh pictures of the same kind.
        chance: of a share as large, were they fresh.
        bar: the nearness of which one in twenty unlearned pictures is nearer.
        painted, training, unlearned: how many were compared. Unlearned are the held-out ones and, where those are fewer
            than 200, training pictures too, each compared with the others.
        duplicates: pictures left out because another one is the same.
        nearest: of each painted picture the place in the source of its nearest training picture.
        distance: to it, as root mean square of grey levels at 16 pixels a side.
        nearness: the distance, relative to the median of those to the next fifty.
    """

    verdict: str
    share: float
    fresh_share: float
    chance: float
    bar: float
    painted: int
    training: int
    unlearned: int
    duplicates: int
    nearest: List[int]
    distance: List[float]
    nearness: List[float]


def find_copies(painted: np.ndarray, pictures: Pictures, most: int = HELD_OUT) -> Copying:
    """Compare painted pictures with those that a model of these pictures learned from.

    It copies where the share of painted pictures that come nearer to a training picture than one in twenty unlearned
    ones do is more than three times that of fresh pictures, and so large by chance less than once in a thousand times.

    Args:
        painted: uint8 [N, 3 or 1, height, width].
        pictures: learned from, but for those held out.
        most: of them, see `kept_apart`.
    """
    seen, held_out = _distinct(pictures, most)
    training = _small(pictures.pixels, seen)
    places, distance, nearness = _nearness(_small(painted, np.arange(len(painted))), training)
    others = _unlearned(pictures, training, held_out)
    allowed = len(others) // _NEAR
    bar = float(others.sort().values[allowed]) if len(others) else 0.0
    near = int((nearness < bar).sum())
    fresh = (allowed + 1) / (len(others) + 1)
    chance = _chance(near, len(painted), len(others), allowed)
    if _chance(len(painted), len(painted), len(others), allowed) >= _CHANCE:
        verdict = TOO_FEW
    else:
        verdict = COPIES if near > _MUCH * fresh * len(painted) and chance < _CHANCE else NONE_FOUND
    return Copying(
        verdict,
        near / len(painted),
        fresh,
        chance,
        bar,
        len(painted),
        len(seen),
        len(others),
        len(pictures) - len(seen) - len(held_out),
        seen[places.numpy()].tolist(),
        distance.tolist(),
        nearness.tolist(),
    )


def _distinct(pictures: Pictures, most: int) -> Tuple[np.ndarray, np.ndarray]:
    """`kept_apart`, without pictures that are others' duplicates: one that was learned too is not held out."""
    first: Dict[str, int] = {}
    seen, held_out = kept_apart(pictures, most)
    for place in [*seen.tolist(), *held_out.tolist()]:
        first.setdefault(digest(np.asarray(pictures.pixels[place])), place)
    kept = np.array(sorted(first.values()))
    return np.intersect1d(seen, kept), np.intersect1d(held_out, kept)


def _small(pixels: np.ndarray, places: np.ndarray) -> Tensor:
    """Pictures as points, float64 [n, 3, 16, 16], or of less height and width where they are smaller."""
    height, width = pixels.shape[2:]
    size = (min(_SIDE, height), min(_SIDE, width))
    parts = []
    for begin in range(0, len(places), _AT_ONCE):
        x = torch.from_numpy(np.array(pixels[places[begin : begin + _AT_ONCE]])).float().expand(-1, 3, -1, -1)
        parts.append(F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False).double())
    return torch.cat(parts)


def _nearness(points: Tensor, training: Tensor, own: Optional[Tensor] = None) -> Tuple[Tensor, Tensor, Tensor]:
    """Of each small picture the place of its nearest in training, the distance, and the distance over the next ones'.

    Args:
        points, training: see `_small`.
        own: places of the points in training, where they are compared with the others there.
    """
    count, numbers = len(training), training[0].numel()
    both = torch.cat([training, training.flip(-1)]).flatten(1)
    most = min(_NEXT + 1, 2 * count - (0 if own is None else 2))
    found = []
    for begin in range(0, len(points), _AT_ONCE):
        distances = torch.cdist(points[begin : begin + _AT_ONCE].flatten(1), both)
        if own is not None:
            rows, columns = torch.arange(len(distances)), own[begin : begin + _AT_ONCE]
            distances[rows, columns] = distances[rows, columns + count] = math.inf
        found.append(distances.topk(most, dim=1, largest=False))
    nearest = torch.cat([one.values for one in found]) / numbers**0.5
    places = torch.cat([one.indices[:, 0] for one in found]) % count
    beyond = nearest[:, 1:].median(dim=1).values
    return places, nearest[:, 0], nearest[:, 0] / beyond.clamp(min=torch.finfo(beyond.dtype).tiny)


def _unlearned(pictures: Pictures, training: Tensor, held_out: np.ndarray) -> Tensor:
    """The nearness of pictures that were not learned, and of training pictures to the others where those are few."""
    if len(training) <= 2:
        return torch.empty(0)
    found = [_nearness(_small(pictures.pixels, held_out), training)[2]] if len(held_out) else []
    more = min(len(training), _COMPARED - len(held_out))
    if more > 0:
        own = torch.linspace(0, len(training) - 1, more).round().long()
        found.append(_nearness(training[own], training, own)[2])
    return torch.cat(found)


def _chance(near: int, painted: int, others: int, allowed: int) -> float:
    """How likely at least so many painted ones lie below all but `allowed` of the others, if all are of one kind.

    Then every order of them is equally likely. So many lie there where of the first near + allowed at most `allowed`
    are others: the tail of a hypergeometric distribution.
    """
    first = min(near + allowed, painted + others)
    ways = sum(math.comb(others, some) * math.comb(painted, first - some) for some in range(min(allowed, first) + 1))
    return ways / math.comb(painted + others, first)
