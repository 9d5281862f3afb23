"""The figures of the faces' report: what eta changes, and what lies between two noises."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..devices import Worker
from ..diffusion import lerp, seed_of, slerp
from ..errors import UserError
from ..extras import refuse_missing
from ..images import labelled_grid, save_film, sheet, to_pixels
from ..model import Diffusion
from ..options import check_options, number
from ..outputs import holding, refuse_file
from ..pictures.between import loop_weights, rows_of, save_loop, stops_of
from ..pictures.plots import save_lines
from ..pictures.sweeps import Walk, apart, measured, saved, shortened, swept
from ..runs import file_identity, say_next, write_note
from ..sampling import kept_noise
from .each import save_each
from .model import SHIPPED, load_faces, weights_path
from .noises import chosen_noises, drawn_noise, noise_paths
from .painting import Sampling, walk

_PATHS = {"slerp": slerp, "lerp": lerp}
_SHOWN = {"norm": "norm of $x_T$", "contrast": "contrast of the face", "detail": "detail of the face"}


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
        told = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        return {**told, "sampling": self.sampling.told()}

    def made(self) -> Dict[str, Any]:
        """What decides a picture, for the note in it: files by what is in them."""
        told = {"seed": self.seed, "noises": file_identity(self.noise), **self.sampling.told()}
        return {"weights": file_identity(weights_path(self.unet)), **told}

    def load(self, count: int, wanted: int = 0, also: Sequence[int] = ()) -> Tuple[Diffusion, Tensor]:
        """The model, on the best device, and beside it count noises, or as many as are wanted and there, and then those
        that are also asked for by their numbers."""
        model, device = load_faces(self.unet), Worker.here().device()
        self.sampling = self.sampling.of(model, weights_path(self.unet))
        size = model.network.config.size
        count = max(count, min(wanted, len(noise_paths(self.noise)) if self.noise else wanted))
        numbers = [*range(count), *also]
        if self.noise:
            noises = chosen_noises(self.noise, numbers, size)
        else:
            noises = torch.stack([drawn_noise(number, size, self.seed) for number in numbers])
        return model.to(device), noises.to(device)


@dataclass
class EtaOptions(_Source):
    """Draw OUT/eta.png: a row a noise, a column an eta."""

    rows: int = number(4, 1)
    """How many noises."""
    etas: Tuple[float, ...] = number((0.0, 0.25, 0.5, 0.75, 1.0), 0, 1)
    """Of each column."""
    each: bool = False
    """Also write each picture by itself, OUT/eta/ROW-COLUMN.png, and OUT/eta/each.json, which tells its eta."""


@dataclass
class InterpolateOptions(_Source):
    """Draw OUT/between.png, the faces between two noises by slerp and by lerp, and OUT/paths.png and OUT/scaled.png,
    which explain them."""

    between: Tuple[int, int] = number((0, 1), 0)
    """Numbers, from 0, of the two noises: of those that the seed draws, or of the files in the folder of noises."""
    stops: int = number(11, 2)
    """Pictures along each path, both ends included."""
    film: bool = False
    """Also make OUT/between.webp: both paths side by side in 60 frames, to the other noise and back; 40 faces more."""
    control: int = number(8, 2)
    """Noises that are made shorter and mixed with nothing, if there are so many."""
    each: bool = False
    """Also write each picture by itself, OUT/slerp/00.png and OUT/lerp/00.png and so on, and each.json beside them,
    which tells its alpha and its noise's norm."""


def eta(options: EtaOptions) -> Path:
    """Draw the grid; see EtaOptions. OUT/eta.json says how far each picture lies from its row's first and last, how far
    the last lies from one with other noise on the way, the detail of each column, and how much of x_T a walk keeps.

    Raises:
        UserError: for settings, weights, noises or a folder that cannot be used.
    """
    check_options(options)
    samplings = [replace(options.sampling, eta=value) for value in options.etas]
    if not samplings:
        raise UserError("--etas: give at least one")
    for sampling in samplings:
        sampling.check()
    if options.each:
        refuse_file(options.out / "eta")
    model, noises = options.load(options.rows)
    seeds, others = ([seed_of(options.seed, name, row) for row in range(options.rows)] for name in ("eta", "other"))
    with holding(options.out):
        columns = [_painted(model, noises, one, f"eta {one.eta:g}", seeds) for one in samplings]
        other = _painted(model, noises, samplings[-1], f"eta {options.etas[-1]:g}, other noise on the way", others)
        labels = [f"eta {value:g}" for value in options.etas]
        pixels, rows = to_pixels(torch.stack(columns, dim=1).flatten(0, 1)), range(options.rows)
        grid = labelled_grid(pixels, [f"noise {row:02d}" for row in rows], labels)
        frames = [sheet(to_pixels(column), options.rows, 2, clear=True) for column in columns]
        save_film(options.out / "eta.webp", frames, labels, milliseconds=900)
        times = options.sampling.times(model.schedule)
        numbers = {
            "etas": options.etas,
            "rms_distance_from_first": apart(columns, columns[0]),
            "rms_distance_from_last": apart(columns, columns[-1]),
            "rms_distance_by_other_noise": apart([other], columns[-1]),
            "detail": [measured(noises, column)["detail"] for column in columns],
            "times": times,
            "kept": [kept_noise(model.schedule, times, value) for value in options.etas],
        }
        write_note(options.out / "eta.json", "faces eta", options.settings(), **numbers)
        saved(grid, options.out / "eta.png")
        if options.each:
            _save_etas(options, pixels)
    say_next("faces eta", options.out)
    return options.out / "eta.png"


