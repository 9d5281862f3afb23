"""The sheet of what will be learned."""

import numpy as np
import torch
from PIL import Image

from sfumato.images import save_image
from sfumato.personalisation.crops import crops_of
from sfumato.personalisation.crops_sheet import crops_sheet, hatched
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos

from .drawn import save_mask, save_photo


def test_squares_are_seen_to_the_pixel_and_what_is_hidden_is_striped(tmp_path):
    save_photo(tmp_path / "a.png", 0, 20, 20)
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 10, 20), 20, 20)
    photos = read_photos(tmp_path, PhotoOptions(), None)
    crops = crops_of(photos, PhotoOptions(), 20, 5, 0)
    seen, learned = np.asarray(hatched(crops, 0)), crops.pictures[0].permute(1, 2, 0).numpy()
    assert np.array_equal(seen[:, :10], learned[:, :10])
    assert {tuple(colour) for colour in seen[:, 10:].reshape(-1, 3).tolist()} == {(200,) * 3, (110,) * 3}


def test_the_sheet_holds_each_square_enlarged_by_a_whole_factor_with_its_name_beneath(tmp_path):
    folder = tmp_path / "photos"
    for seed in range(7):
        save_photo(folder / f"{seed}.png", seed, 30, 20)
        (folder / f"{seed}.txt").write_text("a very long caption of <new1> that would not fit beneath one square " * 4)
    photos = read_photos(folder, PhotoOptions(), "<new1>")
    crops = crops_of(photos, PhotoOptions(), 20, 4, 0)
    drawn = crops_sheet(crops, photos)
    pixels = np.asarray(drawn)
    assert drawn.mode == "RGBA" and drawn.width < 5 * 190, "captions are folded"
    column, row = drawn.width // 5, drawn.height // 2
    for place in range(7):
        left, top = place % 5 * column + 8, place // 5 * row + 8
        cell = pixels[top : top + 160 : 8, left : left + 160 : 8, :3]
        assert np.array_equal(cell, crops.pictures[place].permute(1, 2, 0).numpy()), place
        assert pixels[top + 168 : top + row - 8, left : left + 160, 3].any(), "there is text beneath"
    again = crops_sheet(crops_of(photos, PhotoOptions(), 20, 4, 0), photos)
    paths = [save_image(one, tmp_path / name) for one, name in ((drawn, "a.png"), (again, "b.png"))]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_of_many_squares_the_first_hundred_are_seen(tmp_path):
    save_photo(tmp_path / "a.png", 0, 30, 20)
    photos, options = read_photos(tmp_path, PhotoOptions(), None), PhotoOptions(crops=120)
    crops = crops_of(photos, options, 8, 4, 0)
    drawn = crops_sheet(crops, photos)
    pieces = crops._replace(pictures=torch.zeros_like(crops.pictures[:100]), photo=crops.photo[:100])
    assert isinstance(drawn, Image.Image) and drawn.size == crops_sheet(pieces, photos).size
