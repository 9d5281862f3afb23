"""The figures of a report: contact sheets and the reverse process."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from ..checkpoints import atomic_path
from ..devices import Worker
from ..diffusion import SeededNoise, seed_of
from ..images import save_image, sheet, to_pixels
from ..model import Diffusion
from ..runs import NOTE, open_folder, write_note
from .data import SIZE
from .labels import DATASETS, DIGITS, label_of
from .model import SHIPPED, load_digits
from .painting import Sampling, paint, walk

_COLUMNS = 10
_LEVELS = (1000, 800, 600, 400, 200, 0)


@dataclass
class FiguresOptions:
    """Draw for each dataset a 10x10 sheet, six moments of how its first 0 was painted, and an animation of that."""

    out: Path
    """Folder to draw into; made if missing."""
    weights: Optional[Path] = None
    """A digits.safetensors; the shipped one by default."""
    seed: int = 0
    """Other seeds give other noises."""
    sampling: Sampling = field(default_factory=Sampling)


def figures(options: FiguresOptions) -> List[Path]:
    """Draw all figures; returns their paths.

    Raises:
        UserError: for settings or an output path that cannot be used.
    """
    options.sampling.check()
    model, device = load_digits(options.weights or SHIPPED), Worker.here().device()
    model.network.to(device)
    open_folder(options.out)
    written = []
    for dataset in DATASETS:
        labels = [label_of(dataset, digit) for digit in range(DIGITS) for _ in range(_COLUMNS)]
        seeds = [seed_of(options.seed, column) for _ in range(DIGITS) for column in range(_COLUMNS)]
        pixels = paint(model, labels, seeds, options.sampling, device)
        written.append(save_image(sheet(pixels, _COLUMNS), options.out / f"{dataset}-sheet.png"))
        moments = reverse_process(model, labels[0], seeds[0], options.sampling, device)
        written.append(_save_moments(moments, options.out / f"{dataset}-reverse-process.png"))
        written.append(_save_animation(moments, options.out / f"{dataset}-reverse-process.gif"))
    settings = {**asdict(options), "weights": str(options.weights or SHIPPED.name)}
    write_note(options.out / NOTE, "digits figures", {name: settings[name] for name in settings if name != "out"})
    for path in written:
        print(f"wrote {path}")
    return written


class Moment(NamedTuple):
    """The walk at one time."""

    level: int
    """How many of the 1,000 noise levels are left; 0 is the clean picture."""
    x: Tensor
    """x_t as uint8 [28, 28, 3]."""
    x0: Tensor
    """The clean picture that the model sees in it, uint8 [28, 28, 3]."""


@torch.no_grad()
def reverse_process(model: Diffusion, label: int, seed: int, sampling: Sampling, device: torch.device) -> List[Moment]:
    """Every moment of painting one picture, from pure noise to the clean picture."""
    x = SeededNoise([seed], (3, SIZE, SIZE), device)()
    level, moments = round(model.schedule.start) + 1, []
    for step in walk(model, [label], [seed], sampling, device):
        moments.append(Moment(level, to_pixels(x)[0], to_pixels(step.x0)[0]))
        # The course counts noise levels from 1; the schedule's times count from 0.
        level, x = round(step.t) + 1, step.x
    return [*moments, Moment(level, to_pixels(x)[0], to_pixels(x)[0])]


def _save_moments(moments: Sequence[Moment], path: Path) -> Path:
    """x_t above, the x0 seen in it below, at the moments nearest to the six levels."""
    from matplotlib.figure import Figure

    # A walk of few steps has no six moments.
    nearest = {min(range(len(moments)), key=lambda place: abs(moments[place].level - level)) for level in _LEVELS}
    figure = Figure(figsize=(1.5 * len(nearest), 3.4), layout="constrained")
    grid = figure.subplots(2, len(nearest))
    for column, place in enumerate(sorted(nearest)):
        moment = moments[place]
        for axis, picture in zip(grid[:, column], (moment.x, moment.x0)):
            axis.imshow(picture.numpy())
            axis.set_xticks([])
            axis.set_yticks([])
        grid[0, column].set_title(f"t = {moment.level}")
    grid[0, 0].set_ylabel("$x_t$", rotation=0, labelpad=12)
    grid[1, 0].set_ylabel("$x_0$ seen", rotation=0, labelpad=24)
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
    return path


def _save_animation(moments: Sequence[Moment], path: Path) -> Path:
    """x_t and x0 side by side, in about two seconds, the finished picture held for two more."""
    frames = [sheet(torch.stack([moment.x, moment.x0]), columns=2, scale=6) for moment in moments]
    milliseconds = [max(60, 2000 // len(frames))] * (len(frames) - 1) + [2000]
    with atomic_path(path) as beside:
        frames[0].save(beside, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return path
