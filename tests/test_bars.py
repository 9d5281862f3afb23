"""Bars on a terminal, in a log, and where nobody can be told."""

import io
import sys
import types

import pytest

from sfumato import bars
from sfumato.bars import Bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves."""
    hands = types.SimpleNamespace(now=0.0)
    for place in ("sfumato.bars.time", "tqdm.std.time"):
        monkeypatch.setattr(f"{place}.monotonic" if place.startswith("sf") else place, lambda: hands.now)
    return hands


def said(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_a_log_gets_a_whole_line_every_half_minute_and_one_at_the_end(monkeypatch, clock):
    log = said(monkeypatch, io.StringIO())
    with Bar(total=100, desc="painting", unit="step") as bar:
        for _ in range(100):
            clock.now += 1
            bar.update()
            bar.set_postfix(loss="0.5", refresh=False)
    assert "\r" not in log.getvalue()
    assert [line.split("[")[0] for line in log.getvalue().splitlines()] == [
        "painting:  30% 30/100 ",
        "painting:  60% 60/100 ",
        "painting:  90% 90/100 ",
        "painting: 100% 100/100 ",
    ]
    assert log.getvalue().endswith("[01:40<00:00,  1.00step/s, loss=0.5]\n")


def test_a_bar_that_does_not_stay_leaves_a_line_only_where_it_is_long(monkeypatch, clock):
    log = said(monkeypatch, io.StringIO())
    for _ in Bar(range(29), "short", leave=False):
        clock.now += 1
    assert log.getvalue() == ""
    for _ in Bar(range(40), "long", leave=False):
        clock.now += 1
    assert [line.split("[")[0] for line in log.getvalue().splitlines()] == ["long:  75% 30/40 "]


def test_one_in_another_keeps_to_its_own_lines(monkeypatch, clock):
    log = said(monkeypatch, io.StringIO())
    for _ in Bar(range(2), "outer"):
        for _ in Bar(range(20), "inner", leave=False):
            clock.now += 1
    assert [line.split("[")[0] for line in log.getvalue().splitlines()] == ["outer: 100% 2/2 "]


def test_a_terminal_sees_it_drawn(monkeypatch):
    seen = said(monkeypatch, Terminal())
    for _ in Bar(range(2), "painting", unit="step"):
        pass
    assert seen.getvalue().startswith("\rpainting:   0%|") and "100%|##########| 2/2" in seen.getvalue()


def test_a_notebook_sees_it_drawn(monkeypatch):
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    list(Bar(range(2), "painting"))
    assert said(monkeypatch, stream).getvalue() == "" and bars._is_seen()


@pytest.mark.parametrize("stream", [None, Full()])
def test_where_nobody_can_be_told_the_work_is_done(monkeypatch, clock, stream):
    said(monkeypatch, stream)
    done = []
    with Bar(total=50, desc="painting") as bar:
        for number in range(50):
            clock.now += 1
            done.append(number)
            bar.update()
    assert done == list(range(50))


def test_what_is_disabled_says_nothing(monkeypatch, clock):
    log = said(monkeypatch, io.StringIO())
    for _ in Bar(range(50), "painting", disable=True):
        clock.now += 1
    assert log.getvalue() == ""
