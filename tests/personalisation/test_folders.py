"""Folders as people have them: kohya's with their numbers, and what systems leave beside photos."""

import shutil

import pytest

from sfumato.errors import UserError
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos

from .drawn import read, save_photo


def told(photos):
    return {name: (photo.caption, photo.repeats) for name, photo in photos.items()}


def test_a_folder_with_a_number_is_read_from_above_and_as_itself(tmp_path, monkeypatch):
    save_photo(tmp_path / "img" / "10_my <new1> dog" / "a.png", 0)
    save_photo(tmp_path / "img" / "4_<new1>" / "b.png", 1)
    (tmp_path / "img" / "4_<new1>" / "b.txt").write_text("a <new1> outside")
    (tmp_path / "img" / "log").mkdir()
    above = {"10_my <new1> dog/a.png": ("my <new1> dog", 5), "4_<new1>/b.png": ("a <new1> outside", 2)}
    assert told(read(tmp_path / "img")) == above
    assert told(read(tmp_path / "img" / "10_my <new1> dog")) == {"a.png": ("my <new1> dog", 1)}
    monkeypatch.chdir(tmp_path / "img" / "10_my <new1> dog")
    assert told(read(type(tmp_path)("."))) == {"a.png": ("my <new1> dog", 1)}
    alike = {name: (caption, 1) for name, (caption, _) in above.items()}
    assert told(read(tmp_path / "img", repeats="none")) == alike


def test_a_table_above_calls_photos_by_their_folders(tmp_path):
    save_photo(tmp_path / "2_dog" / "a.png")
    (tmp_path / "metadata.csv").write_text("file_name,text\n2_dog/a.png,a <new1>\n")
    assert told(read(tmp_path)) == {"2_dog/a.png": ("a <new1>", 1)}
    (tmp_path / "metadata.csv").rename(tmp_path / "2_dog" / "metadata.csv")
    (tmp_path / "2_dog" / "metadata.csv").write_text("file_name,text\na.png,my <new1>\n")
    assert told(read(tmp_path)) == {"2_dog/a.png": ("my <new1>", 1)}


def test_beside_a_table_folders_of_any_name_are_read(tmp_path):
    """As the Hugging Face's imagefolder often is."""
    save_photo(tmp_path / "images" / "a.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "images/a.png", "text": "a <new1>"}\n')
    assert told(read(tmp_path)) == {"images/a.png": ("a <new1>", 1)}


def test_a_name_without_the_word_is_no_caption_unless_captions_are_asked_for(tmp_path):
    save_photo(tmp_path / "10_sks dog" / "a.png")
    with pytest.warns(UserWarning, match="10_sks dog: its name lacks <new1>, and is no caption of its photos"):
        (photo,) = read_photos(tmp_path, PhotoOptions(), "<new1>")
    assert photo.caption is None
    assert told(read(tmp_path, None)) == {"10_sks dog/a.png": ("sks dog", 1)}
    with pytest.raises(UserError, match="10_sks dog, whose name is a caption: lacks <new1>"):
        read(tmp_path, captions="files")


@pytest.mark.parametrize("name", ["2024_holiday", "0_dog", "10_", "dog_10", "10"])
def test_other_names_say_nothing(tmp_path, name):
    save_photo(tmp_path / name / "a.png")
    assert told(read(tmp_path / name)) == {"a.png": (None, 1)}
    with pytest.raises(UserError, match=rf"holds no photo .*; did you mean {tmp_path / name}\?"):
        read(tmp_path)


def test_what_cannot_be_photos_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: there is no such folder; give the one that holds the photos"):
        read(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("five photos of my dog")
    save_photo(tmp_path / "a-masklabel.png")
    with pytest.raises(UserError, match=r"holds no photo \(\.png, .*; put about five there"):
        read(tmp_path)
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "10_<new1>" / "b.png")
    with pytest.raises(UserError, match="holds photos both by itself and in 10_<new1>; give one folder of them"):
        read(tmp_path)


def test_what_systems_leave_is_no_photo_caption_or_mask(tmp_path):
    save_photo(tmp_path / "a photo.JPEG")
    (tmp_path / "a photo.txt").write_text("<new1>")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._a photo.JPEG", "._a photo.txt", "._a photo-masklabel.png"):
        (tmp_path / name).write_bytes(b"\0\1\2")
    shutil.copytree(tmp_path, tmp_path / "@eaDir")
    shutil.copytree(tmp_path / "@eaDir", tmp_path / ".10_x")
    assert told(read(tmp_path)) == {"a photo.JPEG": ("<new1>", 1)}
