"""Photos of every kind are read as one sees them; what has changed is noticed by what is in the files."""

import os

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import UserError
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos
from sfumato.runs import digest

from .drawn import noise, read, save_mask, save_photo


def test_photos_of_every_kind_come_in_upright_and_in_rgb(tmp_path):
    grey, colours = noise(20, 24, seed=1), noise(20, 24, 3, seed=2)
    ramp = np.linspace(0, 65535, 480).astype(np.uint16).reshape(20, 24)
    Image.fromarray(ramp).save(tmp_path / "16 bits.PNG")
    Image.fromarray(grey).save(tmp_path / "grey.Jpg", quality=100)
    flat = Image.new("CMYK", (24, 20), (0, 255, 255, 0))
    flat.save(tmp_path / "print.JPEG", quality=100)
    frames = [Image.fromarray(np.full((20, 24), level, np.uint8)) for level in (50, 200)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours[::-1]).save(tmp_path / "été 犬.tif", exif=exif)
    Image.fromarray(colours).save(tmp_path / "turned.webp", lossless=True, exif=exif)
    photos = read(tmp_path)
    shown = {name: np.asarray(photo.image).astype(int) for name, photo in photos.items()}
    assert {photo.image.mode for photo in photos.values()} == {"RGB"}
    assert all(photo.mask is None for photo in photos.values())
    assert np.array_equal(shown["16 bits.PNG"][..., 0], np.round(ramp / 257))
    assert abs(shown["grey.Jpg"][..., 1] - grey).max() <= 2
    assert abs(shown["print.JPEG"] - (255, 0, 0)).max() <= 3
    assert {*shown["moves.gif"].flat} == {50}
    assert np.array_equal(shown["turned.webp"], np.rot90(colours, -1))
    assert shown["été 犬.tif"].shape == (24, 20, 3)


def test_a_palette_with_a_transparent_colour_is_masked(tmp_path):
    places = np.zeros((20, 24), np.uint8)
    places[2:10, 4:12] = 1
    image = Image.fromarray(places)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(tmp_path / "a.gif", transparency=0)
    photo = read(tmp_path)["a.gif"]
    assert np.array_equal(np.asarray(photo.mask), places * 255)
    assert np.array_equal(np.asarray(photo.image)[5, 5], (200, 100, 50))


def test_what_cannot_be_decoded_is_named_whatever_it_is(tmp_path):
    save_photo(tmp_path / "a.png")
    for raw, message in ((b"", "is empty"), (b"\xff\xd8 no picture", "cannot be decoded"), (b"text", "its bytes are")):
        (tmp_path / "b.jpg").write_bytes(raw)
        with pytest.raises(UserError, match=rf"b\.jpg: {message}|b\.jpg: cannot be decoded \({message}"):
            read(tmp_path)


def test_the_same_picture_twice_is_told(tmp_path):
    save_photo(tmp_path / "a.png", 1)
    Image.open(tmp_path / "a.png").save(tmp_path / "b.bmp")
    save_photo(tmp_path / "c.png", 2)
    with pytest.warns(UserWarning, match=r"a\.png, b\.bmp are the same picture, which is drawn more often so") as said:
        assert len(read_photos(tmp_path, PhotoOptions(), None)) == 3
    assert len(said) == 1


def test_settings_change_with_what_is_in_the_files_and_with_nothing_else(tmp_path):
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a <new1>")
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 8, 8))

    def settings(**options):
        return read_photos(tmp_path, PhotoOptions(**options), "<new1>").settings()

    first = settings()
    os.utime(tmp_path / "a.png", (0, 0))
    (tmp_path / "a.txt").write_bytes("a <new1>\r\n".encode("utf-16"))
    assert settings() == first, "the same caption otherwise written"
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 8, 9))
    masked = settings()
    (tmp_path / "a.txt").write_text("my <new1>")
    captioned = settings()
    save_photo(tmp_path / "a.png", 7)
    different = [first, masked, captioned, settings(), settings(masks="none"), settings(captions="templates")]
    assert all(list(one) == ["a.png"] for one in different)
    assert len({one["a.png"] for one in different}) == len(different)


def test_a_photo_alone_has_the_digest_of_its_file_and_its_own_opacity_another(tmp_path):
    """So that runs from before there were captions go on."""
    path = save_photo(tmp_path / "a.png")
    assert read_photos(tmp_path, PhotoOptions(), None).settings() == {"a.png": digest(path.read_bytes())}
    Image.fromarray(noise(20, 24, 4)).save(path)
    kinds = [read_photos(tmp_path, PhotoOptions(masks=masks), None).settings() for masks in ("auto", "none")]
    assert kinds[0] != kinds[1] == {"a.png": digest(path.read_bytes())}


def test_how_often_a_photo_is_drawn_is_a_setting(tmp_path):
    for seed, name in enumerate(("2_<new1>", "1_<new1>")):
        save_photo(tmp_path / name / "a.png", seed)
    counted, alike = (read(tmp_path, repeats=repeats, captions="templates") for repeats in ("auto", "none"))
    same = {name: counted[name].digest == alike[name].digest for name in counted}
    assert same == {"1_<new1>/a.png": True, "2_<new1>/a.png": False}


def test_a_plan_tells_what_there_is(tmp_path):
    for seed, name in enumerate("abc"):
        save_photo(tmp_path / f"{name}.png", seed)
        (tmp_path / f"{name}.txt").write_text("a <new1>")
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 8, 8))
    about = read_photos(tmp_path, PhotoOptions(), "<new1>").about()
    assert about == f"3 from {tmp_path}, 3 with captions, 1 with masks"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"captions": "file"}, "unknown captions 'file'; did you mean 'files'"),
        ({"repeats": "10"}, "unknown repeats '10'"),
        ({"fit": "squeeze"}, "unknown fit 'squeeze'"),
        ({"crops": 0}, "--crops must be at least 1, got 0"),
        ({"fit": "pad", "crops": 3}, "--crops 3 with --fit pad: a padded photo is whole"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, message):
    save_photo(tmp_path / "a.png")
    with pytest.raises(UserError, match=message):
        read(tmp_path, **options)
