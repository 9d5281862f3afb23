"""Labels beside pictures do not touch the pictures."""

import numpy as np
import pytest

from sfumato.pictures import labelled_grid


def test_a_grid_holds_every_picture_unharmed():
    cells = [np.full((64, 32, 3), 10 * index, dtype=np.uint8) for index in range(6)]
    paper = np.asarray(labelled_grid(cells, rows=["first", "second\nof two"], columns=["a", "b", "c"], side=128))
    for index, cell in enumerate(cells):
        bottom, right = (2 - index // 3) * 130, (3 - index % 3) * 66
        top, left = paper.shape[0] - bottom, paper.shape[1] - right
        assert (paper[top : top + 128, left : left + 64] == cell[0, 0]).all()
    assert (paper[:10].min(axis=(1, 2)) > 0).all()
    assert paper[: paper.shape[0] - 262].min() < 128  # the columns' labels
    assert paper[:, : paper.shape[1] - 200].min() < 128  # the rows' labels


def test_a_wrong_number_of_pictures_is_refused():
    with pytest.raises(ValueError, match="do not hold 1 pictures"):
        labelled_grid([np.zeros((2, 2, 3), np.uint8)], ["a"], ["b", "c"])
