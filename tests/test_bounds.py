"""Texts and pictures that ask for far more than anybody needs, or would write over the terminal, are refused."""

import json
import warnings

import pytest
from PIL import Image

from sfumato.concepts.prompts import read_input
from sfumato.errors import UserError, in_one_line
from sfumato.images import open_picture
from sfumato.program import speak_plainly


def test_what_ends_a_line_or_moves_the_cursor_is_spelled_out():
    assert in_one_line("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert in_one_line("Zoë's dog 犬 😀.pt") == "Zoë's dog 犬 😀.pt"
    assert in_one_line("\udcff.pt") == "\\udcff.pt"


def test_warnings_are_one_line(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    speak_plainly("sfumato")
    warnings.showwarning(UserWarning("a\nsfumato: b\x1b[2J"), UserWarning, "", 0)
    assert capsys.readouterr().err == "sfumato: warning: a\\nsfumato: b\\x1b[2J\n"


def written(path, content):
    path.write_text(json.dumps(content))
    return path


def source(**other):
    return {"0": {"token_name": "<a>", "prompt": ["one <a>"], **other}}


@pytest.mark.parametrize("token", ["\x1b[31m", "a\nb", "x" * 201])
def test_a_token_that_no_prompt_can_say_is_refused(tmp_path, token):
    with pytest.raises(UserError, match="which no prompt can say"):
        read_input(written(tmp_path / "input.json", source(token_name=token)))


def test_an_endless_prompt_is_refused(tmp_path):
    assert read_input(written(tmp_path / "input.json", source(prompt=["a" * 20_000])))[0].prompts == ("a" * 20_000,)
    with pytest.raises(UserError, match="has a text of 20,001 letters"):
        read_input(written(tmp_path / "input.json", source(prompt=["one", "a" * 20_001])))


@pytest.mark.parametrize("size", [(1001, 1), (1, 1001)])
def test_a_picture_of_a_line_is_refused(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no side may be over 1000 times the other"):
        open_picture(tmp_path / "a.png")


def test_a_panorama_is_read(tmp_path):
    Image.new("RGB", (1000, 1)).save(tmp_path / "a.png")
    assert open_picture(tmp_path / "a.png").size == (1000, 1)


@pytest.mark.parametrize("label", ["a\nb", "\x1b[2J", "a" * 301])
def test_a_label_that_is_no_name_is_refused(tmp_path, label):
    pytest.importorskip("transformers")
    from sfumato.zero_shot import ZeroShotOptions, zero_shot

    Image.new("RGB", (8, 8)).save(tmp_path / "0_a.png")
    labels = written(tmp_path / "labels.json", {"0": label})
    with pytest.raises(UserError, match="the label of '0' is no name"):
        zero_shot(ZeroShotOptions(tmp_path, labels))


def test_more_labels_than_there_are_classes_are_refused(tmp_path):
    pytest.importorskip("transformers")
    from sfumato.zero_shot import ZeroShotOptions, zero_shot

    labels = written(tmp_path / "labels.json", {str(key): "a" for key in range(25_001)})
    with pytest.raises(UserError, match="has 25,001 labels"):
        zero_shot(ZeroShotOptions(tmp_path, labels))
