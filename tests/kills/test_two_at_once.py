"""Two processes that begin in one folder at the same moment: one of them is refused, and nothing is mixed."""

import re
import shutil

import pytest

pytest.importorskip("accelerate", minversion="1.0")
pytest.importorskip("tyro")

from .commands import LOOP, draw_inputs
from .runner import Runner

PAINT = "digits generate out --digits 1 --datasets svhn --count 3 --batch-size 1 --steps 1 --seed {}"
TRAIN = f"pictures train pictures out --size 8 --width 8 --blocks 1 --look-every 0 {LOOP} --seed {{}}"
REFUSED = (
    r"sfumato: out: (process \d+ \(.*\)|another process) writes into it; wait for its end, or give another folder\n",
    r"sfumato: out: holds a run with (loop\.)?seed = [01], not [01]; give its settings to go on, or another .*\n",
)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    draw_inputs(folder)
    runners = [Runner(folder, folder.parent / f"said-{number}.txt") for number in range(2)]
    yield runners
    for one in runners:
        one.end()


def at_once(two, typed):
    """Begin with seed 0 and with seed 1; the files of the one that was not refused are its own."""
    out = two[0].folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    for seed, one in enumerate(two):
        one.begin(typed.format(seed))
    statuses = [one.ended()["status"] for one in two]
    assert sorted(statuses) == [0, 2], [one.said() for one in two]
    winner, loser = statuses.index(0), two[statuses.index(2)]
    refusal = loser.said().splitlines(keepends=True)[-1]
    assert any(re.fullmatch(line, refusal) for line in REFUSED), refusal
    found = made(out)
    shutil.rmtree(out)
    assert two[winner].run(typed.format(winner))["status"] == 0
    assert made(out) == found


def made(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".png", ".safetensors", ".json")
    }


@pytest.mark.parametrize("typed", [PAINT, TRAIN], ids=["digits generate", "pictures train"])
def test_one_of_two_is_refused(two, typed):
    for _ in range(3):
        at_once(two, typed)


@pytest.mark.slow
def test_one_of_two_is_refused_fifty_times(two):
    for _ in range(50):
        at_once(two, PAINT)


def test_of_two_with_the_same_settings_one_is_refused_or_finds_all_done(two):
    shutil.rmtree(two[0].folder / "out", ignore_errors=True)
    for one in two:
        one.begin(PAINT.format(0))
    statuses = [one.ended()["status"] for one in two]
    assert sorted(statuses) in ([0, 2], [0, 0])
    assert len(list((two[0].folder / "out").rglob("*.png"))) == 3
