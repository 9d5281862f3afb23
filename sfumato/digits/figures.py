"""The figures of a report: contact sheets and the reverse process."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import List, Optional

import torch
from torch import Tensor

from ..devices import Worker
from ..diffusion import seed_of
from ..images import save_image, sheet, to_pixels
from ..model import Diffusion
from ..options import check_options, number
from ..pictures.fronts import FrontOptions
from ..pictures.judges import load_judge
from ..pictures.painting import walked
from ..pictures.sweeps import save_guidance
from ..pictures.walks import Moment, readings, save_moments, save_walk_film, watched
from ..runs import open_run, say_next
from .front import front
from .labels import DATASETS, DIGITS, label_of
from .model import SHIPPED, load_digits
from .painting import Sampling, walk

_COLUMNS = 10


@dataclass
class FiguresOptions:
    """Draw for each dataset a 10x10 sheet, and how the first picture of each digit came out of noise: as a film, in six
    moments, and those of the 0 alone."""

    out: Path
    """Folder to draw into; made if missing."""
    weights: Optional[Path] = None
    """A digits.safetensors; the shipped one by default."""
    seed: int = number(22)
    """Other seeds give other noises; of this one's the shipped weights paint 200 pictures that can all be read."""
    sampling: Sampling = field(default_factory=lambda: Sampling(steps=10))
    sweep: FrontOptions = field(default_factory=FrontOptions)


def figures(options: FiguresOptions) -> List[Path]:
    """Draw all figures; returns their paths.

    Raises:
        UserError: for settings or an output path that cannot be used.
    """
    check_options(options)
    options.sweep.refuse_unused()
    weights, device = options.weights or SHIPPED, Worker.here().device()
    model = load_digits(weights).to(device)
    if options.sweep.front:
        return front(model, weights, options.sweep, options.sampling, options.seed, options.out)
    options = replace(options, sampling=options.sampling.of(model, weights))
    name, told = str(options.weights or SHIPPED.name), options.sampling.told()
    settings = {"weights": name, "seed": options.seed, "sampling": told}
    written = []
    # Figures of other settings take the place of earlier ones, but of no other command's.
    with open_run(options.out, "digits figures", settings, Worker.here(), compared=lambda settings: {}):
        for dataset in DATASETS:
            labels = [label_of(dataset, digit) for digit in range(DIGITS) for _ in range(_COLUMNS)]
            seeds = [seed_of(options.seed, column) for _ in range(DIGITS) for column in range(_COLUMNS)]
            shown: List[Moment] = []
            steps = walk(model, labels, seeds, options.sampling, device)
            firsts = range(0, len(labels), _COLUMNS)
            pixels = to_pixels(walked(watched(steps, model.schedule, shown, firsts), model))
            zero = [moment._replace(x=moment.x[:1], x0=moment.x0[:1]) for moment in shown]
            written.append(save_image(sheet(pixels, _COLUMNS, clear=True), options.out / f"{dataset}-sheet.png"))
            written.append(save_moments(zero, options.out / f"{dataset}-first-zero.png"))
            written.append(save_moments(shown, options.out / f"{dataset}-reverse-process.png"))
            read = readings(shown, load_judge(dataset), torch.arange(DIGITS))
            written.append(save_walk_film(shown, options.out / f"{dataset}-reverse-process.webp", told=read))
            written += _guided(model, dataset, options)
    for path in written:
        print(f"wrote {path}")
    say_next("digits figures", options.out)
    return written


def _guided(model: Diffusion, dataset: str, options: FiguresOptions) -> List[Path]:
    """Digits of two noises at several guidance scales, and how many of them a judge reads as asked."""
    device, digits = Worker.here().device(), torch.arange(2 * DIGITS) % DIGITS
    labels = [label_of(dataset, int(digit)) for digit in digits]
    seeds = [seed_of(options.seed, place // DIGITS) for place in range(2 * DIGITS)]

    def painted(scale: float) -> Tensor:
        sampling = replace(options.sampling, guidance_scale=scale)
        return walked(walk(model, labels, seeds, sampling, device), model).cpu()

    return save_guidance(options.out / f"{dataset}-guidance", painted, load_judge(dataset), digits, DIGITS)
