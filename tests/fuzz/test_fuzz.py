"""A short round: the corpus, and mutations of it from fixed seeds."""

import random

import pytest

from .mutations import MUTATIONS
from .seeds import CORPUS
from .targets import TARGETS, PromiseBroken, Target, Watch, room_below_peak

_ROUNDS = 2000
"""Mutations of a target, a second or two."""
_LONGEST = 4096

pytestmark = pytest.mark.filterwarnings("ignore:.*twice in one object")


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
    # Where the system does not forget the peak of what ran before, only more than that is seen.
    size = room_below_peak() + (200 << 20)
    said = broken(watch, lambda path: bytearray(b"x") * size)
    assert said.startswith("takes ")
    assert int(said.split()[1]) == pytest.approx(size >> 20, abs=20)
    with pytest.raises(KeyError):
        watch.check(Target(lambda raw: raw, lambda path: {}["nothing"]), b"x")
