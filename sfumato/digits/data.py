"""Reading labelled digits in the course's layout, decoded once.

    FOLDER/train.csv          image_name,label
    FOLDER/data/00002.png     28x28 RGB

They are read as anybody's pictures are, and kept decoded in a cache file (`pictures/cache.py`).
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from ..checkpoints import read_npz
from ..errors import UserError
from ..images import open_picture
from ..pictures.data import Pictures
from ..pictures.sources import opened_source
from .labels import CLASSES, DATASETS, DIGITS, label_of

SIZE = 28
_SHOWN = 80


@dataclass(frozen=True)
class DigitSet:
    """Labelled pictures."""

    pixels: np.ndarray
    """uint8 [N, 3, 28, 28]."""
    labels: np.ndarray
    """int64 [N], 0 ... 9."""


def read_digits(folder: Path, cache: Optional[Path] = None) -> DigitSet:
    """Read a folder of the course's layout, from its cache if it did not change.

    Args:
        folder: holds train.csv and data/.
        cache: the folder for cache files; `folder` itself by default.

    Raises:
        UserError: naming the file and row of whatever cannot be used.
    """
    folder = Path(folder)
    table = folder / "train.csv"
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds train.csv and data/")
    if not table.is_file() or not (folder / "data").is_dir():
        raise UserError(f"{folder}: lacks train.csv or data/; a dataset's folder holds both")
    # Labels are looked at before pictures are decoded, which may take minutes.
    with contextlib.closing(opened_source(folder / "data", "auto", table, ["label"])) as source:
        for name, label in zip(source.names, source.labels[0]):
            if _digit(label) < 0:
                shown, told = ascii(name)[:_SHOWN], ascii(label)[:_SHOWN]
                raise UserError(f"{table}: {shown} has the label {told}; a label is a digit 0 ... 9")
    found = Pictures(folder / "data", SIZE, table=table, column="label", cache=cache or folder)
    digits = np.array([_digit(str(name)) for name in found.classes])
    # Some ten thousand small pictures: memory is quicker than a map.
    return DigitSet(np.array(found.pixels), digits[found.labels])


def _digit(label: str) -> int:
    """The digit that a label says, also as 07; -1 for none."""
    plain = label.lstrip("0") or label[:1]
    return int(plain) if len(plain) == 1 and plain.isdecimal() else -1


def read_both(folder: Path, cache: Optional[Path] = None) -> Pictures:
    """Both datasets, to train on; labels are places in CLASSES.

    Args:
        folder: holds a folder for each of DATASETS.
        cache: see `read_digits`.

    Raises:
        UserError: as there, and if a dataset lacks a digit.
    """
    sets = [read_digits(folder / name, cache) for name in DATASETS]
    labels = np.concatenate([one.labels + label_of(name, 0) for name, one in zip(DATASETS, sets)])
    for label, name in enumerate(CLASSES):
        if not (labels == label).any():
            dataset, digit = name.split()
            raise UserError(f"{folder / dataset}: has no picture of the digit {digit}; every digit is needed")
    return Pictures.of(np.concatenate([one.pixels for one in sets]), labels, CLASSES, folder)


def read_test_digits(path: Path, dataset: str) -> DigitSet:
    """Digits held out for measuring, from an .npz of {dataset}_x uint8 [N, 28, 28, 3] and {dataset}_y [N].

    Raises:
        UserError: if the file is not that.
    """
    pixels, labels = read_labelled(path, (f"{dataset}_x", f"{dataset}_y"), (SIZE, SIZE, 3))
    return DigitSet(pixels.transpose(0, 3, 1, 2), labels)


def read_labelled(path: Path, names: Tuple[str, str], shape: Tuple[int, ...]) -> Tuple[np.ndarray, np.ndarray]:
    """Two arrays of an .npz by their names: pictures uint8 [N, *shape], and their digits as int64 [N].

    Raises:
        UserError: if they are not that.
    """
    pixels, labels = read_npz(path, names).values()
    if pixels.shape[1:] != shape or pixels.dtype != np.uint8 or labels.shape != pixels.shape[:1]:
        wanted = ", ".join(map(str, ("N", *shape)))
        raise UserError(f"{path}: {names[0]} is {pixels.dtype} {list(pixels.shape)}; it must be uint8 [{wanted}]")
    if labels.dtype.kind not in "iu" or not bool(((labels >= 0) & (labels < DIGITS)).all()):
        raise UserError(f"{path}: {names[1]} holds other things than the digits 0 ... 9")
    return pixels, labels.astype(np.int64)


def read_picture(path: Path) -> np.ndarray:
    """One digit as uint8 [3, 28, 28].

    Raises:
        UserError: if the file is no whole picture of 28x28.
    """
    image = open_picture(path)
    if image.size != (SIZE, SIZE):
        raise UserError(f"{path}: is {image.width}x{image.height}; digits are {SIZE}x{SIZE}")
    return np.asarray(image).transpose(2, 0, 1)
