"""Captions in every shape in which people keep them are read, or refused in a line that names the file."""

import codecs
import json

import pytest

from sfumato.errors import UserError
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos

from .drawn import read, save_photo

TEXT = "a café with <new1> at night"


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        b"  a caf\xc3\xa9 with\r\n<new1>\tat  night\r\n\r\n",
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".caption", ".TXT"])
def test_a_caption_of_its_name_is_read_whatever_system_wrote_it(tmp_path, raw, ending):
    save_photo(tmp_path / "my dog.PNG")
    (tmp_path / f"my dog{ending}").write_bytes(raw)
    assert read(tmp_path)["my dog.PNG"].caption == TEXT


def test_names_with_accents_pair_however_they_are_spelled(tmp_path):
    save_photo(tmp_path / "cafe\u0301.png")
    (tmp_path / "caf\u00e9.txt").write_text(TEXT, encoding="utf-8")
    assert [photo.caption for photo in read(tmp_path).values()] == [TEXT]
    table = {"file_name": "caf\u00e9.png", "text": TEXT}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(table) + "\n", encoding="utf-8")
    assert [photo.caption for photo in read(tmp_path).values()] == [TEXT]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", r"a\.txt: the caption is empty; write what the photo shows, or remove it"),
        (codecs.BOM_UTF8 + b" \r\n", r"a\.txt: the caption is empty"),
        ("ein Café mit <new1>".encode("cp1252"), r"a\.txt: is not UTF-8 text; save it anew as UTF-8"),
        ("<new1> 犬".encode("cp932"), r"a\.txt: is not UTF-8 text"),
        ("<new1>".encode("utf-16-le"), r"a\.txt: holds NUL bytes, and is no text"),
        (b"x" * (1 << 20) + b"<new1>", r"a\.txt: is larger than 1 MiB"),
        (b"a dog", r"a\.txt: lacks <new1>, so it would teach it nothing; write <new1> or \{\}"),
        (b"a <New1>", r"a\.txt: lacks <new1>, which is spelled otherwise there"),
    ],
)
def test_a_caption_that_cannot_be_learned_from_is_named(tmp_path, raw, message):
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes(raw)
    with pytest.raises(UserError, match=message):
        read(tmp_path)
    assert read(tmp_path, captions="templates")["a.png"].caption is None, "which does not look at it"


def test_where_no_word_is_learned_any_caption_will_do_but_none_with_a_place_for_one(tmp_path):
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a dog")
    assert read(tmp_path, None)["a.png"].caption == "a dog"
    (tmp_path / "a.txt").write_text("a {}")
    assert read(tmp_path)["a.png"].caption == "a {}"
    with pytest.raises(UserError, match=r"a\.txt: has \{\}, the place of a word, and no word is learned"):
        read(tmp_path, None)


def test_two_captions_of_a_photo_must_agree(tmp_path):
    save_photo(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a <new1>")
    (tmp_path / "a.caption").write_text("a  <new1>\n")
    assert read(tmp_path)["a.png"].caption == "a <new1>"
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "my <new1>"}\n')
    with pytest.raises(UserError, match=r"a\.png: has two captions, in .*a\.caption and in .*metadata\.jsonl, line 1"):
        read(tmp_path)


def test_captions_and_photos_without_their_half_are_named(tmp_path):
    for seed, name in enumerate("abc"):
        save_photo(tmp_path / f"{name}.png", seed)
    (tmp_path / "a.txt").write_text("a <new1>")
    (tmp_path / "notes.txt").write_bytes(b"\xff\x00 not even text")
    with pytest.warns(UserWarning, match="no photo|no caption") as said:
        photos = read_photos(tmp_path, PhotoOptions(), "<new1>")
    assert [photo.caption for photo in photos] == ["a <new1>", None, None]
    lines = [str(one.message) for one in said]
    assert any(line.endswith("1 caption of no photo: notes.txt") for line in lines), lines
    assert any("no caption of b.png, c.png, shown with the templates" in line for line in lines), lines
    (tmp_path / "notes.txt").unlink()
    with pytest.raises(UserError, match=r"no caption of b\.png, c\.png; write a \.txt of its name, or take"):
        read(tmp_path, captions="files")


def test_a_table_as_the_hugging_face_has_it(tmp_path):
    for seed, name in enumerate(("a.png", "b.JPG")):
        save_photo(tmp_path / name, seed)
    rows = [{"file_name": "./a.png", "text": "a <new1>"}, {"file_name": "b.JPG", "text": "my <new1>", "width": 3}]
    (tmp_path / "metadata.jsonl").write_bytes(codecs.BOM_UTF8 + "\n\n".join(map(json.dumps, rows)).encode())
    assert {name: photo.caption for name, photo in read(tmp_path).items()} == {
        "a.png": "a <new1>",
        "b.JPG": "my <new1>",
    }
    (tmp_path / "metadata.jsonl").unlink()
    (tmp_path / "metadata.csv").write_text('file_name,text\na.png,"a <new1>, seen from near"\nb.JPG,my <new1>\n')
    assert read(tmp_path)["a.png"].caption == "a <new1>, seen from near"
    with (tmp_path / "metadata.csv").open("a") as table:
        table.write("../elsewhere/c.png,<new1>\n")
    with pytest.warns(UserWarning, match=r"1 caption of no photo: \.\./elsewhere/c\.png in metadata\.csv"):
        read_photos(tmp_path, PhotoOptions(), "<new1>")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a <new1>", r"metadata\.jsonl: line 1 is no JSON object; give one a line, with file_name and text"),
        ('{"file_name": "a.png"}', r"metadata\.jsonl: line 1 has no text; give each photo file_name and text"),
        ('{"text": "a <new1>"}', r"metadata\.jsonl: line 1 has no file_name"),
        ('\n{"file_name": "a.png", "text": ""}', r"metadata\.jsonl, line 2: the caption is empty"),
        ('{"file_name": "a.png", "text": null}', r"metadata\.jsonl, line 1: the caption is empty"),
        ('{"file_name": "a.png", "text": ["<new1>"]}', r"metadata\.jsonl: line 1: its text is .*, and no text"),
        ('{"file_name": "a.png", "text": "<new1> \\ud800"}', r"line 1: the caption has half a character"),
        ('{"file_name": "a.png", "text": "a dog"}', r"metadata\.jsonl, line 1: lacks <new1>"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(tmp_path, table, message):
    save_photo(tmp_path / "a.png")
    (tmp_path / "metadata.jsonl").write_text(table)
    with pytest.raises(UserError, match=message):
        read(tmp_path)