def interpolate(options: InterpolateOptions) -> List[Path]:
    """Draw the rows, the film and the plot; see InterpolateOptions. Their numbers go to OUT/paths.json.

    Raises:
        UserError: for settings, weights, noises or a folder that cannot be used.
    """
    refuse_missing("matplotlib")
    check_options(options)
    if len(set(options.between)) != 2:
        raise UserError("--between: give the numbers of two different noises")
    for name in _PATHS if options.each else ():
        refuse_file(options.out / name)
    model, noises = options.load(2, options.control, options.between)
    (a, b), noises = noises[-2:], noises[:-2]
    stops = stops_of(options.stops)
    weights = sorted({*stops, *(loop_weights() if options.film else ())})
    begin = options.sampling.times(model.schedule)[0]
    cosine = float(F.cosine_similarity(a.flatten(), b.flatten(), dim=0))
    numbers: Dict[str, Any] = {"alpha": stops, "values": a.numel(), "cosine": cosine, "start": begin}
    numbers["signal"], _ = model.schedule.levels(begin)

    def painted(noises: Tensor, what: str) -> Tensor:
        return _painted(model, noises, options.sampling, what, [seed_of(options.seed, "between")] * len(noises))

    with holding(options.out):
        faces, norms = {}, {}
        for name, between in _PATHS.items():
            mixed = torch.stack([between(a, b, weight) for weight in weights])
            faces[name] = dict(zip(weights, painted(mixed, name)))
            norms[name] = dict(zip(weights, (float(noise.norm()) for noise in mixed)))
            shown = torch.stack([faces[name][stop] for stop in stops])
            numbers[name] = {**measured(mixed, shown), "norm": [norms[name][stop] for stop in stops]}
            if options.each:
                _save_stops(options, name, to_pixels(shown), stops, numbers)
        rows = rows_of({name: torch.stack([faces[name][stop] for stop in stops]) for name in _PATHS}, stops)
        written = [saved(rows, options.out / "between.png")]
        if options.film:
            written.append(save_loop(options.out / "between.webp", faces, norms))
            print(f"wrote {written[-1]}")
        strip, numbers["control"] = shortened(_walk(model, options.sampling), painted, noises)
        written.append(saved(strip, options.out / "scaled.png"))
        write_note(options.out / "paths.json", "faces interpolate", options.settings(), **numbers)
        panels = {title: {name: numbers[name][what] for name in _PATHS} for what, title in _SHOWN.items()}
        written.append(save_lines(options.out / "paths.png", stops, "alpha", panels))
    say_next("faces interpolate", options.out)
    return written


def _save_etas(options: EtaOptions, pixels: Tensor) -> None:
    """The cells of the sheet, row by row."""
    told = {
        f"{row:02d}-{column:02d}.png": {"noise": row, "eta": value}
        for row in range(options.rows)
        for column, value in enumerate(options.etas)
    }
    save_each(options.out / "eta", pixels, told, "faces eta", options.settings(), options.made())


def _save_stops(
    options: InterpolateOptions, name: str, pixels: Tensor, stops: List[float], numbers: Dict[str, Any]
) -> None:
    """The cells of one row of the sheet."""
    digits = max(2, len(str(len(stops) - 1)))
    told = {
        f"{place:0{digits}d}.png": {"alpha": stop, "norm": norm}
        for place, (stop, norm) in enumerate(zip(stops, numbers[name]["norm"]))
    }
    path = {"along": name, "between": list(options.between), "values": numbers["values"]}
    made = {**options.made(), **path}
    save_each(options.out / name, pixels, told, "faces interpolate", options.settings(), made, **path)


def _painted(model: Diffusion, noises: Tensor, sampling: Sampling, what: str, seeds: List[int]) -> Tensor:
    """[N, 3, H, W] on the CPU, under a bar."""
    return swept(model, _walk(model, sampling), noises, seeds, sampling.steps, f"painting faces, {what}")


def _walk(model: Diffusion, sampling: Sampling) -> Walk:
    return lambda noises, seeds: walk(model, noises, sampling, seeds)
