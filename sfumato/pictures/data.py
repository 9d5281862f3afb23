"""`Pictures`: anybody's own, as a training draws them."""

from collections import Counter
from pathlib import Path, PurePath
from typing import Dict, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import UserError
from ..runs import digest
from .cache import cached, decode
from .fitting import FITS, fitted
from .sources import Source, opened_source

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
        column: of the table that holds the labels; by default the only one beside the names, or "label".
        fit: "crop" fits the shorter side and cuts the rest off evenly, "pad" fits all of it on white, "squeeze" fits
            each side by itself.
        upscale: whether pictures smaller than `size` are enlarged; else they are refused.
        channels: 3 for colour, 1 for grey.
        cache: folder for the decoded pictures; in or beside the source by default.

    Attributes:
        pixels: uint8 [N, channels, height, width], read-only.
        labels: int64 [N], places in `classes`; all 0 where there are none.
        classes: the labels' names in alphabetical order, numbers by their value; empty where there are none.
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
        column: str = "",
        fit: str = "crop",
        upscale: bool = False,
        channels: int = 3,
        cache: Union[str, Path, None] = None,
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self.channels, self._fit, self._upscale = channels, fit, upscale
        if fit not in FITS or channels not in (1, 3) or min(self.size) < 1:
            wanted = f"fit must be {' or '.join(FITS)}, channels 1 or 3, sizes above 0"
            raise UserError(f"{wanted}; got {fit!r}, {channels} and {size}")
        found = opened_source(Path(source), labels, None if table is None else Path(table), column)
        try:
            self._take(found, None if cache is None else Path(cache))
        finally:
            found.close()

    def _take(self, found: Source, cache: Optional[Path]) -> None:
        count = len(found.names)
        if count < FEWEST:
            raise UserError(f"{found.path}: {count} pictures are too few to learn from; give {FEWEST} or more")
        self.path, self.names = found.path, list(found.names)
        self.classes = tuple(sorted({*(found.labels or ())}, key=_by_value))
        places = {name: place for place, name in enumerate(self.classes)}
        of_each = [places[label] for label in found.labels] if found.labels else [0] * len(self.names)
        self.labels = np.array(of_each, dtype=np.int64)
        rule = [self.size, self.channels, self._fit, self._upscale]
        key = digest(found.state(), [str(name) for name in found.names], rule)
        shape = (len(self.names), self.channels, *self.size)
        self.pixels = cached(self.path, cache, key, shape, lambda pixels: self._decode(found, pixels))
        self.identity = digest(key, self.labels, self.classes)

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
        made.pixels, made.labels, made.classes, made.path = pixels, labels, tuple(classes), path
        _, made.channels, *size = pixels.shape
        made.size = (size[0], size[1])
        made.names = [PurePath(f"{path.name}[{number}]") for number in range(len(pixels))]
        made.identity = digest(pixels, labels, made.classes)
        return made

    def __len__(self) -> int:
        return len(self.names)

    @property
    def counts(self) -> Dict[str, int]:
        """Pictures of each class."""
        return {name: int((self.labels == place).sum()) for place, name in enumerate(self.classes)}

    def duplicates(self) -> int:
        """Pictures that another one before them equals, pixel for pixel."""
        seen = Counter(digest(np.asarray(one)) for one in self.pixels)
        return len(self) - len(seen)

    def _decode(self, source: Source, pixels: np.ndarray) -> None:
        def one(number: int) -> np.ndarray:
            where = source.path / source.names[number]
            return fitted(source.open(number), self.size, self._fit, self.channels, self._upscale, where)

        decode(pixels, one, source.path.name)


def _by_value(label: str) -> Tuple[float, str]:
    return (float(label) if label.isdecimal() else float("inf"), label)


def kept_apart(pictures: Pictures, most: int = 200) -> Tuple[np.ndarray, np.ndarray]:
    """(seen, held out): places of the pictures to learn from, and of min(most, a tenth) to look at only."""
    order = np.random.RandomState(0).permutation(len(pictures))
    count = min(most, len(pictures) // 10)
    return np.sort(order[count:]), np.sort(order[:count])
