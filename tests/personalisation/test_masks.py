"""Masks: beside their photos, in a folder, or the photo's own opacity."""

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import UserError
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos

from .drawn import noise, read, save_mask, save_photo

BOX = (4, 2, 12, 10)


def white_box(mask):
    found = np.asarray(mask)
    assert mask.mode == "L" and {*np.unique(found)} == {0, 255}
    rows, columns = np.nonzero(found)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_mask_beside_its_photo_is_found_and_is_no_photo(tmp_path):
    save_photo(tmp_path / "a b.jpg")
    save_mask(tmp_path / "a b-MaskLabel.PNG", BOX)
    photos = read(tmp_path)
    assert list(photos) == ["a b.jpg"] and white_box(photos["a b.jpg"].mask) == BOX
    photos = read(tmp_path, masks="none")
    assert list(photos) == ["a b.jpg"] and photos["a b.jpg"].mask is None


def test_masks_in_a_folder_have_their_photos_names(tmp_path):
    save_photo(tmp_path / "photos" / "3_<new1>" / "a.JPG", 0)
    save_photo(tmp_path / "photos" / "1_<new1>" / "b.png", 1)
    save_mask(tmp_path / "masks" / "3_<new1>" / "a-masklabel.png", BOX)
    save_mask(tmp_path / "masks" / "b.bmp", (0, 0, 8, 8))
    photos = read(tmp_path / "photos", masks=str(tmp_path / "masks"))
    assert {name: white_box(photo.mask) for name, photo in photos.items()} == {
        "3_<new1>/a.JPG": BOX,
        "1_<new1>/b.png": (0, 0, 8, 8),
    }
    (tmp_path / "masks" / "b.bmp").unlink()
    with pytest.warns(UserWarning, match=r"has none of 1_<new1>/b\.png; all of it is learned"):
        kept = read_photos(tmp_path / "photos", PhotoOptions(masks=str(tmp_path / "masks")), "<new1>")
    assert [photo.mask is None for photo in kept] == [True, False]


def test_what_is_opaque_of_a_photo_is_its_mask_and_its_colours_stay(tmp_path):
    pixels = np.dstack([noise(20, 24, 3), np.zeros((20, 24), np.uint8)])
    pixels[2:10, 4:12, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photo = read(tmp_path)["a.png"]
    assert white_box(photo.mask) == BOX
    assert np.array_equal(np.asarray(photo.image)[2:10, 4:12], pixels[2:10, 4:12, :3])
    assert (np.asarray(photo.image)[10:] == 255).all(), "hidden colours stay hidden"
    assert read(tmp_path, masks="none")["a.png"].mask is None
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 4, 4))
    assert white_box(read(tmp_path)["a.png"].mask) == (0, 0, 4, 4), "what was made for it goes first"


def test_a_photo_that_could_be_transparent_and_is_not_has_no_mask(tmp_path):
    Image.fromarray(np.dstack([noise(20, 24, 3), np.full((20, 24), 255, np.uint8)])).save(tmp_path / "a.png")
    assert read(tmp_path)["a.png"].mask is None


def test_what_is_transparent_in_a_mask_is_black(tmp_path):
    save_photo(tmp_path / "a.png")
    pixels = np.full((20, 24, 4), 255, np.uint8)
    pixels[..., 3] = 0
    pixels[2:10, 4:12, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a-masklabel.png")
    assert white_box(read(tmp_path)["a.png"].mask) == BOX


def test_masks_turn_with_nothing_and_must_be_as_large_as_their_photo_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(20, 24, 3)).save(tmp_path / "a.jpg", exif=exif)
    save_mask(tmp_path / "a-masklabel.png", BOX)
    with pytest.raises(
        UserError, match=r"a-masklabel\.png: is 24x20, and a\.jpg is 20x24 as it is seen; make the mask"
    ):
        read(tmp_path)
    save_mask(tmp_path / "a-masklabel.png", BOX, 20, 24)
    assert white_box(read(tmp_path)["a.jpg"].mask) == BOX


def empty(folder):
    save_mask(folder / "a-masklabel.png", (0, 0, 0, 0))


def of_ones(folder):
    Image.fromarray(np.ones((20, 24), np.uint8)).save(folder / "a-masklabel.png")


def transparent(folder):
    Image.fromarray(np.zeros((20, 24, 4), np.uint8)).save(folder / "a.png")


def lonely(folder):
    save_mask(folder / "b-masklabel.png", BOX)


def two(folder):
    save_mask(folder / "a-masklabel.png", BOX)
    save_mask(folder / "a-masklabel.bmp", BOX)


def broken(folder):
    (folder / "a-masklabel.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (empty, r"a-masklabel\.png: its mask is wholly black, so nothing of it would be learned; make white"),
        (of_ones, r"a-masklabel\.png: its mask is nowhere lighter than 1 of 255"),
        (transparent, r"a\.png: its mask is wholly black"),
        (lonely, r"no photo belongs to the mask b-masklabel\.png; rename it as its photo, or remove it"),
        (two, r"a-masklabel\.bmp and a-masklabel\.png are masks of the same photo; keep one"),
        (broken, r"a-masklabel\.png: cannot be decoded"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(tmp_path, change, message):
    save_photo(tmp_path / "a.png")
    change(tmp_path)
    with pytest.raises(UserError, match=message):
        read(tmp_path)


def test_a_folder_of_masks_that_is_none_is_named(tmp_path):
    save_photo(tmp_path / "photos" / "a.png")
    with pytest.raises(UserError, match=r"--masks .*nowhere: there is no such folder; give auto, none, or a folder"):
        read(tmp_path / "photos", masks=str(tmp_path / "nowhere"))
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match=r"--masks .*masks: holds no mask"):
        read(tmp_path / "photos", masks=str(tmp_path / "masks"))
    with pytest.raises(UserError, match=r"--masks .*photos: is the folder of the photos"):
        read(tmp_path / "photos", masks=str(tmp_path / "photos"))
    save_mask(tmp_path / "masks" / "b.png", BOX)
    with pytest.raises(UserError, match=r"no photo belongs to the mask b\.png"):
        read(tmp_path / "photos", masks=str(tmp_path / "masks"))
