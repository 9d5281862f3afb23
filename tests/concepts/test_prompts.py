"""The course's input.json, and what is said of a bad one."""

import json

import pytest

from sfumato.concepts.prompts import read_input
from sfumato.errors import UserError
from sfumato.models.stable_diffusion.tokenizer import Tokenizer

GOOD = {
    "0": {
        "src_image": "dog",
        "token_name": "<new1>",
        "prompt": ["a <new1>", "two <new1>"],
        "prompt_4_clip_eval": ["a dog", "two dogs"],
        "baseline": [[79, 34], [74.5, 35]],
    },
    "1": {"token_name": "<new2>", "prompt": ["in the style of <new2>"]},
}


def written(tmp_path, content):
    path = tmp_path / "input.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_sources_and_prompts_are_read_in_order(tmp_path):
    first, second = read_input(written(tmp_path, GOOD))
    assert first.key == "0"
    assert first.token == "<new1>"
    assert first.prompts == ("a <new1>", "two <new1>")
    assert first.judged_as == ("a dog", "two dogs")
    assert first.baselines == ((79.0, 34.0), (74.5, 35.0))
    assert second.judged_as == second.baselines == ()


def changed(**fields):
    return {"0": {**GOOD["0"], **fields}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"0": {\n  "prompt": [}', r"line 2, column 14: .*; mend the JSON"),
        ([], "must hold an object of sources"),
        ({}, "must hold an object of sources"),
        ({"0": []}, "source '0': must be an object"),
        *[({key: GOOD["0"]}, "names a folder") for key in ("../0", "..", ".", "", " ", "a/b", "a\\b", "C:0", "x" * 61)],
        ({"a\0b": GOOD["0"]}, r"holds 'a\\x00b', which has half a character or a NUL in it"),
        (changed(prompt=["a \ud83d"]), r"holds 'a \\ud83d', which has half a character"),
        ('{"0": {"token_name": "<a>", "prompt": ["a <a>"], "baseline": [[NaN, 1]]}}', "holds NaN, which is no number"),
        (changed(baseline=[[10**400, 1], [1, 1]]), "holds a number of 401 digits"),
        (changed(token_name=None), "source '0': lacks the field token_name"),
        ({"7": {"token_name": "<a>"}}, "source '7': lacks the field prompt"),
        (changed(prompt="a dog"), "prompt must be a list of texts"),
        (changed(prompt=[]), "prompt is empty"),
        (changed(prompt_4_clip_eval=["one"]), "has 1 entries, prompt has 2"),
        (changed(baseline=[[1, 2]]), "baseline must be 2 pairs"),
        (changed(baseline=[[1, 2], [3, "x"]]), "baseline must be 2 pairs"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        read_input(written(tmp_path, content))


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_input(tmp_path / "none.json")
    (tmp_path / "input.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        read_input(tmp_path / "input.json")


def test_unknown_words_are_found():
    assert Tokenizer().unknown("a <new1> and a <new2> on a <new1>") == ["<new1>", "<new2>"]
    assert Tokenizer({"<new1>": 1}).unknown("a <new1> and a <new2>") == ["<new2>"]
    assert Tokenizer().unknown("a photo and 3 < 4 > 2") == []
