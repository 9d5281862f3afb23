"""Grey levels are the nearest ones; labels beside pictures do not touch the pictures."""

import numpy as np
import pytest
import torch

from sfumato.images import labelled_grid, to_pixels


@pytest.mark.parametrize("beside", [-0.4, 0.0, 0.4])
def test_a_value_becomes_the_nearest_grey_level(beside):
    levels = torch.arange(256).reshape(1, 1, 16, 16).expand(2, 3, 16, 16)
    pixels = to_pixels((levels + beside) / 127.5 - 1)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels.int(), levels.permute(0, 2, 3, 1).int())


def test_values_outside_are_black_or_white_and_channels_come_last():
    x = torch.tensor([-7.0, -1.0, 0.26, 1.0, 1.6, 300.0]).reshape(1, 3, 1, 2)
    assert to_pixels(x).tolist() == [[[[0, 161, 255], [0, 255, 255]]]]


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
