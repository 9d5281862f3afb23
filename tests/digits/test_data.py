"""Reading the course's layout, and saying what is wrong with another."""

import os

import numpy as np
import pytest
from PIL import Image

from sfumato.digits.data import read_digits, read_test_digits
from sfumato.errors import UserError


def test_pixels_and_labels_are_those_of_the_files(data):
    digits = read_digits(data / "svhn")
    assert digits.pixels.shape == (30, 3, 28, 28)
    assert digits.labels.tolist() == [i % 10 for i in range(30)]
    for index in (0, 17, 29):
        picture = np.asarray(Image.open(data / "svhn" / "data" / f"{index:05d}.png"))
        assert np.array_equal(digits.pixels[index].transpose(1, 2, 0), picture)


def test_the_cache_is_used_and_changed_data_are_noticed(data, monkeypatch):
    folder = data / "mnistm"
    before = read_digits(folder)
    monkeypatch.setattr("sfumato.pictures.data.decode", lambda *a: pytest.fail("decoded again"))
    assert np.array_equal(read_digits(folder).pixels, before.pixels)
    monkeypatch.undo()
    changed = folder / "data" / "00003.png"
    for time, colour in enumerate([(9, 8, 7), (9, 8, 6)]):  # files of one size
        Image.new("RGB", (28, 28), colour).save(changed)
        os.utime(changed, ns=(time, time))
        assert read_digits(folder).pixels[3, :, 0, 0].tolist() == list(colour)
    assert len(list(folder.glob(".sfumato*"))) == 1, "the newest alone is kept"


def test_the_cache_may_lie_elsewhere_and_may_be_damaged(data, tmp_path):
    cache = tmp_path / "new" / "cache"
    before = read_digits(data / "mnistm", cache)
    (kept,) = cache.iterdir()
    assert not list((data / "mnistm").glob(".sfumato*"))
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(read_digits(data / "mnistm", cache).pixels, before.pixels)


def spoil(folder, how):
    table = folder / "train.csv"
    picture = folder / "data" / "00002.png"
    if how == "no table":
        table.unlink()
    elif how == "no columns":
        table.write_text("name,digit\n00000.png,1\n")
    elif how == "no rows":
        table.write_text("image_name,label\n")
    elif how == "label 10":
        table.write_text(table.read_text().replace("00001.png,1", "00001.png,10"))
    elif how == "latin letters":
        table.write_bytes("image_name,label\né.png,3\n".encode("latin-1"))
    elif how == "a zero byte":
        table.write_bytes(b"image_name,label\n0000\0.png,3\n")
    elif how == "a huge field":
        table.write_text("image_name,label\n" + "x" * 200_000 + ",3\n")
    elif how == "no label":
        table.write_text("image_name,label\n00000.png\n")
    elif how == "picture missing":
        picture.unlink()
    elif how == "no label column":
        table.write_text("image_name,digit\n00000.png,1\n")
    elif how == "picture small":
        Image.new("RGB", (32, 27)).save(picture)
    elif how == "label of 5,000 digits":
        table.write_text(table.read_text().replace("00000.png,0", "00000.png," + "1" * 5000))
    elif how == "empty label":
        table.write_text("image_name,label\n00000.png,\n")
    elif how == "picture truncated":
        picture.write_bytes(picture.read_bytes()[:500])
    elif how == "picture is text":
        picture.write_text("no picture")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no table", r"mnistm: lacks train.csv or data/"),
        ("no columns", r"train.csv: has no column image_name or .*; its columns are name, digit"),
        ("no label column", r"train.csv: which column has the labels\? .*; got label"),
        ("no rows", r"train.csv: has no row"),
        ("label 10", r"train.csv: '00001.png' has the label '10'; a label is a digit 0 ... 9"),
        ("no label", r"train.csv: row 2: '00000.png' has no label in the column 'label'"),
        ("latin letters", r"train.csv: is not UTF-8 text"),
        ("a zero byte", r"train.csv: "),
        ("a huge field", r"train.csv: is no table \(field larger than field limit"),
        ("picture missing", r"train.csv: row 4: '00002.png' is no picture in"),
        ("picture small", r"00002.png: is 32x27, smaller than the 28x28 asked for"),
        ("label of 5,000 digits", r"train.csv: '00000.png' has the label"),
        ("empty label", r"train.csv: row 2: '00000.png' has no label"),
        ("picture truncated", r"00002.png: cannot be decoded"),
        ("picture is text", r"00002.png: cannot be decoded"),
    ],
)
def test_what_cannot_be_read_is_named(data, how, words):
    folder = data / "mnistm"
    spoil(folder, how)
    with pytest.raises(UserError, match=words) as error:
        read_digits(folder)
    assert "\n" not in str(error.value)
    assert not list(folder.glob(".*"))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere: there is no such folder"):
        read_digits(tmp_path / "nowhere")


