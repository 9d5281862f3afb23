"""When a run will be finished, by a few steps of it."""

import re
from datetime import datetime

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.training.pace import pace_in_words, seconds_a_step

from .test_training import draw, loss, trainer


def minutes_ahead(said):
    end = datetime.strptime(re.search(r"finished ([\d-]+ [\d:]+)", said).group(1), "%Y-%m-%d %H:%M")
    return (end - datetime.now()).total_seconds() / 60


def test_of_a_run_by_the_clock_the_minutes_that_are_left_count():
    said = pace_in_words(seconds_a_step(trainer(steps=10**9), draw, loss), 90.0, True)
    assert 88.5 < minutes_ahead(said) < 90.5
    assert "steps)" in said


def test_of_a_run_by_steps_those_that_are_left_count_at_the_pace_measured():
    def slow(network, batch):
        import time

        time.sleep(0.05)
        return loss(network, batch)

    said = pace_in_words(seconds_a_step(trainer(steps=2), draw, slow), 36_000, False)
    seconds = float(re.search(r"([\d.]+) s a step", said).group(1))
    assert seconds >= 0.05
    assert minutes_ahead(said) == pytest.approx(36_000 * seconds / 60, rel=0.15, abs=1.5)


def test_a_loss_that_explodes_is_left_to_the_run_to_tell():
    seconds = seconds_a_step(trainer(steps=2), draw, lambda *_: loss(*_) * float("nan"))
    assert seconds is None and pace_in_words(seconds, 10, False) == ""
