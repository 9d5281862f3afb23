"""What the digit model is conditioned on: a digit of a dataset."""

from typing import Tuple

DATASETS: Tuple[str, ...] = ("mnistm", "svhn")
"""Folder names of the course, in the order of the model's labels."""

DIGITS = 10

CLASSES: Tuple[str, ...] = tuple(f"{dataset} {digit}" for dataset in DATASETS for digit in range(DIGITS))
"""What the labels are called."""


def label_of(dataset: str, digit: int) -> int:
    """The model's label: 0-9 for MNIST-M, 10-19 for SVHN.

    Raises:
        ValueError: for a dataset or digit that there is none of.
    """
    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of {', '.join(DATASETS)}")
    if not 0 <= digit < DIGITS:
        raise ValueError(f"a digit is 0 ... 9, not {digit}")
    return DATASETS.index(dataset) * DIGITS + digit