def test_held_out_digits_are_read_or_refused_in_one_line(tmp_path):
    path = tmp_path / "test.npz"
    pixels = np.random.RandomState(0).randint(0, 255, (5, 28, 28, 3)).astype(np.uint8)
    np.savez(path, svhn_x=pixels, svhn_y=np.arange(5))
    digits = read_test_digits(path, "svhn")
    assert np.array_equal(digits.pixels[3, 1], pixels[3, :, :, 1])
    assert digits.labels.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(UserError, match=r"test.npz: has no array mnistm_x and mnistm_y; give an .npz with mnistm_x"):
        read_test_digits(path, "mnistm")
    np.savez(path, svhn_x=pixels[:, :14], svhn_y=np.arange(5))
    with pytest.raises(UserError, match=r"svhn_x is uint8 \[5, 14, 28, 3\]; it must be"):
        read_test_digits(path, "svhn")
    np.save(tmp_path / "plain.npy", pixels)
    for content in (b"", b"text", (tmp_path / "plain.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"test.npz: is no whole .npz of numbers .*; give an .npz with sv") as error:
            read_test_digits(path, "svhn")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("labels", [np.full(5, 12), np.full(5, -1), np.array(list("abcde")), np.full(5, 0.5)])
def test_held_out_labels_are_digits(tmp_path, labels):
    path = tmp_path / "test.npz"
    np.savez(path, svhn_x=np.zeros((5, 28, 28, 3), dtype=np.uint8), svhn_y=labels)
    with pytest.raises(UserError, match=r"test.npz: svhn_y holds other things than the digits 0 ... 9"):
        read_test_digits(path, "svhn")


def test_a_damaged_compressed_file_is_one_line(tmp_path):
    path = tmp_path / "test.npz"
    pixels = np.random.RandomState(0).randint(0, 255, (5, 28, 28, 3)).astype(np.uint8)
    np.savez_compressed(path, svhn_x=pixels, svhn_y=np.arange(5))
    raw = bytearray(path.read_bytes())
    raw[200:400] = bytes(200)
    path.write_bytes(raw)
    with pytest.raises(UserError, match=r"test.npz: 'svhn_x.npy' inside it is damaged"):
        read_test_digits(path, "svhn")


def test_a_table_that_a_spreadsheet_wrote_is_read(data):
    before = read_digits(data / "mnistm")
    table = data / "mnistm" / "train.csv"
    table.write_text(table.read_text(), encoding="utf-8-sig")
    assert np.array_equal(read_digits(data / "mnistm").labels, before.labels)


@pytest.mark.parametrize(
    "name", ["../../x.png", "a/../../x.png", "/x.png", "C:\\x.png", "c:x.png", "..\\x.png", "a\0.png", ".."]
)
def test_a_table_names_nothing_outside_its_data(data, name):
    Image.new("RGB", (28, 28)).save(data / "x.png")
    with open(data / "mnistm" / "train.csv", "w") as table:
        table.write(f"image_name,label\n00000.png,3\n{name},4\n")
    with pytest.raises(
        UserError, match=r"train.csv: (row 3: .* leads out of .*data|row 3: .* is no picture in|holds NUL bytes)"
    ):
        read_digits(data / "mnistm")


def test_a_picture_may_be_named_twice_and_lie_in_a_folder_and_be_grey(data):
    folder = data / "mnistm"
    (folder / "data" / "inside").mkdir()
    Image.new("L", (28, 28), 77).save(folder / "data" / "inside" / "a.png")
    more = "".join(f"{number:05d}.png,7\n" for number in range(3, 12))
    (folder / "train.csv").write_text(f"image_name,label\n00001.png,3\n00001.png,07\ninside/a.png,0\n{more}")
    with pytest.warns(UserWarning, match="names no label of 20 pictures in .*; they are left out"):
        digits = read_digits(folder)
    assert digits.labels.tolist() == [3, 7, 0] + 9 * [7]
    assert np.array_equal(digits.pixels[0], digits.pixels[1])
    assert (digits.pixels[2] == 77).all()


def test_only_caches_of_ours_are_removed(data, tmp_path):
    """Not those of another folder, nor what a user called alike."""
    folder, cache = data / "mnistm", tmp_path / "cache"
    read_digits(folder, cache)
    (kept,) = cache.iterdir()
    begin = kept.stem.rpartition("-")[0]
    mine = {f"{begin}-backup.npz", f"{begin}-{'0' * 16}.npz.bak", kept.name.replace("data", "dat.")}
    for name in {*mine, f"{begin}-{'0' * 16}.npz"}:
        (cache / name).write_text("x")
    Image.new("RGB", (28, 28)).save(folder / "data" / "00003.png")
    read_digits(folder, cache)
    left = {path.name for path in cache.iterdir()}
    assert mine < left and len(left) == 4 and kept.name not in left
