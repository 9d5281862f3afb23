"""The look of every drawing: legible on white and on dark pages, in grey, and to a colour-blind eye.

A drawing has no ground of its own, and all that is read in it keeps a contrast of at least 4 (WCAG's ratio) to white
and to the dark page alike, which only middle tones do. So colours differ in hue and hardly in lightness: lines are told
apart by their dashes and marks, and by their names beside them. Sizes are those of a page, at 96 pixels an inch: a
drawing is made as wide as it stands there, and its letters are read at the size that is written here.
"""

import math
from pathlib import Path
from typing import Any, List, NamedTuple, Sequence, Tuple, Union

import numpy as np

from ..checkpoints import atomic_path
from . import fonts

INK = "#{:02x}{:02x}{:02x}".format(*fonts.INK)
"""Of text, axes and marks."""
DARK_PAGE = "#16181d"
"""The ground of dark pages."""
WIDTH = 760
"""Of a drawing that takes a page's whole width, in pixels of the page."""
TEXT, TITLE = 12, 13
"""Heights of letters, in pixels of the page."""
SHARPNESS = 2
"""Pixels of a file to one of the page, for screens that have more."""
_POINTS = 0.75
"""A pixel of the page, in points."""
_INCH, _PAD = 96, 4
_NICE = (1.0, 2.0, 5.0)
_PLACES, _EDGE, _STEEP = 61, 14, 0.35
"""Where names could stand along lines, how many of these at either end are too near to it, and what is steep."""


class Line(NamedTuple):
    """How one line of several looks."""

    colour: str
    dashes: Union[str, Tuple[int, Tuple[float, ...]]]
    marker: str


LINES = (
    Line("#2a7fc9", "-", "o"),
    Line("#bd6800", (0, (5.0, 2.0)), "s"),
    Line("#0a8a68", (0, (1.2, 1.2)), "^"),
    Line("#b9559c", (0, (6.0, 1.6, 1.2, 1.6)), "D"),
    Line(INK, (0, (3.0, 1.0, 1.0, 1.0, 1.0, 1.0)), "v"),
    Line("#2a7fc9", (0, (9.0, 3.0)), "P"),
    Line("#bd6800", (0, (1.0, 3.0)), "X"),
    Line("#0a8a68", (0, (3.0, 3.0)), "*"),
)
"""In the order in which they are taken; no two have the same dashes or mark."""


def drawing_of(rows: int, columns: int, height: float, width: float = WIDTH) -> Tuple[Any, List[Any]]:
    """A figure of matplotlib without a ground, and its axes, row by row.

    Args:
        rows, columns: of axes.
        height, width: of the whole, in pixels of the page.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    pad = _PAD / _INCH
    layout = ConstrainedLayoutEngine(w_pad=pad, h_pad=pad, wspace=0.04, hspace=0.04)
    figure = Figure(figsize=(width / _INCH, height / _INCH), dpi=_INCH, layout=layout, facecolor="none")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        _plain(axis)
    return figure, axes


def _plain(axis: Any) -> None:
    """Ink, sizes and faint lines behind what is drawn."""
    axis.set_facecolor("none")
    axis.set_axisbelow(True)
    axis.grid(True, color=INK, alpha=0.25, linewidth=0.6)
    axis.tick_params(colors=INK, labelsize=TEXT * _POINTS, width=0.8, length=3)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=INK, linewidth=0.8)
    for text, size in ((axis.title, TITLE), (axis.xaxis.label, TEXT), (axis.yaxis.label, TEXT)):
        text.set(color=INK, fontsize=size * _POINTS)


def write_at(axis: Any, x: float, y: float, text: str, **how: Any) -> Any:
    """Text inside an axis, in ink and of the usual size; a name out of a file is no formula.

    Args:
        axis: of a drawing.
        x, y: where, as the axis counts.
        text: plain.
        how: else, as of matplotlib's Text.
    """
    return axis.text(x, y, text, **{"color": INK, "fontsize": TEXT * _POINTS, "parse_math": False, **how})


def line_on(axis: Any, x: Sequence[float], y: Sequence[float], place: int, marks: bool = False) -> None:
    """One line of several.

    Args:
        axis: of a drawing.
        x, y: its points.
        place: of the line among them, from 0.
        marks: whether each point has a mark, for lines of few points.
    """
    look = LINES[place % len(LINES)]
    mark = {"marker": look.marker, "markersize": 4.5, "markeredgewidth": 0} if marks else {}
    axis.plot(x, y, color=look.colour, linestyle=look.dashes, linewidth=1.6, **mark)


def line_names_beside(axis: Any, names: Sequence[str]) -> None:
    """Name an axis' lines, in their colours: at their right ends; or, where those meet, where they are furthest apart.

    Args:
        axis: with its lines drawn and its limits set.
        names: of its last lines, in the order in which they were drawn.
    """
    lines = list(zip(axis.get_lines()[-len(names) :], names))
    figure = axis.get_figure()
    figure.draw_without_rendering()
    ends = sorted(float(_heights(axis, line, line.get_xdata()[-1:])[0]) for line, _ in lines)
    if len(lines) > 1 and ends[-1] - ends[0] < TEXT / axis.get_window_extent().height:
        _name_where_apart(axis, lines)
        return
    texts = []
    for line, name in lines:
        end = float(_heights(axis, line, line.get_xdata()[-1:])[0])
        told = {"color": line.get_color(), "va": "center", "transform": axis.transAxes}
        texts.append(write_at(axis, 1.02, end, name, **told))
    # With the names beside it the axis is another size.
    figure.draw_without_rendering()
    places = spread([text.get_position()[1] for text in texts], 1.25 * TEXT / axis.get_window_extent().height)
    for text, place in zip(texts, places):
        text.set_y(place)


def _heights(axis: Any, line: Any, x: Any) -> Any:
    """Of a line at some x, as shares of its axis' height."""
    known = np.asarray(line.get_xdata(), float)
    order = np.argsort(known, kind="stable")
    y = np.interp(np.asarray(x, float), known[order], np.asarray(line.get_ydata(), float)[order])
    places = axis.transData.transform(np.stack([np.full(len(y), known[0]), y], axis=1))
    return axis.transAxes.inverted().transform(places)[:, 1]


