"""The drawings of a report, by matplotlib."""

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..images.style import (
    INK,
    LINES,
    TITLE,
    WIDTH,
    count_along,
    drawing_of,
    line_names_beside,
    line_on,
    show_all_of,
    write_at,
)
from .parts import Figure
from .shots import drawing

_MOST_POINTS = 20_000
"""Of a curve; of longer logs every second line is drawn, or every third ..."""
_MOST_TABLES, _MOST_ROWS, _LONGEST_TITLE = 8, 32, 60
_SMOOTHED = 0.02
"""Share of a curve that one point of its smoothed form is a mean of."""
_MANY = 100
"""Points of a curve from which on they have no marks, and losses are smoothed."""
_FIRST = "in training"
"""What a line without a name is, beside others."""
_ACROSS, _HEIGHT, _ALONE = 3, 210, 420
_ABOVE = 18
"""Points between an axis and its title, where the runs' names stand."""
_PALE, _WRONG = 0.1, LINES[1].colour
_RIGHT_SIZE, _WRONG_SIZE = 0.36, 0.52
"""Heights of numbers, as shares of their cells'."""


def series(lines: Sequence[Mapping[str, float]], name: str) -> Tuple[List[float], List[float]]:
    """(steps, values) of one logged quantity; of steps logged twice, after a run went on, the later."""
    found = {line["step"]: line[name] for line in lines if name in line}
    steps = sorted(found)[:: 1 + len(found) // _MOST_POINTS]
    return steps, [found[step] for step in steps]


def smoothed(values: Sequence[float]) -> List[float]:
    """Running means over a fiftieth of the curve, at each point over what lies around it."""
    reach = max(1, round(_SMOOTHED * len(values) / 2))
    return [sum(part) / len(part) for part in (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))]


