"""The front of guidance, drawn: a row of panels for each kind of picture, a line for each way to guide."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from ..images.style import INK, LINES, TEXT, drawing_of, line_on, save_drawing, show_all_of, write_at

_HEIGHT, _FOOT = 300, 40
"""Of a row of panels, and of what names the lines, in pixels of the page."""
_POINTS = 0.75
_AXES = {"recall": "recall", "frechet_distance": "Frechet distance"}
_LINE = ("weak_scale", "guide_from", "weak_from")
"""What is the same along a line."""
_WORDS = {"weak_scale": "weak scale {}", "guide_from": "label from {}", "weak_from": "weak from {}"}


def draw_front(path: Path, points: Sequence[Mapping[str, Any]], real: Mapping[str, Mapping[str, Any]]) -> Path:
    """Accuracy against recall and against the Frechet distance; the numbers at the points are guidance scales.

    Args:
        path: of the picture.
        points: of front.json: settings, and what was measured of each kind of picture.
        real: of each kind the same between halves of its real pictures, which is marked.
    """
    lines = _lines(points)
    figure, axes = drawing_of(len(real), len(_AXES), _HEIGHT * len(real) + _FOOT)
    for number, axis in enumerate(axes):
        kind, what = list(real)[number // len(_AXES)], list(_AXES)[number % len(_AXES)]
        for place, line in enumerate(lines.values()):
            scores = [_of(kind, point) for point in line]
            x, y = [one[what] for one in scores], [100 * one["accuracy"] for one in scores]
            line_on(axis, x, y, place, marks=True)
            for point, *at in zip(line, x, y):
                _beside(axis, at, f"{point['guidance_scale']:g}", LINES[place % len(LINES)].colour)
        _marked(axis, real[kind][f"{what}_of_halves"])
        axis.set_title(kind, parse_math=False)
        axis.set_xlabel(_AXES[what])
        axis.set_ylabel("read as asked, %")
        show_all_of(axis, [100 * _of(kind, point)["accuracy"] for point in points])
        axis.set_ylim(top=min(axis.get_ylim()[1], 100.4))
    told = {"loc": "outside lower center", "ncols": 4, "frameon": False, "labelcolor": INK, "handlelength": 3}
    figure.legend(axes[0].get_lines()[: len(lines)], list(lines), fontsize=TEXT * _POINTS, **told)
    return save_drawing(path, figure)


def _lines(points: Sequence[Mapping[str, Any]]) -> Dict[str, List[Mapping[str, Any]]]:
    """The points of each line by its name, which says in what it differs from the others."""
    differ = [name for name in _LINE if len({point[name] for point in points}) > 1] or ["weak_scale"]
    lines: Dict[str, List[Mapping[str, Any]]] = {}
    for point in points:
        alone = point["weak_scale"] == 1
        names = [name for name in differ if not (alone and name.startswith("weak"))]
        told = [_WORDS[name].format("the end" if point[name] is None else f"{point[name]:g}") for name in names]
        lines.setdefault(", ".join([*(["no weak network"] if alone else []), *told]), []).append(point)
    return lines


def _of(kind: str, point: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(one for one in point["datasets"] if one["dataset"] == kind)


def _beside(axis: Any, at: Sequence[float], text: str, colour: str) -> None:
    axis.annotate(
        text, at, xytext=(4, 4), textcoords="offset points", color=colour, fontsize=TEXT * _POINTS, parse_math=False
    )


def _marked(axis: Any, x: float) -> None:
    """Where real pictures stand."""
    axis.axvline(x, color=INK, linewidth=1.2, linestyle=(0, (1.0, 2.0)))
    write_at(axis, x, 0.02, "real", transform=axis.get_xaxis_transform(), rotation=90, va="bottom", ha="right")
