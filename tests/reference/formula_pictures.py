"""Deterministic pictures: whole numbers from NumPy's legacy RandomState, the same on every machine."""

import numpy as np


def picture(seed, height, width, lightest=200):
    """uint8 [height, width, 3]: a patchwork of 4 x 4 colours under a little noise."""
    source = np.random.RandomState(seed)
    patches = source.randint(0, lightest, (4, 4, 3)).repeat(-(-height // 4), axis=0).repeat(-(-width // 4), axis=1)
    return (patches[:height, :width] + source.randint(0, 40, (height, width, 3))).astype(np.uint8)


def two_sets(count=100, side=32):
    """Two lists of pictures that differ a little: those of the second are darker."""
    first = [picture(seed, side, side) for seed in range(count)]
    return first, [picture(1000 + seed, side, side, lightest=150) for seed in range(count)]


SIZES = ((32, 32), (48, 20), (299, 299), (320, 400))
"""Heights and widths of pictures that are enlarged, stretched, left alone and made smaller."""
