"""The drawings of a report, as matplotlib's figures: what is wrong stands out, and only losses are smoothed."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from sfumato.images.style import INK, LINES
from sfumato.report import curves
from sfumato.report.curves import confusions, curve, lines_over_times, smoothed


@pytest.fixture
def drawn(monkeypatch):
    """Takes the figures that are drawn."""
    kept = []
    draw = curves.drawing
    monkeypatch.setattr(curves, "drawing", lambda figure, *told: kept.append(figure) or draw(figure, *told))
    return kept


def test_what_was_misread_is_large_and_bold_and_zeros_are_left_out(drawn):
    rows = [[50, 0, 0], [0, 37, 13], [1, 0, 49]]
    confusions({"$svhn$": rows, "mnistm": [[2, 0], [0, 2]]}, "", "")
    axis = drawn[0].axes[0]
    there = {text.get_position(): text for text in axis.texts}
    assert {at: text.get_text() for at, text in there.items()} == {
        (0, 0): "50",
        (1, 1): "37",
        (2, 1): "13",
        (0, 2): "1",
        (2, 2): "49",
    }, "a column is what was read, a row what was asked for"
    right = [there[at] for at in ((0, 0), (1, 1), (2, 2))]
    wrong = [there[at] for at in ((2, 1), (0, 2))]
    assert all(text.get_fontweight() == "bold" and text.get_color() == LINES[1].colour for text in wrong)
    assert all(text.get_fontweight() != "bold" and text.get_color() == INK for text in right)
    assert min(text.get_fontsize() for text in wrong) > 1.3 * max(text.get_fontsize() for text in right)
    grey = {(round(box.get_x()), round(box.get_y())) for box in axis.patches if box.get_fill()}
    framed = {(round(box.get_x()), round(box.get_y())) for box in axis.patches if not box.get_fill()}
    assert grey == {(0, 0), (1, 1), (2, 2)} and framed == {(2, 1), (0, 2)}
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_title()) == ("read as", "asked for", "$svhn$")
    assert axis.yaxis_inverted()


def test_numbers_of_a_large_matrix_stay_in_their_cells(drawn):
    confusions({"all": [[1234] * 32] * 32}, "", "")
    figure = drawn[0]
    figure.draw_without_rendering()
    (axis,) = figure.axes
    cell = axis.get_window_extent().width / 32
    assert all(text.get_window_extent().width < cell for text in axis.texts[:40])


def log(steps, **quantities):
    return [{"step": step, **{name: value(step) for name, value in quantities.items()}} for step in steps]


def test_losses_are_smoothed_over_what_was_logged_and_learning_rates_are_as_they_were(drawn):
    lines = log(range(20, 20020, 20), loss=lambda step: 1 + step % 3, rate=lambda step: step % 7)
    curve(lines, {"loss": "loss", "rate": "learning rate"}, "", "")
    loss, rate = drawn[0].axes[:2]
    logged = [1 + line["step"] % 3 for line in lines]
    pale, strong = loss.get_lines()
    assert list(pale.get_ydata()) == logged
    assert list(strong.get_ydata()) == smoothed(logged)
    assert pale.get_alpha() < 0.5
    (only,) = rate.get_lines()
    assert list(only.get_ydata()) == [line["rate"] for line in lines]


def test_steps_are_told_in_thousands(drawn):
    curve(log(range(100, 40100, 100), rate=lambda step: step), {"rate": "learning rate"}, "", "")
    figure = drawn[0]
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert {"10k", "20k", "30k"} <= set(shown)


def test_runs_that_were_joined_are_told_apart_without_colour_and_not_smoothed_into_each_other(drawn):
    lines = log(range(1, 901), loss=lambda step: float((step - 1) // 300))
    curve(lines, {"loss": "loss"}, "", "", runs=[("first", 0), ("second", 300), ("third", 600)])
    axis = drawn[0].axes[0]
    strong = [line for line in axis.get_lines() if line.get_color() in {one.colour for one in LINES[:3]}]
    assert [set(line.get_ydata()) for line in strong] == [{0.0}, {1.0}, {2.0}]
    assert [(line.get_xdata()[0], line.get_xdata()[-1]) for line in strong] == [(1, 300), (301, 600), (601, 900)]
    assert len({str(line._unscaled_dash_pattern) for line in strong}) == 3
    names = {text.get_text(): text.get_position()[0] for text in axis.texts}
    assert names == {"first": 150, "second": 450, "third": 750}


def test_quantities_of_one_kind_share_an_axis_and_are_named_in_it(drawn):
    lines = log(range(1000, 11000, 1000), m=lambda step: step / 1e4, s=lambda step: step / 2e4, loss=lambda step: 1.0)
    curve(lines, {"loss": "loss", "m": "accuracy: MNIST-M", "s": "accuracy: SVHN"}, "", "")
    loss, accuracy = [axis for axis in drawn[0].axes if axis.get_visible()]
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert [text.get_text() for text in accuracy.texts] == ["MNIST-M", "SVHN"]
    assert [text.get_color() for text in accuracy.texts] == [line.get_color() for line in accuracy.get_lines()]
    assert not loss.texts


def test_lines_over_times_fall_to_the_right_and_are_named_at_their_ends(drawn):
    lines = {f"eta {eta}": list(np.linspace(1, 1 - eta, 9)) for eta in (0, 0.5, 1)}
    lines_over_times(list(np.linspace(981, 0, 9)), lines, "", "")
    (axis,) = drawn[0].axes
    drawn[0].draw_without_rendering()
    assert axis.xaxis_inverted()
    assert [text.get_text() for text in axis.texts] == list(lines)
    boxes = [text.get_window_extent() for text in axis.texts]
    assert all(box.x0 > axis.get_window_extent().x1 for box in boxes)
    assert all(one.y0 >= other.y1 for one, other in zip(boxes, boxes[1:]))
