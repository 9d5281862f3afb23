"""Numbers of pictures drawn as lines, for figures beside them."""

from pathlib import Path
from typing import Mapping, Sequence

from ..images.style import drawing_of, line_names_beside, line_on, save_drawing, show_all_of

_HEIGHT = 220


def save_lines(path: Path, x: Sequence[float], along: str, panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Path:
    """Panels side by side, each with a line a name that stands beside it, and an axis that shows them; the path.

    Args:
        path: of the picture.
        x: where the numbers were taken.
        along: what x is.
        panels: title -> name -> numbers, as many as x.
    """
    figure, axes = drawing_of(1, len(panels), _HEIGHT)
    for axis, (title, lines) in zip(axes, panels.items()):
        for place, numbers in enumerate(lines.values()):
            line_on(axis, x, numbers, place, marks=True)
        axis.set_title(title)
        axis.set_xlabel(along)
        show_all_of(axis, [number for numbers in lines.values() for number in numbers])
        line_names_beside(axis, list(lines))
    return save_drawing(path, figure)
