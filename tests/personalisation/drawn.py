"""Photos for the tests."""

import warnings

import numpy as np
from PIL import Image

from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def save_photo(path, seed=0, width=24, height=20):
    """A photo of noise; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(height, width, 3, seed=seed)).save(path)
    return path


def save_mask(path, box, width=24, height=20):
    """White in a box of left, top, right and bottom, black elsewhere; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((height, width), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    Image.fromarray(mask).save(path)
    return path


def read(folder, word="<new1>", **options):
    """The photos by name, without a word of warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {photo.name: photo for photo in read_photos(folder, PhotoOptions(**options), word)}
