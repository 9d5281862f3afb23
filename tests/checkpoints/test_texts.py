"""Texts and JSON of any editor are read; what is none is told in a line."""

import warnings

import pytest

from sfumato.checkpoints import read_json, read_text
from sfumato.errors import UserError

CONTENT = '{"a": ["caf\u00e9", 1, 0.5, null]}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_of_the_encoding_is_read_and_left_out(tmp_path, encoding):
    (tmp_path / "a.json").write_bytes(CONTENT.encode(encoding))
    assert read_text(tmp_path / "a.json", "") == CONTENT
    assert read_json(tmp_path / "a.json", "") == {"a": ["caf\u00e9", 1, 0.5, None]}


def test_a_key_that_comes_twice_is_told_and_the_later_one_counts(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}')
    with pytest.warns(UserWarning, match=r"a.json: has 'c', 'a' twice in one object; the later one counts"):
        assert read_json(tmp_path / "a.json", "") == {"a": 4, "b": {"c": 3}}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "line 1, column 1"),
        (b'{"a": }', "line 1, column 7"),
        (b"caf\xe9", "is not UTF-8 text"),
        (b'"a\0b"', "holds NUL bytes"),
        (b'"a\\u0000b"', "half a character or a NUL"),
        (b'"a\\ud83d"', "half a character or a NUL"),
        (b"[" * 100_000, "nested more than 100 levels"),
        (b"[" * 500 + b"]" * 500, "nested more than 100 levels"),
        (b"NaN", "holds NaN, which is no number"),
        (b"1e999", "too large"),
        (b"1" * 5000, "a number of 5,000 digits"),
        (b" " * (2**24 + 1), "is larger than 16 MiB"),
    ],
)
def test_what_is_no_json_is_one_line(tmp_path, raw, words):
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(UserError, match=rf"a.json: .*{words}.*; mend it") as refused:
        read_json(tmp_path / "a.json", "mend it")
    assert "\n" not in str(refused.value)


def test_a_whole_pair_of_halves_is_a_character(tmp_path):
    (tmp_path / "a.json").write_text('"\\ud83d\\ude00"')
    assert read_json(tmp_path / "a.json", "") == "\U0001f600"


def test_our_own_notes_may_hold_what_python_writes(tmp_path):
    (tmp_path / "a.json").write_text('[NaN, "\\udce9"]')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_json(tmp_path / "a.json", "", ours=True)
    assert found[0] != found[0]
    assert found[1] == "\udce9"


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none.json: cannot be read \(No such file"):
        read_json(tmp_path / "none.json", "")
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path, "")
