"""Which files of a folder are pictures, and what is said of those that are not read."""

import warnings
from pathlib import PurePosixPath

import pytest

from sfumato.images import picture_files, pictures_among


def filled(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def test_endings_count_in_any_case_and_what_is_hidden_does_not(tmp_path):
    pictures = {"B.JPG", "a.png", "c.Jfif", "d.TIFF", "e.tif", "f.gif", "g.WebP", "h.bmp", "i.jpeg"}
    filled(tmp_path, *pictures, "notes.txt", "._a.png", "Thumbs.db", ".ipynb_checkpoints/a.png", "deeper/a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [path.name for path in picture_files(tmp_path)] == sorted(pictures)
        assert [path.name for path in picture_files(tmp_path, (".png",))] == ["a.png"]
        assert picture_files(tmp_path / "nowhere") == []


def test_pictures_that_are_not_read_are_counted_aloud_in_one_line(tmp_path):
    filled(tmp_path, "a.png", "b.HEIC", "c.heic", "d.svg", "._e.heic", "f.txt")
    words = rf"^{tmp_path}: 3 files are not read \(.heic, .svg\); convert what is meant to PNG or JPEG$"
    with pytest.warns(UserWarning, match=words) as said:
        assert [path.name for path in picture_files(tmp_path)] == ["a.png"]
    assert len(said) == 1
    with pytest.warns(UserWarning, match=r"x.zip: 1 file is not read \(.cr2\)"):
        assert pictures_among([PurePosixPath("in/a.cr2")], tmp_path / "x.zip") == []


def test_where_only_pngs_are_asked_for_nothing_is_said_of_others(tmp_path):
    filled(tmp_path, "a.png", "b.heic")
    assert [path.name for path in picture_files(tmp_path, (".png",))] == ["a.png"]
