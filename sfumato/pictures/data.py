"""`Pictures`: anybody's own, as a training draws them."""

import contextlib
import functools
import os
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from ..conditions import Classes, Conditions, said
from ..errors import UserError
from ..runs import digest
from .cache import cached, decode
from .fitting import FITS, fitted
from .sources import Source, opened_source

HELD_OUT = 200
"""Pictures at most that are not learned from, unless a training says otherwise."""
FEWEST = 10
"""Pictures; of fewer nothing can be held back to see whether anything is learned."""


class Pictures:
    """Pictures of one size with or without labels, decoded once and mapped from the disk.

    Args:
        source: a folder (searched through all its folders), a .zip, or an .npz of uint8 [N, H, W] or [N, H, W, 3].
        size: height and width that all are brought to, or the side of squares.
        labels: "folders" takes the name of the folder in `source` that a picture lies in, "none" takes none; "auto"
            those of `table` or of the .npz, else of the folders, if all pictures lie in some and they are several.
        table: a .csv, or a .jsonl of an object a line, with a row a picture: its name, relative to source, its label.
        column: of the table that holds the labels, or several, each a condition of its own; by default the only one
            beside the names, or "label".
        fit: "crop" fits the shorter side and cuts the rest off evenly, "pad" fits all of it on white, "squeeze" fits
            each side by itself.
        upscale: whether pictures smaller than `size` are enlarged; else they are refused.
        channels: 3 for colour, 1 for grey.
        shift: pixels by which pictures are moved at random, up, down and sideways, as they are drawn to learn from.
            They are read larger by as much on every side, so that no border is made up.
        cache: folder for the decoded pictures; in or beside the source by default.

    Attributes:
        pixels: uint8 [N, channels, height, width], read-only: the middle of each.
        whole: the same with `shift` more pixels on every side.
        labels: int64 [N], places in `classes`, of several conditions [N, conditions]; all 0 where there are none.
        classes: the labels' names in alphabetical order, numbers by their value; of several conditions a tuple of names
            for each, see `sfumato.conditions`; empty where there are none.
        identity: a digest of what they were made of and of the labels, for the note of a run.

    Raises:
        UserError: naming the first picture that cannot be used, for fewer than ten, or settings that cannot be.
    """

    def __init__(
        self,
        source: Union[str, Path],
        size: Union[int, Tuple[int, int]],
        labels: str = "auto",
        table: Union[str, Path, None] = None,
        column: Union[str, Sequence[str]] = (),
        fit: str = "crop",
        upscale: bool = False,
        channels: int = 3,
        cache: Union[str, Path, None] = None,
        shift: int = 0,
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self.channels, self.shift, self._fit, self._upscale = channels, shift, fit, upscale
        if fit not in FITS or channels not in (1, 3) or min(self.size) < 1:
            wanted = f"fit must be {' or '.join(FITS)}, channels 1 or 3, sizes above 0"
            raise UserError(f"{wanted}; got {fit!r}, {channels} and {size}")
        columns = [column] if isinstance(column, str) and column else list(column)
        where = (Path(source), labels, None if table is None else Path(table), columns)
        self._found: Optional[Callable[[], Source]] = functools.partial(opened_source, *where)
        if not 0 <= shift < min(self.size):
            raise UserError(f"shift must be at least 0 and below the pictures' {min(self.size)} pixels, got {shift}")
        with contextlib.closing(opened_source(*where)) as found:
            self._take(found, None if cache is None else Path(cache))

    def _take(self, found: Source, cache: Optional[Path]) -> None:
        count = len(found.names)
        if count < FEWEST:
            raise UserError(f"{found.path}: {count} pictures are too few to learn from; give {FEWEST} or more")
        self.path = found.path
        names, places = zip(*map(_numbered, found.labels)) if found.labels else ((), [np.zeros(count, np.int64)])
        self.classes: Classes = names[0] if len(names) == 1 else names
        self.labels: np.ndarray = places[0] if len(places) == 1 else np.stack(places, axis=1)
        height, width = (side + 2 * self.shift for side in self.size)
        rule = [(height, width), self.channels, self._fit, self._upscale]
        key = digest(*found.state(), os.fsencode("\0".join(found.names)), rule)
        shape = (count, self.channels, height, width)
        self.whole = cached(self.path, cache, key, shape, lambda pixels: self._decode(found, pixels))
        self.pixels = self.whole[:, :, self.shift : height - self.shift, self.shift : width - self.shift]
        self.identity = digest(key, self.labels, self.classes, *([self.shift] if self.shift else []))

    @classmethod
    def of(cls, pixels: np.ndarray, labels: np.ndarray, classes: Sequence[str], path: Path) -> "Pictures":
        """Pictures that are in memory already.

        Args:
            pixels: uint8 [N, channels, height, width].
            labels: int64 [N], places in classes; all 0 where there are none.
            classes: the labels' names.
            path: where they came from, in words of the plan.
        """
        made = cls.__new__(cls)
        made.pixels = made.whole = pixels
        made.labels, made.classes, made.path, made.shift = labels, tuple(classes), path, 0
        _, made.channels, *size = pixels.shape
        made.size = (size[0], size[1])
        made._found = None
        made.identity = digest(pixels, labels, made.classes)
        return made

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def names(self) -> List[str]:
        """Of the pictures, relative to the source; looked up there anew, for of a million they fill a lot of memory."""
        if self._found is None:
            return [f"{self.path.name}[{number}]" for number in range(len(self))]
        with contextlib.closing(self._found()) as found:
            return list(found.names)

    @property
    def counts(self) -> Dict[str, int]:
        """Pictures of each class; of several conditions of each combination that there is, as `said` writes it."""
        groups = grouped(self.labels) if self.classes else []
        return {self.said(int(group[0])): len(group) for group in groups}

    def told(self, places: Union[Sequence[int], np.ndarray]) -> Tuple[Tensor, ...]:
        """What a network is told of some pictures: int64 [n] for each condition."""
        labels = self.labels[places].reshape(len(places), -1) if self.classes else np.empty((len(places), 0), np.int64)
        return torch.from_numpy(labels).unbind(dim=1)

    def said(self, place: int) -> str:
        """A picture's label, as commands take it."""
        numbers = self.labels[place].reshape(-1).tolist()
        return said([names[number] for names, number in zip(Conditions(self.classes).names, numbers)])

    def duplicates(self) -> int:
        """Pictures that another one before them equals, pixel for pixel."""
        seen = Counter(digest(np.asarray(one)) for one in self.pixels)
        return len(self) - len(seen)

    def _decode(self, source: Source, pixels: np.ndarray) -> None:
        def one(number: int) -> np.ndarray:
            where = source.path / source.names[number]
            return fitted(source.open(number), self.size, self._fit, self.channels, self._upscale, where, self.shift)

        decode(pixels, one, source.path.name)


def grouped(labels: np.ndarray) -> List[np.ndarray]:
    """The places of the pictures of each label, or of each combination that there is, by the labels' order.

    Args:
        labels: int64 [N] or [N, conditions].
    """
    numbers, *columns = labels.reshape(len(labels), -1).T
    for column in columns:
        # Numbered anew after each condition, so that no number of combinations is too large.
        numbers = np.unique(numbers * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1]
    # Numbers of 16 bits, which labels mostly are, are sorted by their digits, in a tenth of the time.
    order = np.argsort(numbers.astype(np.min_scalar_type(int(numbers.max(initial=0)))), kind="stable")
    return [group for group in np.split(order, np.cumsum(np.bincount(numbers))[:-1]) if len(group)]


def _numbered(labels: Sequence[str]) -> Tuple[Tuple[str, ...], np.ndarray]:
    """The names of one condition's labels, and for each picture its name's place among them."""
    names = tuple(sorted({*labels}, key=_by_value))
    places = {name: place for place, name in enumerate(names)}
    return names, np.fromiter((places[label] for label in labels), np.int64, len(labels))


def _by_value(label: str) -> Tuple[float, str]:
    return (float(label) if label.isdecimal() else float("inf"), label)


def kept_apart(pictures: Pictures, most: int = HELD_OUT) -> Tuple[np.ndarray, np.ndarray]:
    """(seen, held out): places of the pictures to learn from, and of min(most, a tenth) to look at only."""
    held_out = np.zeros(len(pictures), bool)
    held_out[np.random.RandomState(0).permutation(len(pictures))[: min(most, len(pictures) // 10)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
