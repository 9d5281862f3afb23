"""Reading labelled digits in the course's layout, decoded once.

    FOLDER/train.csv          image_name,label
    FOLDER/data/00002.png     28x28 RGB

74,000 small files take half a minute to decode and a blink to read back as one array, so the pixels are kept in a
cache file (`pictures/cache.py`), of one folder those of its newest train.csv and pictures.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from ..checkpoints import leads_out, read_npz
from ..errors import UserError
from ..images import open_picture
from ..pictures.cache import cached, decode
from ..pictures.data import Pictures
from ..runs import digest
from .labels import CLASSES, DATASETS, DIGITS, label_of

SIZE = 28
_LONGEST_PATH, _SHOWN = 1024, 80


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
    rows = _read_rows(folder)
    paths, shape = [folder / "data" / name for name, _ in rows], (len(rows), 3, SIZE, SIZE)
    pixels = cached(
        folder,
        cache,
        _digest(folder, rows),
        shape,
        lambda pixels: decode(pixels, lambda number: read_picture(paths[number]), folder.name),
    )
    # Some ten thousand small pictures: memory is quicker than a map.
    return DigitSet(np.array(pixels), np.array([label for _, label in rows], dtype=np.int64))


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
    pixels, labels = read_npz(path, (f"{dataset}_x", f"{dataset}_y")).values()
    if pixels.shape[1:] != (SIZE, SIZE, 3) or pixels.dtype != np.uint8 or labels.shape != pixels.shape[:1]:
        raise UserError(f"{path}: {dataset}_x is {pixels.dtype} {list(pixels.shape)}; it must be uint8 [N, 28, 28, 3]")
    if labels.dtype.kind not in "iu" or not bool(((labels >= 0) & (labels < DIGITS)).all()):
        raise UserError(f"{path}: {dataset}_y holds other things than the digits 0 ... 9")
    return DigitSet(pixels.transpose(0, 3, 1, 2), labels.astype(np.int64))


def _read_rows(folder: Path) -> List[Tuple[str, int]]:
    path = folder / "train.csv"
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds train.csv and data/")
    if not path.is_file():
        raise UserError(f"{path}: is missing; a dataset's folder holds train.csv and data/")
    try:
        # Spreadsheets begin their files with a mark of the encoding, which is no part of the first column's name.
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = {"image_name", "label"} - set(reader.fieldnames or [])
            if lacking:
                raise UserError(
                    f"{path}: lacks the column {' and '.join(sorted(lacking))}; its header must be image_name,label"
                )
            rows = [_row(path, number, row["image_name"], row["label"]) for number, row in enumerate(reader, 2)]
    except (UnicodeError, csv.Error) as error:
        raise UserError(f"{path}: is no table of text in UTF-8 ({error}); save it again as one") from None
    if not rows:
        raise UserError(f"{path}: has a header and no rows; nothing to learn from")
    return rows


def _row(path: Path, number: int, name: Optional[str], label: Optional[str]) -> Tuple[str, int]:
    digit = (label or "").strip().lstrip("0") or (label or "").strip()[:1]
    if not name or len(digit) != 1 or not digit.isdecimal():
        shown, told = ascii(name)[:_SHOWN], ascii(label)[:_SHOWN]
        raise UserError(f"{path}: row {number}: {shown} has the label {told}; a label is a digit 0 ... 9")
    if leads_out(name) or len(name) > _LONGEST_PATH:
        raise UserError(
            f"{path}: row {number}: {ascii(name)[:_SHOWN]} leads out of data/ or is too long; name a picture in it"
        )
    return name, int(digit)


def _digest(folder: Path, rows: List[Tuple[str, int]]) -> str:
    states = []
    for name, _ in rows:
        path = folder / "data" / name
        try:
            status = path.stat()
        except OSError:
            raise UserError(f"{path}: is named in {folder / 'train.csv'} and is missing") from None
        states.append((status.st_size, status.st_mtime_ns))
    return digest(rows, states)


def read_picture(path: Path) -> np.ndarray:
    """One digit as uint8 [3, 28, 28].

    Raises:
        UserError: if the file is no whole picture of 28x28.
    """
    image = open_picture(path)
    if image.size != (SIZE, SIZE):
        raise UserError(f"{path}: is {image.width}x{image.height}; digits are {SIZE}x{SIZE}")
    return np.asarray(image).transpose(2, 0, 1)
