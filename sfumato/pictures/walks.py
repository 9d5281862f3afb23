"""How one picture comes out of noise: the moments of its walk, as a figure and as an animation."""

from pathlib import Path
from typing import Iterator, List, NamedTuple, Sequence

import torch
from torch import Tensor

from ..checkpoints import atomic_path
from ..diffusion import Step
from ..images import draw_on, sheet, to_pixels

_LEVELS = (1000, 800, 600, 400, 200, 0)
"""That are drawn; a walk of ten even steps, or of any multiple of five, is at each of them."""


class Moment(NamedTuple):
    """A walk at one time."""

    level: int
    """How many of 1,000 noise levels are left; 0 is the clean picture."""
    x: Tensor
    """x_t as uint8 [H, W, 3]."""
    x0: Tensor
    """The clean picture that the model sees in it, uint8 [H, W, 3]."""


def watched(walk: Iterator[Step], x: Tensor, start: float, found: List[Moment]) -> Iterator[Step]:
    """The steps of a walk, while every moment of its first picture is noted, from pure noise to the clean picture.

    Args:
        walk: on a table of 1,000 times.
        x: where it begins [B, 3, H, W].
        start: the time that it begins at.
        found: takes the moments.
    """
    # The course counts noise levels from 1, a table's times count from 0.
    level = round(start) + 1
    for step in walk:
        found.append(Moment(level, _first(x), _first(step.x0)))
        level, x = round(step.t) + 1, step.x
        yield step
    found.append(Moment(level, _first(x), _first(x)))


def _first(x: Tensor) -> Tensor:
    return to_pixels(x[:1])[0]


def save_moments(found: Sequence[Moment], path: Path) -> Path:
    """x_t above, the x0 seen in it below, at the moments nearest to six levels."""
    from matplotlib.figure import Figure

    # A walk of few steps has no six moments.
    nearest = {min(range(len(found)), key=lambda place: abs(found[place].level - level)) for level in _LEVELS}
    figure = Figure(figsize=(1.5 * len(nearest), 3.4), layout="constrained")
    grid = figure.subplots(2, len(nearest))
    for column, place in enumerate(sorted(nearest)):
        moment = found[place]
        for axis, picture in zip(grid[:, column], (moment.x, moment.x0)):
            draw_on(axis, picture.numpy())
            axis.set_xticks([])
            axis.set_yticks([])
        grid[0, column].set_title(f"t = {moment.level}")
    grid[0, 0].set_ylabel("$x_t$", rotation=0, labelpad=12)
    grid[1, 0].set_ylabel("$x_0$ seen", rotation=0, labelpad=24)
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
    return path


def save_animation(found: Sequence[Moment], path: Path) -> Path:
    """x_t and x0 side by side, in about two seconds, the finished picture held for two more."""
    frames = [sheet(torch.stack([moment.x, moment.x0]), columns=2, scale=6) for moment in found]
    milliseconds = [max(60, 2000 // len(frames))] * (len(frames) - 1) + [2000]
    with atomic_path(path) as beside:
        frames[0].save(beside, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return path
