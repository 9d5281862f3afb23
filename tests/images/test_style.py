"""Drawings are read on white and on dark pages, in grey, and by a colour-blind eye."""

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from sfumato.images import style

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
"""Of linear light (Machado et al. 2009)."""


def light(colour):
    """Red, green and blue of light, 0 ... 1."""
    told = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(told <= 0.03928, told / 12.92, ((told + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return float(light(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """WCAG's ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", sorted({style.INK, *(line.colour for line in style.LINES)}))
@pytest.mark.parametrize("ground", ["#ffffff", style.DARK_PAGE])
def test_all_that_is_read_stands_out_on_white_and_on_dark(colour, ground):
    assert contrast(colour, ground) >= 4


def test_the_first_colours_differ_to_an_eye_without_green():
    def seen(colour):
        return np.clip(DEUTERANOPIA @ light(colour), 0, 1) ** (1 / 2.2)

    firsts = [seen(line.colour) for line in style.LINES[:2]]
    assert np.abs(firsts[0] - firsts[1]).max() > 0.4
    for one, other in itertools.combinations(style.LINES[:4], 2):
        assert np.abs(seen(one.colour) - seen(other.colour)).max() > 0.1, (one, other)


def test_lines_are_told_apart_without_colour():
    assert len({line.dashes for line in style.LINES}) == len({line.marker for line in style.LINES}) == len(style.LINES)


def test_a_drawing_has_no_ground_and_the_width_of_a_page(tmp_path):
    figure, (axis,) = style.drawing_of(1, 1, height=200)
    style.line_on(axis, [0, 1], [0, 1], 0)
    axis.set_title("a title")
    path = style.save_drawing(tmp_path / "a.png", figure)
    first = path.read_bytes()
    with Image.open(path) as shown:
        assert shown.mode == "RGBA" and shown.size == (2 * 760, 2 * 200)
        pixels = np.asarray(shown)
    assert (pixels[..., 3] == 0).mean() > 0.9
    inked = pixels[pixels[..., 3] == 255][:, :3].astype(int)
    grounds = [np.array([255] * 3), np.array([0x16, 0x18, 0x1D])]
    assert all(np.abs(inked - ground).max(axis=1).min() > 60 for ground in grounds), "nothing that is black or white"
    assert style.save_drawing(path, figure).read_bytes() == first


def names_of(axis):
    """Name -> its box on the drawing."""
    axis.get_figure().draw_without_rendering()
    texts = [text for text in axis.texts if text.get_text()]
    return {text.get_text(): text.get_window_extent() for text in texts}


def test_names_stand_at_the_ends_of_their_lines_and_do_not_touch():
    figure, (axis, _) = style.drawing_of(1, 2, height=200)
    ends = {"first": 0.0, "second": 0.01, "third": 0.02, "last": 1.0}
    for place, end in enumerate(ends.values()):
        style.line_on(axis, [0, 1], [0.5, end], place)
    style.line_names_beside(axis, list(ends))
    boxes = names_of(axis)
    inside = axis.get_window_extent()
    assert all(box.x0 >= inside.x1 and box.x1 <= figure.bbox.x1 for box in boxes.values())
    for one, other in itertools.combinations(boxes.values(), 2):
        assert one.y0 >= other.y1 or other.y0 >= one.y1
    assert boxes["first"].y0 < boxes["second"].y0 < boxes["third"].y0 < boxes["last"].y0
    end = axis.transData.transform((1, 1.0))[1]
    assert boxes["last"].y0 < end < boxes["last"].y1
    assert [text.get_color() for text in axis.texts] == [line.colour for line in style.LINES[:4]]


def test_names_of_lines_that_end_together_stand_where_they_are_apart():
    _, (axis,) = style.drawing_of(1, 1, height=200)
    style.line_on(axis, [0, 1, 2, 3, 4], [5, 5, 5, 5, 5], 0)
    style.line_on(axis, [0, 1, 2, 3, 4], [5, 4, 3, 4, 5], 1)
    style.show_all_of(axis, [3, 5])
    style.line_names_beside(axis, ["upper", "lower"])
    boxes = names_of(axis)
    for name, y in (("upper", 5), ("lower", 3)):
        at = axis.transData.transform((2, y))
        assert boxes[name].x0 < at[0] < boxes[name].x1
        assert boxes[name].y0 > at[1] if name == "upper" else boxes[name].y1 < at[1]


@pytest.mark.parametrize(
    ("values", "limits"), [([110.9, 78.2], (70, 115)), ([0.25, 0.3], (0.245, 0.305)), ([0, 1000], (0, 1100))]
)
def test_an_axis_shows_its_numbers_with_a_margin_and_round_ends(values, limits):
    _, (axis,) = style.drawing_of(1, 1, height=200)
    style.show_all_of(axis, values)
    assert axis.get_ylim() == pytest.approx(limits)


def test_places_are_spread_as_little_as_their_gap_asks_for():
    assert style.spread([3.0, 0.0, 9.0], 1.0) == [3.0, 0.0, 9.0]
    assert style.spread([1.0, 1.0], 1.0) == [0.5, 1.5]
    assert style.spread([0.0, 0.1, 0.2, 5.0], 1.0) == pytest.approx([-0.9, 0.1, 1.1, 5.0])
    assert style.spread([0.0, 1.5, 1.5], 1.0) == pytest.approx([0.0, 1.0, 2.0])


def test_counts_are_short():
    assert [style.shortly(n) for n in (0, 500, 1000, 2500, 10000, 1.5e6)] == ["0", "500", "1k", "2.5k", "10k", "1.5M"]
    _, (axis,) = style.drawing_of(1, 1, height=200)
    style.line_on(axis, [0, 40000], [0, 1], 0)
    style.count_along(axis, "step")
    axis.get_figure().draw_without_rendering()
    assert [text.get_text() for text in axis.get_xticklabels() if 0 < text.get_position()[0] < 40000] == [
        "10k",
        "20k",
        "30k",
    ]
