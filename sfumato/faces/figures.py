"""The figures of the faces' report: what eta changes, and what lies between two noises."""

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import atomic_path
from ..devices import Worker
from ..diffusion import lerp, seed_of, slerp
from ..errors import UserError
from ..images import labelled_grid, save_image, to_pixels
from ..model import Diffusion
from ..options import check_options, number
from ..outputs import holding
from ..pictures.memory import batch_that_fits
from ..runs import write_note
from .model import SHIPPED, load_faces
from .noises import drawn_noises, some_noises
from .painting import Sampling, paint

_PATHS = {"slerp": slerp, "lerp": lerp}


@dataclass
class _Source:
    """Where the network and the noises come from."""

    out: Path = Path("faces")
    """Folder to draw into; made if missing."""
    unet: Path = Path(SHIPPED)
    """The course's UNet.pt, a faces.safetensors that `faces train` wrote, or the word shipped."""
    noise: Optional[Path] = None
    """Folder of noise tensors, of which the first are taken; drawn from the seed by default."""
    seed: int = number(0)
    """Of the drawn noises, and of the noise added on the way."""
    sampling: Sampling = field(default_factory=Sampling)

    def settings(self) -> Dict[str, Any]:
        """What decides the figures, as JSON can hold it."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}

    def load(self, count: int) -> Tuple[Diffusion, Tensor]:
        """The model, on the best device, and count noises beside it."""
        self.sampling.check()
        model, device = load_faces(self.unet), Worker.here().device()
        size = model.network.config.size
        noises = some_noises(self.noise, count, size) if self.noise else drawn_noises(count, size, self.seed)
        model.network.to(device)
        return model, noises.to(device)


@dataclass
class EtaOptions(_Source):
    """Draw OUT/eta.png: a row a noise, a column an eta."""

    rows: int = number(4, 1)
    """How many noises."""
    etas: Tuple[float, ...] = number((0.0, 0.25, 0.5, 0.75, 1.0), 0, 1)
    """Of each column."""


@dataclass
class InterpolateOptions(_Source):
    """Draw OUT/slerp.png and OUT/lerp.png, the faces between two noises, and OUT/paths.png, which explains them."""

    stops: int = number(11, 2)
    """Pictures along each path, both ends included."""


def eta(options: EtaOptions) -> Path:
    """Draw the grid; see EtaOptions. Also writes OUT/eta.json: how far each picture lies from its row's first.

    Raises:
        UserError: for settings, weights, noises or a folder that cannot be used.
    """
    check_options(options)
    samplings = [replace(options.sampling, eta=value) for value in options.etas]
    if not samplings:
        raise UserError("--etas: give at least one")
    for sampling in samplings:
        sampling.check()
    model, noises = options.load(options.rows)
    seeds = [seed_of(options.seed, "eta", row) for row in range(options.rows)]
    with holding(options.out):
        columns = [_painted(model, noises, one, f"eta {one.eta:g}", seeds) for one in samplings]
        cells = [column[row] for row in range(options.rows) for column in columns]
        grid = labelled_grid(
            [_bytes(cell) for cell in cells],
            rows=[f"noise {row:02d}" for row in range(options.rows)],
            columns=[f"eta {value:g}" for value in options.etas],
        )
        moved = torch.stack([(column - columns[0]).square().flatten(1).mean(dim=1).sqrt() for column in columns], dim=1)
        numbers = {"etas": options.etas, "rms_distance_from_first": moved.tolist()}
        write_note(options.out / "eta.json", "faces eta", options.settings(), **numbers)
        return _announced(save_image(grid, options.out / "eta.png"))


def interpolate(options: InterpolateOptions) -> List[Path]:
    """Draw both strips and the plot; see InterpolateOptions. The plotted numbers go to OUT/paths.json.

    Raises:
        UserError: for settings, weights, noises or a folder that cannot be used.
    """
    check_options(options)
    model, ends = options.load(2)
    weights = [stop / (options.stops - 1) for stop in range(options.stops)]
    numbers: Dict[str, Any] = {"alpha": weights}
    written = []
    with holding(options.out):
        for name, between in _PATHS.items():
            noises = torch.stack([between(ends[0], ends[1], weight) for weight in weights])
            seeds = [seed_of(options.seed, "between")] * options.stops
            faces = _painted(model, noises, options.sampling, name, seeds)
            strip = labelled_grid([_bytes(face) for face in faces], [name], [f"{weight:.1f}" for weight in weights])
            written.append(_announced(save_image(strip, options.out / f"{name}.png")))
            numbers[name] = {
                "norm": [float(noise.norm()) for noise in noises],
                "contrast": [float(face.std()) for face in faces],
            }
        write_note(options.out / "paths.json", "faces interpolate", options.settings(), **numbers)
        return [*written, _announced(_plot(numbers, options.out / "paths.png"))]


def _painted(model: Diffusion, noises: Tensor, sampling: Sampling, what: str, seeds: List[int]) -> Tensor:
    """[N, 3, H, W] on the CPU, under a bar."""
    size, parts = batch_that_fits(model), []
    with Bar(total=len(noises) * sampling.steps, desc=f"painting faces, {what}", unit="step") as bar:
        for start in range(0, len(noises), size):
            batch = noises[start : start + size]
            seeds_of_batch = seeds[start : start + size]
            part = paint(model, batch, sampling, seeds_of_batch, after_step=partial(bar.update, len(batch)))
            parts.append(part.cpu())
    return torch.cat(parts)


def _plot(numbers: Dict[str, Any], path: Path) -> Path:
    """The norm of x_T along both paths, and the contrast of what is painted from it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axis, quantity, title in zip(
        figure.subplots(1, 2),
        ("norm", "contrast"),
        ("norm of $x_T$", "contrast of the face\n(standard deviation of its values in [-1, 1])"),
    ):
        for name in _PATHS:
            axis.plot(numbers["alpha"], numbers[name][quantity], marker="o", label=name)
        axis.set_title(title)
        axis.set_xlabel("alpha")
        axis.set_ylim(bottom=0)
        axis.legend()
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
    return path


def _bytes(x: Tensor) -> np.ndarray:
    return to_pixels(x[None])[0].numpy()


def _announced(path: Path) -> Path:
    print(f"wrote {path}")
    return path