def _name_where_apart(axis: Any, lines: Sequence[Tuple[Any, str]]) -> None:
    """Names above the upper lines and below the lowest, where any two neighbours are furthest from each other."""
    begin, end = (
        max(min(line.get_xdata()) for line, _ in lines),
        min(max(line.get_xdata()) for line, _ in lines),
    )
    x = np.linspace(begin, end, _PLACES)[_EDGE:-_EDGE]
    heights = np.stack([_heights(axis, line, x) for line, _ in lines])
    apart = np.diff(np.sort(heights, axis=0), axis=0).min(axis=0).round(6)
    best = max(range(len(x)), key=lambda one: (apart[one], -abs(one - len(x) // 2)))
    lowest = int(heights[:, best].argmin())
    width, height = axis.get_window_extent().size
    for number, (line, name) in enumerate(lines):
        # Beside a steep line, on the side that it leaves free.
        steep = float(np.gradient(heights[number])[best] * height * len(x) / width)
        free = 0 if abs(steep) < _STEEP else (-1 if (steep > 0) == (number != lowest) else 1)
        axis.annotate(
            name,
            (x[best], _heights(axis, line, x)[best]),
            xycoords=axis.get_xaxis_transform(),
            xytext=(4 * free, -6 if number == lowest else 6),
            textcoords="offset points",
            ha=("right", "center", "left")[free + 1],
            va="top" if number == lowest else "bottom",
            color=line.get_color(),
            fontsize=TEXT * _POINTS,
            parse_math=False,
        )


def spread(places: Sequence[float], gap: float) -> List[float]:
    """Places moved apart until neighbours have a gap, in their order, each as near to where it was as that allows."""
    order = sorted(range(len(places)), key=lambda one: (places[one], one))
    # Groups of neighbours that touch, each about the mean of where its members want to be.
    groups: List[List[int]] = []
    for one in order:
        groups.append([one])
        while len(groups) > 1 and _begins(groups[-1], places, gap) < _begins(groups[-2], places, gap) + gap * len(
            groups[-2]
        ):
            last = groups.pop()
            groups[-1] += last
    found = list(places)
    for group in groups:
        for number, one in enumerate(group):
            found[one] = _begins(group, places, gap) + gap * number
    return found


def _begins(group: Sequence[int], places: Sequence[float], gap: float) -> float:
    return sum(places[one] for one in group) / len(group) - gap * (len(group) - 1) / 2


def show_all_of(axis: Any, values: Sequence[float]) -> None:
    """Have the y axis show numbers from a tenth below them to a tenth above, out to round numbers.

    It does not begin at zero, and goes below it for negative numbers only.
    """
    low, high = min(values), max(values)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return
    margin = (high - low) / 10
    about = (high - low) / 8
    power = 10.0 ** math.floor(math.log10(about))
    step = min((nice * power for nice in (*_NICE, 10.0)), key=lambda one: abs(math.log(one / about)))
    bottom = math.floor((low - margin) / step) * step
    axis.set_ylim(max(bottom, 0.0) if low >= 0 else bottom, math.ceil((high + margin) / step) * step)


def shortly(number: float, place: object = None) -> str:
    """A count as an axis has it: 500, 10k, 2.5M; what matplotlib asks for the text of a tick.

    Args:
        number: such as of steps.
        place: that matplotlib tells, and nobody needs.
    """
    for letter, size in (("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def count_along(axis: Any, what: str) -> None:
    """Have the x axis count something, in whole ticks such as 10k, few enough that they do not touch."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_xlabel(what)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axis.xaxis.set_major_formatter(FuncFormatter(shortly))


def save_drawing(path: Path, figure: Any) -> Path:
    """A figure in a file, whole or not at all, for sharp screens, without a ground; returns the path."""
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=SHARPNESS * _INCH, facecolor="none")
    return path