def curve(
    lines: Sequence[Mapping[str, float]],
    names: Mapping[str, str],
    alt: str,
    caption: str,
    runs: Sequence[Tuple[str, float]] = (),
) -> Figure:
    """Logged quantities over steps. Of losses the running mean is drawn over what was logged, all else as it is.

    Args:
        lines: of a log.
        names: quantity -> title of its axis. Quantities share one whose titles are alike up to a colon; what follows
            the colon is the line's name.
        alt, caption: of the figure.
        runs: the runs that a log was joined from: name, and the last step of the one before; they are told apart.
    """
    axes: Dict[str, Dict[str, str]] = {}
    for name, told in names.items():
        title, _, line = told.partition(": ")
        axes.setdefault(title, {})[name] = line or _FIRST
    rows = -(-len(axes) // _ACROSS)
    width = WIDTH if len(axes) > 1 else _ALONE
    figure, drawn = drawing_of(rows, min(_ACROSS, len(axes)), rows * _HEIGHT, width)
    for axis, (title, quantities) in zip(drawn, axes.items()):
        axis.set_title(title, parse_math=False, pad=_ABOVE if len(runs) > 1 else None)
        count_along(axis, "step")
        if len(quantities) > 1:
            for place, name in enumerate(quantities):
                _line(axis, *series(lines, name), place, name)
            line_names_beside(axis, list(quantities.values()))
            _parted(axis, runs)
        else:
            (name,) = quantities
            for place, (steps, values) in enumerate(_by_run(*series(lines, name), runs)):
                _line(axis, steps, values, place, name)
            _parted(axis, runs)
    for axis in drawn[len(axes) :]:
        axis.set_visible(False)
    return drawing(figure, alt, caption)


def _line(axis: Any, steps: Sequence[float], values: Sequence[float], place: int, name: str) -> None:
    """One quantity of one run."""
    if len(values) > _MANY and name.startswith("loss"):
        axis.plot(steps, values, color=INK, alpha=0.35, linewidth=0.8)
        values = smoothed(values)
    line_on(axis, steps, values, place, marks=len(values) <= _MANY)


def _by_run(
    steps: Sequence[float], values: Sequence[float], runs: Sequence[Tuple[str, float]]
) -> List[Tuple[List[float], List[float]]]:
    """A curve parted where one run ends and the next begins: what is smoothed there would mix both."""
    ends = [after for _, after in runs[1:]] + [float("inf")]
    parts, begin = [], float("-inf")
    for end in ends:
        places = [place for place, step in enumerate(steps) if begin < step <= end]
        parts.append(([steps[place] for place in places], [values[place] for place in places]))
        begin = end
    return [part for part in parts if part[0]]


def _parted(axis: Any, runs: Sequence[Tuple[str, float]]) -> None:
    """The runs' names along the top of an axis, each over its own steps, with a line where the next one begins."""
    if len(runs) < 2:
        return
    begins = [begin for _, begin in runs]
    last = axis.dataLim.x1
    for begin in begins[1:]:
        axis.axvline(begin, color=INK, linewidth=0.8, alpha=0.6)
    for (name, begin), end in zip(runs, [*begins[1:], last]):
        write_at(axis, (begin + end) / 2, 1.0, name, transform=axis.get_xaxis_transform(), ha="center", va="bottom")


def lines_over_times(times: Sequence[float], lines: Mapping[str, Sequence[float]], alt: str, caption: str) -> Figure:
    """Numbers over the times of a walk, from noise at the left to the picture at the right.

    Args:
        times: falling.
        lines: name -> numbers, as many as times.
        alt, caption: of the figure.
    """
    figure, (axis,) = drawing_of(1, 1, 230, 0.75 * WIDTH)
    for place, values in enumerate(lines.values()):
        line_on(axis, times, values, place)
    axis.invert_xaxis()
    axis.set_xlabel("t")
    show_all_of(axis, [value for values in lines.values() for value in values])
    line_names_beside(axis, list(lines))
    return drawing(figure, alt, caption)


def confusions(tables: Mapping[str, Sequence[Sequence[int]]], alt: str, caption: str) -> Figure:
    """Confusion matrices side by side, rows what was asked for, columns what it was read as.

    What is right stands small on grey, what is wrong large, bold and framed; what never happened is left out.

    Raises:
        ValueError: for more of them than can be drawn, or larger ones.
    """
    if len(tables) > _MOST_TABLES or any(max(map(len, (rows, *rows))) > _MOST_ROWS for rows in tables.values()):
        raise ValueError("its confusions are too many to draw")
    across = min(2, len(tables))
    down = -(-len(tables) // across)
    width = WIDTH if across > 1 else WIDTH / 2
    figure, axes = drawing_of(down, across, down * WIDTH / 2, width)
    for axis, (name, rows) in zip(axes, tables.items()):
        axis.grid(False)
        axis.set(xlim=(-0.5, len(rows) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
        _counts(axis, rows)
        axis.set_xticks(range(len(rows)))
        axis.set_yticks(range(len(rows)))
        axis.set_title(name[:_LONGEST_TITLE], parse_math=False)  # a name in a file is no formula
        axis.set_xlabel("read as")
        axis.set_ylabel("asked for")
    for axis in axes[len(tables) :]:
        axis.set_visible(False)
    return drawing(figure, alt, caption)


def _counts(axis: Any, rows: Sequence[Sequence[int]]) -> None:
    """The numbers of one matrix."""
    from matplotlib.patches import Rectangle

    # In points: what is left of half a page's width beside the labels.
    cell = 0.75 * (WIDTH / 2 - 5 * TITLE) / len(rows)
    for asked, row in enumerate(rows):
        for read, count in enumerate(row):
            right = asked == read
            frame = {"facecolor": INK, "alpha": _PALE} if right else {"fill": False, "edgecolor": _WRONG}
            if right or count:
                axis.add_patch(Rectangle((read - 0.46, asked - 0.46), 0.92, 0.92, **frame))  # type: ignore[arg-type]
            if count:
                size = cell * (_RIGHT_SIZE if right else _WRONG_SIZE) * min(1.0, 2.4 / len(str(count)))
                told = {} if right else {"fontweight": "bold", "color": _WRONG}
                write_at(axis, read, asked, str(count), ha="center", va="center", fontsize=size, **told)
