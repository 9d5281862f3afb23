"""Numbers of pictures drawn as lines, for figures beside them."""

from pathlib import Path
from typing import Mapping, Sequence

from ..checkpoints import atomic_path


def save_lines(path: Path, x: Sequence[float], along: str, panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Path:
    """Panels side by side, each with a line a name, from zero up; returns the path.

    Args:
        path: of the picture.
        x: where the numbers were taken.
        along: what x is.
        panels: title -> name -> numbers, as many as x.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(panels), 3.4), layout="constrained")
    for axis, (title, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        # Marks tell the lines apart where there is no colour.
        for mark, (name, numbers) in zip("os^vD", lines.items()):
            axis.plot(x, numbers, marker=mark, label=name)
        axis.set_title(title)
        axis.set_xlabel(along)
        axis.set_ylim(bottom=0)
        axis.legend()
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
    return path
