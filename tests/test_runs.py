"""Folders of painted pictures: what belongs to a run, and what is swept away."""

import json

import numpy as np
import pytest
import torch

from sfumato.devices import Worker
from sfumato.errors import UserError
from sfumato.images import save_png
from sfumato.runs import digest, file_identity, open_run, painted_by

ALONE = Worker(0, 1, 0)


def paint(path, run):
    save_png(path, torch.zeros(4, 4, 3, dtype=torch.uint8), {"run": run})


def test_pictures_of_an_earlier_run_are_not_taken_for_this_ones(tmp_path):
    first = open_run(tmp_path, "digits generate", {"seed": 0}, ALONE)
    paint(tmp_path / "1.png", first)
    assert painted_by(first, tmp_path / "1.png")
    assert first == open_run(tmp_path, "digits generate", {"seed": 0}, ALONE), "the same settings go on"
    with pytest.raises(UserError, match="holds pictures of other settings"):
        open_run(tmp_path, "digits generate", {"seed": 1}, ALONE)
    second = open_run(tmp_path, "digits generate", {"seed": 1}, ALONE, overwrite=True)
    assert not painted_by(second, tmp_path / "1.png"), "overwriting, interrupted, has more to paint"
    assert not painted_by(second, tmp_path / "2.png")
    assert second == open_run(tmp_path, "digits generate", {"seed": 1}, ALONE)


def test_a_file_in_the_way_is_found_before_any_folder_is_made(tmp_path):
    (tmp_path / "svhn").touch()
    with pytest.raises(UserError, match=r"svhn: cannot be made a folder \(it is a file\)"):
        open_run(tmp_path, "digits generate", {}, ALONE, inside=["mnistm", "svhn"])
    assert [path.name for path in tmp_path.iterdir()] == ["svhn"]


def test_a_digest_is_of_contents():
    array = np.arange(12).reshape(3, 4)
    assert digest(array) == digest(array.copy()) != digest(array.T)
    assert digest(array[:, ::2]) == digest(array[:, ::2].copy())
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    assert digest(b"x", b"y") != digest(b"y", b"x")
    assert len(digest(b"")) == 16 and json.dumps(digest(b""))


def test_what_systems_leave_in_a_folder_is_none_of_its_contents(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.pt").write_text("x")
    before = file_identity(tmp_path)
    for name in (".DS_Store", "inside/._a.pt", "Thumbs.db"):
        (tmp_path / name).write_text("y")
    assert file_identity(tmp_path) == before
    (tmp_path / "inside" / "b.pt").write_text("y")
    assert file_identity(tmp_path) != before
