"""The pictures of a sheet or a film's frame, found by where nothing is transparent."""

import numpy as np


def _runs(solid):
    """(begin, end) of every stretch that is solid."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], solid.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def cells(image, side):
    """Rows of the pictures of a transparent sheet, each shrunk to side x side, whose squares must be of one colour."""
    whole = np.asarray(image.convert("RGBA"))
    solid = whole[..., 3] == 255
    found = []
    for top, bottom in _runs(solid.mean(axis=1) > 0.35):
        columns = [(left, right) for left, right in _runs(solid[top:bottom].all(axis=0))]
        found.append([_shrunk(whole[top:bottom, left:right, :3], side) for left, right in columns])
    return found


def _shrunk(cell, side):
    times = cell.shape[0] // side
    small = cell[::times, ::times]
    assert np.array_equal(small.repeat(times, 0).repeat(times, 1), cell), "whole squares"
    assert small.shape == (side, side, 3)
    return small
