"""Painting digits from noise, into the course's folders.

    OUT/{mnistm,svhn}/{digit}_{001, 002, ...}.png          28x28 RGB
    OUT/run.json                                           the settings that made them

A picture is a function of the settings and of its own dataset, digit and number: not of the batch, the process or the
run that it was painted in. A run that was interrupted goes on with what is missing.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor
from tqdm import tqdm

from .. import __version__
from ..checkpoints import atomic_path, write_text
from ..devices import Worker, choose_precision
from ..errors import UserError
from .batches import seed_of
from .labels import DATASETS, DIGITS, label_of
from .model import SHIPPED, DigitModel
from .painting import Sampling, paint


@dataclass
class GenerateOptions:
    """Paint digits into OUT/{mnistm,svhn}/{digit}_{001...}.png; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    weights: Optional[Path] = None
    """A digits.safetensors; the shipped one by default."""
    datasets: Tuple[str, ...] = DATASETS
    """Which looks: mnistm, svhn, or both."""
    digits: Tuple[int, ...] = tuple(range(DIGITS))
    """Which digits."""
    count: int = 50
    """Pictures of each digit and dataset."""
    seed: int = 0
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = 50
    """Pictures painted at once."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    overwrite: bool = False
    """Paint anew what is there already."""


class Picture(NamedTuple):
    """One picture to paint."""

    dataset: str
    digit: int
    number: int
    """From 1."""

    def path(self, out: Path) -> Path:
        """Where the course wants it."""
        return out / self.dataset / f"{self.digit}_{self.number:03d}.png"

    def seed(self, run_seed: int) -> int:
        """Of its noise."""
        return seed_of(run_seed, label_of(self.dataset, self.digit), self.number)


def generate(options: GenerateOptions) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions.

    Returns:
        The folder.

    Raises:
        UserError: for settings or a folder that cannot be used.
    """
    worker = Worker.here()
    pictures = _wanted(options)
    model = DigitModel.load(options.weights or SHIPPED)
    device = worker.device()
    try:
        precision = choose_precision(device, options.precision)
    except ValueError as error:
        raise UserError(str(error)) from None
    model.network.to(device)
    _prepare_folder(options, worker)
    todo = [p for p in worker.share(pictures) if options.overwrite or not p.path(options.out).exists()]
    with tqdm(total=len(todo), desc="painting digits", unit="picture", disable=worker.rank > 0) as bar:
        for start in range(0, len(todo), options.batch_size):
            batch = todo[start : start + options.batch_size]
            labels = [label_of(p.dataset, p.digit) for p in batch]
            seeds = [p.seed(options.seed) for p in batch]
            pixels = paint(model, labels, seeds, options.sampling, device, precision)
            for picture, pixel, seed in zip(batch, pixels, seeds):
                _save(picture, pixel, seed, options)
            bar.update(len(batch))
    return options.out


def _wanted(options: GenerateOptions) -> List[Picture]:
    options.sampling.check()
    for dataset in options.datasets:
        for digit in options.digits:
            try:
                label_of(dataset, digit)
            except ValueError as error:
                raise UserError(str(error)) from None
    for name, value in (("count", options.count), ("batch_size", options.batch_size)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    numbers = range(1, options.count + 1)
    return [Picture(dataset, d, n) for dataset in options.datasets for d in options.digits for n in numbers]


def _settings(options: GenerateOptions) -> Dict[str, Any]:
    """What decides each picture; the same settings may go on in the same folder."""
    weights = hashlib.sha256((options.weights or SHIPPED).read_bytes()).hexdigest()
    return {"weights_sha256": weights, "seed": options.seed, "sampling": asdict(options.sampling)}


def _prepare_folder(options: GenerateOptions, worker: Worker) -> None:
    for folder in [options.out, *(options.out / dataset for dataset in options.datasets)]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: cannot be made a folder ({error.strerror}); give another output path") from None
    note, settings = options.out / "run.json", _settings(options)
    if note.exists() and not options.overwrite and _settings_in(note) != settings:
        raise UserError(
            f"{options.out}: holds pictures of other settings ({note.name} there); give another folder, or overwrite"
        )
    if worker.rank == 0:
        versions = {"sfumato": __version__, "torch": torch.__version__}
        run = {"command": "digits generate", "settings": settings, "versions": versions}
        write_text(note, json.dumps(run, indent=2) + "\n")


def _settings_in(note: Path) -> Any:
    try:
        return json.loads(note.read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(picture: Picture, pixels: Tensor, seed: int, options: GenerateOptions) -> None:
    info = PngImagePlugin.PngInfo()
    told = {**picture._asdict(), "seed": seed, "sampling": asdict(options.sampling)}
    info.add_text("sfumato", json.dumps(told))
    with atomic_path(picture.path(options.out), durable=False) as beside:
        Image.fromarray(pixels.numpy()).save(beside, format="PNG", pnginfo=info)
