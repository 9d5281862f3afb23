"""A command that is killed, in the middle of a write or at any moment, and run again: nothing is left of the killed
run, nothing is lost, and the end is the same to the last byte."""

import json
import random
import shutil

import pytest

pytest.importorskip("accelerate", minversion="1.0")
pytest.importorskip("tyro")

from sfumato.commands import COMMANDS as ALL

from .commands import COMMANDS, HANDED_IN, PREPARED, SCRIPTS, draw_inputs
from .runner import Runner

KILLS_HERE, KILLS_SLOW = 3, 20
TYPED = {**COMMANDS, **SCRIPTS}
WITHOUT_FILES = {"doctor", "info", "presets", "studio"}
"""Or, of the studio, with those of the commands that it runs: tests/studio kills those, and the studio."""
_CLOCK = ("seconds", "pictures_per_second")
"""What of a log is never the same twice."""


class Runs(Runner):
    """Commands in a folder that is made anew for each of them, always at the same path."""

    def __init__(self, root):
        super().__init__(root / "work", root / "said.txt")
        self.template = root / "template"
        self._whole = {}

    def prepare(self):
        self.folder.mkdir()
        draw_inputs(self.folder)
        for typed in PREPARED:
            assert self.run(typed)["status"] == 0, self.said()
        self.folder.rename(self.template)

    def afresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder)

    def whole(self, name):
        """(what an uninterrupted run leaves, its seconds, how many files it renamed); run once."""
        if name not in self._whole:
            self.afresh()
            done = self.run(TYPED[name])
            assert done["status"] == 0, self.said()
            self._whole[name] = (contents(self.folder), done["seconds"], done["renamed"])
        return self._whole[name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("kills"))
    try:
        made.prepare()
        yield made
    finally:
        made.end()


def contents(folder):
    """Every file below a folder by its name; of a log without the clock's numbers, of TensorBoard's and of how long a
    search took nothing."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.parent.name == "tensorboard" or path.name == "seconds.json":
            continue
        raw = path.read_bytes()
        if path.name == "log.jsonl":
            lines = [json.loads(line) for line in raw.splitlines()]
            raw = [{name: value for name, value in line.items() if name not in _CLOCK} for line in lines]
        found[str(path.relative_to(folder))] = raw
    return found


def differences(one, other):
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def kill_and_run_again(runs, name, number):
    """One kill: by turns in the middle of a write and at a random moment, both by a fixed seed."""
    expected, seconds, renamed = runs.whole(name)
    chance = random.Random(f"{name} {number}")
    moment = {"write": chance.randint(1, renamed)} if number % 2 == 0 else {"seconds": chance.uniform(0, seconds)}
    runs.afresh()
    before = contents(runs.folder)
    killed = runs.run(TYPED[name], **moment)
    # At a random moment the run may have ended before.
    assert killed["status"] == -9 or "seconds" in moment, runs.said()
    after = contents(runs.folder)
    if name in SCRIPTS:
        counted = {path.removeprefix("out/") for path in after if path.startswith("out/")}
        unfinished = {path for path in counted if path.startswith(".sfumato-tmp.")}
        assert counted - unfinished <= HANDED_IN[name], f"{moment}: what is not finished lies where it is counted"
    lost = [path for path in before if before[path] != after.get(path)]
    assert not lost, f"{moment}: {lost} of the user's own changed"
    assert runs.run(TYPED[name])["status"] == 0, f"{moment}: {runs.said()}"
    assert differences(expected, contents(runs.folder)) == [], f"{moment}: differ from an uninterrupted run"


def test_every_command_that_writes_is_tried():
    assert set(COMMANDS) == set(ALL) - WITHOUT_FILES


@pytest.mark.parametrize("name", list(TYPED))
def test_a_killed_command_ends_as_if_it_had_not_been(runs, name):
    for number in range(KILLS_HERE):
        kill_and_run_again(runs, name, number)


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_a_script_leaves_what_the_course_asks_for_and_nothing_else(runs, name):
    expected, _, _ = runs.whole(name)
    assert {path.removeprefix("out/") for path in expected if path.startswith("out/")} == HANDED_IN[name]
    runs.afresh()
    assert runs.run(SCRIPTS[name], write=2)["status"] == -9
    assert runs.run(SCRIPTS[name])["status"] == 0
    assert {path.name for path in (runs.folder / "out").iterdir()} == {path.split("/")[0] for path in HANDED_IN[name]}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TYPED))
def test_many_kills_of_every_command(runs, name):
    for number in range(KILLS_HERE, KILLS_SLOW):
        kill_and_run_again(runs, name, number)


@pytest.mark.parametrize("name", list(TYPED))
def test_the_same_command_leaves_the_same_bytes(runs, name):
    """In a folder of its own and, run again, in the one that is there."""
    expected, _, _ = runs.whole(name)
    runs.afresh()
    for _ in range(2):
        assert runs.run(TYPED[name])["status"] == 0, runs.said()
        assert differences(expected, contents(runs.folder)) == []
