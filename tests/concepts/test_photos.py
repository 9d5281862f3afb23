"""The few photos that a word is judged by."""

import numpy as np
import pytest
from PIL import Image

from sfumato.concepts.photos import photo_files
from sfumato.errors import UserError
from sfumato.images import open_picture


def gradient(width, height):
    """Red grows to the right, green downwards."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 0 * across], axis=-1).astype(np.uint8))


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


def test_a_corrupt_photo_is_named(tmp_path):
    gradient(64, 64).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a.png: cannot be decoded"):
        open_picture(tmp_path / "a.png")
