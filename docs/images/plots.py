"""Drawings of numbers, narrow enough for a phone."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch
from commands import ROOT, Scratch
from torch import Tensor

from sfumato.diffusion import sample, seed_of
from sfumato.digits.labels import DATASETS, DIGITS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, walk
from sfumato.images.style import drawing_of, line_names_beside, line_on, save_drawing, show_all_of
from sfumato.models.shipped import shipped
from sfumato.report.curves import curve

WIDTH, HEIGHT = 372, 300
"""Of one drawing; two stand side by side on a wide page and above each other on a phone."""
SHOWN = ("unipc", "dpmpp-2m", "heun", "ddim", "dpmpp-2m-sde", "ddpm")
"""Of the samplers: `dpm-2m` paints what `dpmpp-2m` does, `edm` without churn what `heun` does."""
FINEST = 200
"""Steps of the walk that others are held against."""
STEPS = {"heun": (3, 5, 8, 13, 25), "": (4, 6, 9, 15, 25, 50)}


def samplers_error(scratch: Scratch, path: Path) -> None:
    """How far each deterministic sampler's digits are from those of the same noise in 200 steps."""
    model, labels = load_digits(), [label_of(dataset, digit) for dataset in DATASETS for digit in range(DIGITS)]
    seeds = [seed_of(0, label) for label in labels]
    asked: List[int] = []
    watching = model.network.register_forward_pre_hook(lambda network, given: asked.append(len(given[0])))

    def painted(sampler: str, steps: int) -> Tensor:
        asked.clear()
        return sample(walk(model, labels, seeds, Sampling(sampler=sampler, steps=steps), torch.device("cpu"))).double()

    truth = painted("unipc", FINEST)
    lines: Dict[str, List[Tuple[float, float]]] = {}
    for sampler in SHOWN[:4]:
        for steps in STEPS.get(sampler, STEPS[""]):
            # Grey levels: pictures are in [-1, 1].
            error = 127.5 * float((painted(sampler, steps) - truth).square().mean().sqrt())
            lines.setdefault(sampler, []).append((sum(asked) / len(labels), error))
    watching.remove()
    figure, axis = _against_passes(lines, "difference from 200 steps, grey levels")
    axis.set_yscale("log")
    _plain_ticks(axis.yaxis, [2, 5, 10, 20, 40])
    line_names_beside(axis, list(lines))
    save_drawing(path, figure)


def samplers_distance(scratch: Scratch, path: Path) -> None:
    """The Frechet distances of docs/samplers.md, as its benchmark measured them."""
    lines: Dict[str, List[Tuple[float, float]]] = {}
    for row in (ROOT / "docs" / "samplers.md").read_text().splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 8 and cells[0] in SHOWN:
            lines.setdefault(cells[0], []).append((float(cells[7]), float(cells[6])))
    figure, axis = _against_passes({name: lines[name] for name in SHOWN}, "Fréchet distance to real digits")
    show_all_of(axis, [distance for line in lines.values() for _, distance in line])
    line_names_beside(axis, SHOWN)
    save_drawing(path, figure)


def _against_passes(lines: Dict[str, List[Tuple[float, float]]], what: str) -> Tuple[Any, Any]:
    """A drawing with a line a sampler, over passes through the network in logarithms."""
    figure, (axis,) = drawing_of(1, 1, HEIGHT, WIDTH)
    for place, points in enumerate(lines.values()):
        line_on(axis, [passes for passes, _ in points], [number for _, number in points], place, marks=True)
    axis.set_xscale("log")
    axis.set_xlabel("passes through the network, a picture")
    axis.set_title(what)
    _plain_ticks(axis.xaxis, [7, 10, 15, 25, 42, 85])
    return figure, axis


def _plain_ticks(axis: Any, ticks: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda number, place: f"{number:g}"))


def training_curve(quantity: str, title: str) -> Callable[[Scratch, Path], None]:
    """One logged quantity of the digit model that ships, as the report draws it; its runs are told apart."""

    def made(scratch: Scratch, path: Path) -> None:
        folder = shipped("digits-training")
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        runs = [(name, float(after)) for name, after in json.loads((folder / "run.json").read_text())["runs"].items()]
        (drawn,) = curve(log, {quantity: title}, "", "", runs).shots
        path.write_bytes(b64decode(drawn.source.partition(",")[2]))

    return made
