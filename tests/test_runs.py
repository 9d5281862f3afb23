"""Folders of painted pictures: what belongs to a run, and what is swept away."""

import json

import numpy as np
import pytest
import torch

from sfumato.devices import Worker
from sfumato.errors import UserError
from sfumato.images import save_png
from sfumato.runs import COMMAND_LINE, digest, file_identity, open_run, painted_by, say_next

ALONE = Worker(0, 1, 0)


def paint(path, run):
    save_png(path, torch.zeros(4, 4, 3, dtype=torch.uint8), {"run": run})


def run_of(folder, command, settings, **more):
    """The run's name; the folder is not held any longer."""
    with open_run(folder, command, settings, ALONE, **more) as name:
        return name


def test_pictures_of_an_earlier_run_are_not_taken_for_this_ones(tmp_path):
    first = run_of(tmp_path, "digits generate", {"seed": 0})
    paint(tmp_path / "1.png", first)
    assert painted_by(first, tmp_path / "1.png")
    assert first == run_of(tmp_path, "digits generate", {"seed": 0}), "the same settings go on"
    told = (
        "holds a run with seed = 0, not 1; give its settings to go on, or another folder to begin anew, or --overwrite"
    )
    with pytest.raises(UserError, match=told):
        run_of(tmp_path, "digits generate", {"seed": 1}, overwrite=False)
    second = run_of(tmp_path, "digits generate", {"seed": 1}, overwrite=True)
    assert not painted_by(second, tmp_path / "1.png"), "overwriting, interrupted, has more to paint"
    assert not painted_by(second, tmp_path / "2.png")
    assert second == run_of(tmp_path, "digits generate", {"seed": 1}, overwrite=False)


def test_a_folder_of_another_command_is_refused_and_keeps_its_note(tmp_path):
    run_of(tmp_path, "digits generate", {"seed": 0})
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(UserError, match=r"holds what `digits generate` made \(run.json there\); give another folder$"):
        run_of(tmp_path, "digits train", {"seed": 0})
    assert (tmp_path / "run.json").read_bytes() == before


@pytest.mark.parametrize("note", ["[]", "{}", '{"command": "digits train"}', '{"command": 1, "settings": 2}'])
def test_a_note_that_is_none_is_refused(tmp_path, note):
    (tmp_path / "run.json").write_text(note)
    with pytest.raises(UserError, match=r"run\.json: is no note of a run; give another folder, or remove the file"):
        run_of(tmp_path, "digits train", {})


def test_a_file_in_the_way_is_found_before_any_folder_is_made(tmp_path):
    (tmp_path / "svhn").touch()
    with pytest.raises(UserError, match=r"svhn: cannot be made a folder \(it is a file\)"):
        run_of(tmp_path, "digits generate", {}, inside=["mnistm", "svhn"])
    assert [path.name for path in tmp_path.iterdir()] == ["svhn"]


def test_processes_of_a_launch_wait_for_the_first_one(tmp_path, monkeypatch):
    """Not for one of another launch, nor of other settings."""
    for name, value in (("MASTER_ADDR", "here"), ("MASTER_PORT", "29500"), ("TORCHELASTIC_RUN_ID", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sfumato.runs._PATIENCE", 0.3)
    first, second = Worker(0, 2, 0), Worker(1, 2, 1)
    late = "the first process of this launch did not begin in it"
    with pytest.raises(UserError, match=late), open_run(tmp_path, "digits generate", {"seed": 0}, second):
        pass
    with open_run(tmp_path, "digits generate", {"seed": 0}, first) as name:
        with open_run(tmp_path, "digits generate", {"seed": 0}, second) as same:
            assert same == name
        with pytest.raises(UserError, match=late), open_run(tmp_path, "digits generate", {"seed": 1}, second):
            pass
        monkeypatch.setenv("MASTER_PORT", "29501")
        with pytest.raises(UserError, match=late), open_run(tmp_path, "digits generate", {"seed": 0}, second):
            pass


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


def test_the_next_command_is_said_where_this_one_was_typed(tmp_path, capsys):
    folder = tmp_path / "my runs"
    say_next("digits generate", folder)
    for typed in ("sfumato course data out", "sfumato digits generate out"):
        before = COMMAND_LINE.set(typed)
        say_next("digits generate", folder)
        say_next("digits generate", folder, "sfumato digits evaluate out")
        COMMAND_LINE.reset(before)
    assert capsys.readouterr().out.splitlines() == [
        f"sfumato report page --run '{folder}'",
        "sfumato digits evaluate out",
    ]
