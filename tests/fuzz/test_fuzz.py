"""A short round: the corpus, and mutations of it from fixed seeds."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from .mutations import MUTATIONS
from .seeds import CORPUS
from .targets import TARGETS, PromiseBroken, Target, Watch

_ROUNDS = 2000
"""Mutations of a target, a second or two."""
_LONGEST = 4096

# The second is pickletools', of a text in the old protocol; nobody sees it outside of tests.
pytestmark = pytest.mark.filterwarnings("ignore:.*twice in one object", "ignore:invalid escape sequence")


@pytest.fixture(scope="module")
def watch():
    return Watch()


def seeds(name):
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_corpus_is_read_or_refused(watch, name):
    assert seeds(name)
    for raw in seeds(name):
        assert len(raw) <= _LONGEST
        watch.check(TARGETS[name], raw)


@pytest.mark.parametrize("name", list(TARGETS))
def test_mutations_are_read_or_refused(watch, name):
    chance = random.Random(f"{name} 0")
    pool = seeds(name)
    for _ in range(_ROUNDS):
        raw = chance.choice(pool)
        for _ in range(chance.randint(1, 4)):
            raw = MUTATIONS[name](raw, chance)[:_LONGEST]
        watch.check(TARGETS[name], raw)
        # What came of a mutation is mutated on.
        if chance.random() < 0.2:
            pool.append(raw)


def broken(watch, read):
    with pytest.raises(PromiseBroken) as caught:
        watch.check(Target(lambda raw: raw, read), b"x")
    return str(caught.value)


def test_what_breaks_a_promise_is_noticed(watch, tmp_path):
    assert broken(watch, lambda path: (tmp_path / "canary").write_text("")).startswith("acts: open")
    with pytest.raises(KeyError):
        watch.check(Target(lambda raw: raw, lambda path: {}["nothing"]), b"x")


GREEDY = """
from tests.fuzz.targets import PromiseBroken, Target, Watch
try:
    Watch().check(Target(lambda raw: raw, lambda path: bytearray(b"x") * (200 << 20)), b"x")
except PromiseBroken as broken:
    print(broken)
"""


def test_memory_that_breaks_a_promise_is_noticed():
    """In a process of its own: one that has held much may hold it still, and show no more."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", GREEDY], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("takes ") and done.stdout.endswith(" MiB for 1 bytes\n")
    assert int(done.stdout.split()[1]) == pytest.approx(200, abs=20)
