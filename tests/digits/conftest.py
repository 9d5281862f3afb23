"""A small dataset of the course's layout, drawn here: the tests need no download."""

import csv

import numpy as np
import pytest
from PIL import Image


def sheet_cell(sheet, row, column):
    """One 28x28 picture of a sheet of them, enlarged twice, from the sheet as an array."""
    top, left = 2 + 58 * row, 2 + 58 * column
    return sheet[top : top + 56 : 2, left : left + 56 : 2].astype(int)


def draw_digits(folder, per_digit=3, seed=0):
    """A digit is a bright column at its own place, on coloured noise; learnable, and no real data."""
    source = np.random.RandomState(seed)
    (folder / "data").mkdir(parents=True)
    with open(folder / "train.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image_name", "label"])
        for index in range(10 * per_digit):
            digit = index % 10
            pixels = source.randint(0, 120, (28, 28, 3)).astype(np.uint8)
            pixels[4:24, 4 + 2 * digit : 7 + 2 * digit] = 230
            Image.fromarray(pixels).save(folder / "data" / f"{index:05d}.png")
            rows.writerow([f"{index:05d}.png", digit])
    return folder


def draw_digit_files(folder, seed=0):
    """digits/ in the course's layout, mnist.npz, and test.npz of both datasets: noise with labels, all in a folder."""
    for number, name in enumerate(("mnistm", "svhn")):
        draw_digits(folder / "digits" / name, seed=number)
    source = np.random.RandomState(seed)
    labels = np.arange(20) % 10
    plain = {f"x_{part}": source.randint(0, 256, (20, 28, 28)).astype(np.uint8) for part in ("train", "test")}
    np.savez(folder / "mnist.npz", **plain, y_train=labels, y_test=labels)
    real = {f"{name}_x": source.randint(0, 256, (20, 28, 28, 3)).astype(np.uint8) for name in ("mnistm", "svhn")}
    np.savez(folder / "test.npz", **real, mnistm_y=labels, svhn_y=labels)
    return folder


@pytest.fixture
def data(tmp_path):
    """A folder with mnistm/ and svhn/."""
    for seed, name in enumerate(("mnistm", "svhn")):
        draw_digits(tmp_path / "data" / name, seed=seed)
    return tmp_path / "data"
