"""What is wrong is crossed out, by pixels that anybody sees."""

import numpy as np
import torch
from PIL import Image

from sfumato.images import crossed_out, marked_sheet


def test_a_line_goes_from_corner_to_corner_and_a_cross_stands_in_another_one():
    for grey in (0, 128, 255):
        plain = np.full((112, 112, 3), grey, np.uint8)
        marked = np.asarray(crossed_out(Image.fromarray(plain), 112)).astype(int)
        luminance = marked @ [0.299, 0.587, 0.114]
        along = [luminance[111 - place, place] for place in range(5, 80)]
        beside = [luminance[107 - place, place] for place in range(5, 80)]
        assert max(along) < 80 and min(beside) > 200, "a dark line with a light rim: seen on any ground, in grey too"
        corner = luminance[:28, -28:]
        assert corner.max() > 250 and (corner < 80).mean() > 0.1, "a dark cross on white"
        assert (marked[60:, 60:] == grey).all() and (marked[:40, :40] == grey).all(), "the rest is as it was"


def test_a_small_picture_is_enlarged_in_squares_and_a_photo_keeps_its_shape():
    small = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("RGB")
    large = np.asarray(crossed_out(small, 80))
    assert large.shape == (80, 80, 3)
    assert (large[72:80, 72:80] == 63).all(), "one pixel, ten by ten"
    assert crossed_out(Image.new("RGB", (300, 200)), 150).size == (150, 100)


def test_on_a_sheet_only_the_wrong_ones_are_marked():
    pixels = torch.full((3, 48, 48, 3), 90, dtype=torch.uint8)
    drawn = np.asarray(marked_sheet(pixels, [False, True, False], columns=3))
    assert drawn.shape == (100, 3 * 98 + 2, 4)
    cells = [drawn[2:98, 2 + 98 * place : 98 + 98 * place, :3] for place in range(3)]
    assert [bool((cell != 90).any()) for cell in cells] == [False, True, False]
    assert (drawn[:2, :, 3] == 0).all(), "nothing between them"
