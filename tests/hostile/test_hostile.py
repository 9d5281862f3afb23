"""Each hostile file through the command that reads it: nothing acts, nothing blows up, and a refusal is one line."""

import pathlib
import sys
from typing import List

import pytest

from .cases import CANARY, COMMANDS, Case
from .good import write_good
from .make import all_cases
from .server import MOST_SECONDS, Server

MOST_MEGABYTES = 2048
CASES = all_cases()
_EVERY = 10

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="the command line needs packages that are newer")


def shown(case: Case, place: int) -> object:
    """A case under its name; all but every tenth are for the long run."""
    return pytest.param(case, id=case.name, marks=[] if place % _EVERY == 0 else [pytest.mark.slow])


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_good(tmp_path_factory.mktemp("good"))


def arguments(case: Case, file: pathlib.Path, good: pathlib.Path) -> List[str]:
    """What is typed."""
    there = {"FILE": str(file), "GOOD": str(good), "OUT": "out"}
    parts = [word.split("/") for word in COMMANDS[case.command]]
    return ["/".join(there.get(part, part) for part in some) for some in parts]


def inside(folder: pathlib.Path) -> List[object]:
    """The state of all files of a folder: what a command may not change."""
    return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*"))


@pytest.mark.parametrize("case", [shown(case, place) for place, case in enumerate(CASES)])
def test_nothing_of_it_acts_and_a_refusal_is_one_line(server, good, tmp_path, case):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, here / "out", there):
        folder.mkdir()
    file = case.write(there)
    before = inside(there)
    outcome = server.run(arguments(case, file, good), here)
    assert "Traceback" not in outcome.said, outcome.said
    assert outcome.status in (0, 2), (outcome.status, outcome.said)
    assert outcome.left == []
    assert inside(there) == before
    assert outcome.megabytes < MOST_MEGABYTES
    assert outcome.seconds < MOST_SECONDS
    if outcome.status == 2:
        assert len([line for line in outcome.said.splitlines() if line.startswith("sfumato: ")]) >= 1, outcome.said
        # It was the file that was refused: a command that fails before it reads would pass all of the above.
        assert case.name in outcome.said, outcome.said
    for page in (here / "out").glob("*.html"):
        assert f"<{CANARY}" not in page.read_text(encoding="utf-8")


def test_what_acts_is_noticed(server, tmp_path):
    (tmp_path / "here").mkdir()
    acting = [case for case in CASES if case.what in ("call-os.system-new.pt", "way-INST-old.pt")]
    for case in acting:
        (tmp_path / case.what).write_bytes(case.make())
    files = [str(tmp_path / case.what) for case in acting]
    outcome = server.run(files, tmp_path / "here", "tests.hostile.victim:main")
    assert "and then end badly" in outcome.said, outcome.said
    assert outcome.left == [f"acts-{event}" for event in ("os.system", "pickle.find_class")] + [CANARY]
    assert "Traceback" in outcome.said


def test_there_are_enough_and_each_has_a_name_of_its_own():
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)


def test_they_are_the_same_every_time():
    for case in CASES[::23]:
        assert case.make() == case.make(), case.name
