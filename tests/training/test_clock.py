"""Minutes in place of steps, by a clock of the test's own."""

import json

import pytest
import torch

pytest.importorskip("accelerate")

from sfumato.errors import UserError
from sfumato.training import ENDLESS, LoopOptions
from sfumato.training.clock import timed

from .test_training import draw, loss, trainer, weights


class Clock:
    """Half a second a step, as one looks at it once a step."""

    def __init__(self, seconds=0.5):
        self.time, self.seconds = 1000.0 - seconds, seconds

    def __call__(self):
        self.time += self.seconds
        return self.time


def walked(run, path, clock, minutes=1.0, spent=0.0):
    return list(timed(run, run.run(draw, loss), minutes, spent, path, clock))


def test_a_minute_of_half_seconds_is_decided_when_the_fall_is_due(tmp_path):
    """55% of 60 s are over after 66 steps; the clock is asked at the 70th, and until then nothing falls."""
    run = trainer(steps=ENDLESS)
    rates = [progress.rate for progress in walked(run, tmp_path / "clock.json", Clock())]
    assert json.loads((tmp_path / "clock.json").read_text()) == {"steps": 120, "at": 70}
    endless, planned = LoopOptions(steps=ENDLESS, warmup=5), LoopOptions(steps=120, warmup=5)
    assert rates == [*(endless.rate(step) for step in range(70)), *(planned.rate(step) for step in range(70, 120))]
    assert run.expected_steps == 120


def test_what_is_decided_is_decided(tmp_path):
    whole = trainer(steps=ENDLESS)
    walked(whole, tmp_path / "clock.json", Clock())
    resumed = trainer(steps=ENDLESS)
    for progress in timed(resumed, resumed.run(draw, loss), 1.0, 0.0, tmp_path / "other.json", Clock()):
        if progress.step == 50:
            break
    later = trainer(steps=ENDLESS)
    later.load_state(resumed.state(), 50)
    # A machine that is ten times as fast, and goes on.
    walked(later, tmp_path / "clock.json", Clock(0.05), spent=25.0)
    assert later.steps_done == 120
    assert torch.equal(weights(later), weights(whole))


def test_the_time_of_an_earlier_process_counts(tmp_path):
    run = trainer(steps=ENDLESS)
    run.load_state(trainer().state(), 40)
    walked(run, tmp_path / "clock.json", Clock(), spent=20.0)
    assert run.steps_done == 120


@pytest.mark.parametrize(("share", "steps"), [(0.0, 120), (1.0, 120)])
def test_the_fall_may_be_none_or_all_of_it(tmp_path, share, steps):
    """Where all of it falls, the end is decided by the first ten steps' pace."""
    run = trainer(steps=ENDLESS, decay_share=share)
    seen = 0
    for progress in timed(run, run.run(draw, loss), 1.0, 0.0, tmp_path / "clock.json", Clock()):
        seen = progress.step
        if seen == 130:
            break
    assert json.loads((tmp_path / "clock.json").read_text())["steps"] == steps
    assert seen == min(steps, 130)


@pytest.mark.parametrize("content", ["{}", "[3]", '{"steps": 9}', '{"steps": 0, "at": 1}', '{"steps": 1.5, "at": 1}'])
def test_what_is_no_decision_is_named(tmp_path, content):
    (tmp_path / "clock.json").write_text(content)
    with pytest.raises(UserError, match=r"clock.json: says no number of steps; remove the file"):
        walked(trainer(steps=ENDLESS), tmp_path / "clock.json", Clock())
