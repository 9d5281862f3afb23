"""Painting digits from noise, into the course's folders.

    OUT/{mnistm,svhn}/{digit}_{001, 002, ...}.png          28x28 RGB
    OUT/run.json                                           the settings that made them

A picture is a function of the settings and of its own dataset, digit and number: not of the batch, the process or the
run that it was painted in. A run that was interrupted goes on with what is missing.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from PIL import Image, PngImagePlugin
from torch import Tensor
from tqdm import tqdm

from ..checkpoints import atomic_path, write_text
from ..devices import Worker, autocast, choose_precision
from ..diffusion import SeededNoise, Step, make_sampler, spaced_times
from ..errors import UserError
from .batches import seed_of
from .data import SIZE
from .labels import DATASETS, DIGITS, label_of
from .model import SHIPPED, DigitModel, digit_schedule


@dataclass(frozen=True)
class Sampling:
    """How noise becomes a digit."""

    sampler: str = "unipc"
    """ddim, ddpm, dpmpp-2m, dpm-2m, heun or unipc."""
    steps: int = 12
    """Denoising steps, 1 ... 1000."""
    guidance_scale: float = 2.0
    """1 is no guidance; more makes digits clearer and less varied."""
    guide_from: float = 0.0
    """The least noisy time that is guided, 0 ... 999."""
    guide_to: float = 999.0
    """The noisiest time that is guided; outside the interval the scale is 1 and a step costs half."""
    eta: float = 0.0
    """Noise added by ddim, 0 ... 1."""

    def check(self) -> None:
        """Refuse what cannot be sampled with.

        Raises:
            UserError: naming the setting.
        """
        try:
            schedule = digit_schedule()
            make_sampler(self.sampler, schedule, self.eta)
            spaced_times(len(schedule), self.steps)
        except ValueError as error:
            raise UserError(str(error)) from None
        if self.guide_from > self.guide_to:
            raise UserError(f"guide_from ({self.guide_from}) must not be above guide_to ({self.guide_to})")


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


def walk(
    model: DigitModel, labels: Sequence[int], seeds: Sequence[int], sampling: Sampling, device: torch.device
) -> Iterator[Step]:
    """The reverse process of a batch, one Step at a time.

    Args:
        model: on `device`.
        labels: one a picture, see `label_of`.
        seeds: one a picture.
        sampling: checked settings.
        device: where to compute.
    """
    noise = SeededNoise(seeds, (3, SIZE, SIZE), device)
    interval = (sampling.guide_from, sampling.guide_to)
    # On a CPU one pass keeps it busy, and a doubled batch leaves its caches; on a GPU one large pass wins.
    denoiser = model.denoiser(
        torch.tensor(labels, device=device), sampling.guidance_scale, interval, batched=device.type != "cpu"
    )
    sampler = make_sampler(sampling.sampler, model.schedule, sampling.eta)
    return sampler(noise(), denoiser, spaced_times(len(model.schedule), sampling.steps), noise)


def to_pixels(x: Tensor) -> Tensor:
    """[-1, 1] to uint8 0 ... 255, rounded; [B, 3, H, W] to [B, H, W, 3] on the CPU."""
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()


@torch.no_grad()
def paint(
    model: DigitModel,
    labels: Sequence[int],
    seeds: Sequence[int],
    sampling: Sampling,
    device: torch.device,
    precision: str = "fp32",
) -> Tensor:
    """The finished pictures of a batch: uint8 [B, 28, 28, 3]."""
    with autocast(device, precision):
        for step in walk(model, labels, seeds, sampling, device):
            x = step.x
    return to_pixels(x)


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


def _settings(options: GenerateOptions) -> str:
    """What decides each picture, as JSON; the same settings may go on in the same folder."""
    chosen = {"weights": str(options.weights or "shipped"), "seed": options.seed, "sampling": asdict(options.sampling)}
    return json.dumps({"command": "digits generate", **chosen}, indent=2) + "\n"


def _prepare_folder(options: GenerateOptions, worker: Worker) -> None:
    for folder in [options.out, *(options.out / dataset for dataset in options.datasets)]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: cannot be made a folder ({error.strerror}); give another output path") from None
    note, settings = options.out / "run.json", _settings(options)
    if note.exists() and not options.overwrite and _read(note) != settings:
        raise UserError(
            f"{options.out}: holds pictures of other settings ({note.name} there); give another folder, or overwrite"
        )
    if worker.rank == 0:
        write_text(note, settings)


def _read(note: Path) -> Optional[str]:
    try:
        return note.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _save(picture: Picture, pixels: Tensor, seed: int, options: GenerateOptions) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("sfumato", f"{picture.dataset} digit {picture.digit}, seed {seed}, {options.sampling}")
    with atomic_path(picture.path(options.out), durable=False) as beside:
        Image.fromarray(pixels.numpy()).save(beside, format="PNG", pnginfo=info)
