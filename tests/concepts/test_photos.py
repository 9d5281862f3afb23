"""The few photos that a word is learned from."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.concepts.photos import cropped, photo_files, photo_hashes
from sfumato.errors import UserError
from sfumato.images import open_picture


def gradient(width, height):
    """Red grows to the right, green downwards."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 0 * across], axis=-1).astype(np.uint8))


def test_the_middle_square_is_scaled_into_minus_one_to_one():
    (found,) = cropped(gradient(200, 100), 50, 1, torch.Generator())
    assert found.shape == (3, 50, 50)
    red, green, blue = found
    assert red[0, 0] == pytest.approx(-0.5, abs=0.02) and red[0, -1] == pytest.approx(0.5, abs=0.02)
    assert green[0, 0] == pytest.approx(-1.0, abs=0.03) and green[-1, 0] == pytest.approx(1.0, abs=0.03)
    assert blue.unique().tolist() == [-1.0]


def test_random_squares_lie_inside_and_are_those_of_the_seed():
    photo = gradient(200, 100)
    found = cropped(photo, 32, 20, torch.Generator().manual_seed(3))
    torch.testing.assert_close(found, cropped(photo, 32, 20, torch.Generator().manual_seed(3)))
    left, right = found[:, 0, 0, 0], found[:, 0, 0, -1]
    widths = (right - left) * 100  # of 200 pixels that span 2
    assert left.std() > 0.1 and float(widths.min()) > 74 and float(widths.max()) < 101


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    photo, exif = gradient(60, 30), Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    photo.save(tmp_path / "a.jpg", exif=exif, quality=100)
    upright = open_picture(tmp_path / "a.jpg")
    assert upright.size == (30, 60) and upright.mode == "RGB"
    pixels = np.asarray(upright).astype(int)
    assert pixels[5, 25, 0] < 60 and pixels[55, 25, 0] > 195, "red grew to the right and now grows downwards"


def test_only_pictures_are_taken_and_folders_without_are_refused(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        photo_files(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("five photos of my dog")
    with pytest.raises(UserError, match=r"holds no photo \(\.png"):
        photo_files(tmp_path)
    (tmp_path / "._a.png").write_bytes(b"what macOS keeps beside a file")
    for name in ("b.JPG", "a.png"):
        gradient(8, 8).save(tmp_path / name)
    assert [path.name for path in photo_files(tmp_path)] == ["a.png", "b.JPG"]
    assert len(set(photo_hashes(photo_files(tmp_path)).values())) == 2


def test_a_corrupt_photo_is_named(tmp_path):
    gradient(64, 64).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a.png: cannot be decoded"):
        open_picture(tmp_path / "a.png")
