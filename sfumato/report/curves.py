"""The drawings of a report, by matplotlib."""

from typing import Any, Dict, List, Sequence, Tuple

from .parts import Figure
from .shots import drawing

_MOST_POINTS = 20_000
"""Of a curve; of longer logs every second line is drawn, or every third ..."""
_MOST_TABLES, _MOST_ROWS, _LONGEST_TITLE = 8, 32, 60
_DASHES = ("-", "--", "-.", ":", (0, (1, 3)), (0, (5, 5)), (0, (5, 1)), (0, (3, 1, 1, 1)))
"""That tell lines apart without colours."""
_SMOOTHED = 0.02
"""Share of a curve that one point of its smoothed form is a mean of."""


def series(lines: Sequence[Dict[str, float]], name: str) -> Tuple[List[float], List[float]]:
    """(steps, values) of one logged quantity; of steps logged twice, after a run went on, the later."""
    found = {line["step"]: line[name] for line in lines if name in line}
    steps = sorted(found)[:: 1 + len(found) // _MOST_POINTS]
    return steps, [found[step] for step in steps]


def smoothed(values: Sequence[float]) -> List[float]:
    """Running means over a fiftieth of the curve, at each point over what lies around it."""
    reach = max(1, round(_SMOOTHED * len(values) / 2))
    return [sum(part) / len(part) for part in (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))]


def curve(lines: Sequence[Dict[str, float]], names: Dict[str, str], alt: str, caption: str) -> Figure:
    """Logged quantities over steps, an axis each.

    Args:
        lines: of a log.
        names: quantity -> title of its axis.
        alt, caption: of the figure.
    """
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(3.2 * len(names), 2.1), layout="constrained")
    for axis, (name, title) in zip(_row(figure, len(names)), names.items()):
        steps, values = series(lines, name)
        if len(values) > 100:
            axis.plot(steps, values, color="0.8", linewidth=0.8)
            axis.plot(steps, smoothed(values), color="tab:blue")
        else:
            axis.plot(steps, values, color="tab:blue", marker="o", markersize=3)
        axis.set_title(title)
        axis.set_xlabel("step")
    return drawing(figure, alt, caption)


def lines_over_times(times: Sequence[float], lines: Dict[str, Sequence[float]], alt: str, caption: str) -> Figure:
    """Numbers over the times of a walk, from noise at the left to the picture at the right.

    Args:
        times: falling.
        lines: name -> numbers, as many as times.
        alt, caption: of the figure.
    """
    from matplotlib.figure import Figure as Drawing

    figure = Drawing(figsize=(6.4, 2.1), layout="constrained")
    axis = figure.subplots()
    for dashes, (name, values) in zip(_DASHES, lines.items()):
        axis.plot(times, values, label=name, linestyle=dashes)
    axis.invert_xaxis()
    axis.set_xlabel("t")
    axis.legend()
    return drawing(figure, alt, caption)


def confusions(tables: Dict[str, Sequence[Sequence[int]]], alt: str, caption: str) -> Figure:
    """Confusion matrices side by side, rows what was asked for, columns what was read.

    Raises:
        ValueError: for more of them than can be drawn, or larger ones.
    """
    from matplotlib.figure import Figure as Drawing

    if len(tables) > _MOST_TABLES or any(max(map(len, (rows, *rows))) > _MOST_ROWS for rows in tables.values()):
        raise ValueError("its confusions are too many to draw")
    figure = Drawing(figsize=(3.1 * len(tables), 3.1), layout="constrained")
    for axis, (name, rows) in zip(_row(figure, len(tables)), tables.items()):
        # Light enough that black numbers are read on it, on any printer.
        edges = [place - 0.5 for place in range(len(rows) + 1)]
        axis.pcolormesh(edges, edges, rows, cmap="Greys", vmin=0, vmax=3 * max(max(row) for row in rows))
        axis.set_aspect("equal")
        axis.invert_yaxis()
        for asked, row in enumerate(rows):
            for read, count in enumerate(row):
                if count:
                    weight = "normal" if asked == read else "bold"
                    axis.text(read, asked, str(count), ha="center", va="center", fontsize=9, fontweight=weight)
        axis.set_xticks(range(len(rows)))
        axis.set_yticks(range(len(rows)))
        axis.set_title(name[:_LONGEST_TITLE], parse_math=False)  # a name in a file is no formula
        axis.set_xlabel("read")
        axis.set_ylabel("asked for")
    return drawing(figure, alt, caption)


def _row(figure: Any, count: int) -> List[Any]:
    return list(figure.subplots(1, count, squeeze=False)[0])
