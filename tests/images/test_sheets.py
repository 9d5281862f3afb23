"""Grey levels are the nearest ones; labels beside pictures do not touch the pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.images import captioned, labelled_grid, open_picture, save_image, sheet, to_pixels
from sfumato.images.fonts import INK


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
        assert (paper[top : top + 128, left : left + 64] == [*cell[0, 0], 255]).all()
    above, beside = paper[: paper.shape[0] - 262], paper[:, : paper.shape[1] - 200]
    assert above[..., 3].max() == beside[..., 3].max() == 255, "the labels"


def test_nothing_but_pictures_and_letters_has_a_ground():
    """Letters are of one ink that fades by its weight alone, so that they have no fringe on any page."""
    cells = [np.zeros((64, 64, 3), np.uint8)] * 2
    grid = labelled_grid(cells, rows=["a row"], columns=["one", "two"])
    strip = captioned([Image.fromarray(cell) for cell in cells], ["one", "two"], columns=2)
    for drawn in (grid, strip, sheet(torch.from_numpy(np.stack(cells)), 2, clear=True)):
        paper = np.asarray(drawn)
        assert paper.shape[2] == 4
        outside = (paper[..., :3] != 0).any(axis=2)
        assert (paper[outside][:, :3] == INK).all()
        assert (paper[~outside][:, 3] == 255).all()
        assert (paper[outside][:, 3] == 0).any()


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp"])
def test_a_sheet_without_a_ground_is_saved_in_every_format(tmp_path, ending):
    drawn = sheet(torch.zeros(2, 16, 16, 3, dtype=torch.uint8), 2, clear=True)
    path = save_image(drawn, tmp_path / f"a.{ending}")
    corner = np.asarray(open_picture(path))[0, 0]
    assert (corner > 200).all(), "what is transparent is white where it is read as a picture"
    with Image.open(path) as saved:
        assert (saved.mode == "RGBA") == (ending in ("png", "webp"))


def test_a_wrong_number_of_pictures_is_refused():
    with pytest.raises(ValueError, match="do not hold 1 pictures"):
        labelled_grid([np.zeros((2, 2, 3), np.uint8)], ["a"], ["b", "c"])
