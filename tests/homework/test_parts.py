"""The parts of `sfumato course` that paint nothing: what is found, what is done once, and what is handed in."""

import os
import subprocess

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.errors import UserError
from sfumato.homework.found import find_materials, known_by
from sfumato.homework.handing_in import PACKAGE, SCRIPTS, hand_in, move_too_large
from sfumato.homework.options import CourseOptions
from sfumato.homework.plan import in_words
from sfumato.homework.stages import Marks, Stage, do, planned

from ..course.scripts import ROOT


def touch(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_what_is_there_is_found_and_what_is_not_is_none(tmp_path):
    data = tmp_path / "hw2_data"
    touch(data / "digits" / "mnistm" / "train.csv")
    touch(data / "digits" / "svhn" / "train.csv")
    touch(data / "face" / "noise" / "00.pt")
    touch(tmp_path / "Classifier.pth")
    for given in (data, tmp_path):
        found = find_materials(given)
        assert found.digits == data / "digits" and found.noise == data / "face" / "noise"
        assert found.classifier.samefile(tmp_path / "Classifier.pth")
        assert (found.unet, found.truth, found.input, found.classes, found.labels) == (None,) * 5
        assert "face/UNet.pt       missing" in found.lines()


def test_an_empty_folder_is_no_part(tmp_path):
    (tmp_path / "face" / "GT").mkdir(parents=True)
    touch(tmp_path / "face" / "UNet.pt")
    assert find_materials(tmp_path).truth is None


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: touch(path / "pictures")])
def test_a_folder_without_any_part_is_refused(tmp_path, make):
    make(tmp_path / "data")
    with pytest.raises(UserError, match="give the course's hw2_data"):
        find_materials(tmp_path / "data")


def test_a_changed_file_is_noticed(tmp_path):
    one = touch(tmp_path / "a" / "one.txt", "one")
    before = known_by(tmp_path / "a", None)
    assert before == known_by(tmp_path / "a", None)
    os.utime(one, (1, 1))
    assert known_by(one) == known_by(touch(tmp_path / "other.txt", "one")) != known_by(touch(one, "two"))
    assert before != known_by(tmp_path / "a", None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"student_id": "R1/2"}, "cannot be a part of the report's name"),
        ({"student_id": ""}, "cannot be a part of the report's name"),
        ({"student_id": ".."}, "cannot be a part of the report's name"),
        ({"only": "1,4"}, "there is no problem '4'; give some of 1,2,3"),
        ({"only": ""}, "there is no problem ''"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, changes, said):
    with pytest.raises(UserError, match=said):
        CourseOptions(**{"data": tmp_path, "out": tmp_path, "student_id": "R1", **changes}).check()
    assert CourseOptions(tmp_path, tmp_path, "R1", only="3, 1").problems() == {"1", "3"}


class Work:
    """Stages that count how often they were done, and can fail."""

    def __init__(self, folder):
        self.folder, self.done, self.fails = folder, [], ""

    def stage(self, name, inputs=None, after=()):
        def work():
            if self.fails == name:
                raise KeyboardInterrupt
            self.done.append(name)
            touch(self.folder / name)

        return Stage(name, "1", name, lambda: 1.0, inputs, work, [self.folder / name], after)

    def run(self, *stages):
        self.done.clear()
        marks = Marks(self.folder / "runs")
        do(planned(stages, marks), marks)
        return list(self.done)


def test_what_is_done_is_not_done_twice_and_a_change_does_again_what_follows_from_it(tmp_path):
    work = Work(tmp_path)
    stages = [work.stage("a"), work.stage("b", after=["a"]), work.stage("c")]
    assert work.run(*stages) == ["a", "b", "c"]
    assert work.run(*stages) == []
    assert work.run(work.stage("a", inputs=2), *stages[1:]) == ["a", "b"]
    assert work.run(work.stage("a", inputs=2), *stages[1:]) == []
    (tmp_path / "c").unlink()
    assert work.run(work.stage("a", inputs=2), *stages[1:]) == ["c"]


def test_after_an_interruption_it_goes_on_with_the_stage_that_was_interrupted(tmp_path):
    work = Work(tmp_path)
    stages = [work.stage("a"), work.stage("b"), work.stage("c")]
    work.fails = "b"
    with pytest.raises(KeyboardInterrupt):
        work.run(*stages)
    work.fails = ""
    assert work.run(*stages) == ["b", "c"]


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (99, "99 s"), (600, "10 min"), (9000, "2.5 h")])
def test_times_in_words(seconds, said):
    assert in_words(seconds) == said


def test_all_scripts_are_handed_in_and_put_into_the_installed_package(tmp_path):
    assert set(SCRIPTS) == {path.name for path in ROOT.glob("*.sh")}
    project = (ROOT / "pyproject.toml").read_text()
    hand_in(tmp_path)
    for name in SCRIPTS:
        assert f'"{name}" = "sfumato/homework/scripts/{name}"' in project
        there, here = tmp_path / name, ROOT / name
        assert there.read_bytes() == here.read_bytes() and there.stat().st_mode == here.stat().st_mode, name


def test_what_is_handed_in_is_the_package_with_the_own_weights(tmp_path):
    own = touch(tmp_path / "own.safetensors", "own")
    hand_in(tmp_path / "out", own)
    weights = tmp_path / "out" / "sfumato" / "models" / "weights"
    assert (weights / "digits.safetensors").read_text() == "own"
    shipped = PACKAGE / "models" / "weights"
    assert (weights / "world.safetensors").read_bytes() == (shipped / "world.safetensors").read_bytes()
    assert not list((tmp_path / "out").rglob("__pycache__"))
    stale = touch(tmp_path / "out" / "sfumato" / "old.py")
    hand_in(tmp_path / "out")
    assert (weights / "digits.safetensors").read_bytes() == (shipped / "digits.safetensors").read_bytes()
    assert not stale.exists()


def test_what_is_too_large_is_moved_and_fetched(tmp_path):
    out = tmp_path / "out"
    touch(out / "runs" / "large.bin", "x" * 2000)
    touch(out / "small.bin", "x")
    large = touch(out / "in" / "a large one.bin", "y" * 2000)
    (moved,) = move_too_large(out, largest=1000)
    assert moved == tmp_path / "out-to-upload" / "in" / "a large one.bin" and not large.exists()
    assert (out / "runs" / "large.bin").exists() and (out / "small.bin").exists()
    script = out / "hw2_download_ckpt.sh"

    def run():
        return subprocess.run(["bash", str(script)], cwd=tmp_path, capture_output=True, text=True)

    refused = run()
    assert refused.returncode == 2 and "the address of in/a large one.bin is missing" in refused.stderr
    moved.rename(tmp_path / "uploaded.bin")
    script.write_text(script.read_text().replace("fetch ADDRESS", f"fetch file://{tmp_path}/uploaded.bin"))
    assert run().returncode == 0 and large.read_text() == "y" * 2000
