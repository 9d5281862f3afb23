"""Painting a face from every noise in a folder.

    NOISE_DIR/{stem}.pt  ->  OUT/{stem}.png
    OUT/run.json             the settings that made them

A picture is a function of its noise, its stem and the settings: not of the batch or the process that it was painted in.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from tqdm import tqdm

from ..devices import Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..pictures import save_png
from ..runs import open_run
from .memory import batch_that_fits
from .model import FaceModel, weights_path
from .noises import noise_paths, read_noise
from .painting import RANGES, Recipe, paint, to_range


@dataclass
class GenerateOptions:
    """Paint a face from every noise NOISE/*.pt into OUT; the same command again goes on where it stopped."""

    noise: Path
    """Folder of noise tensors, as the course hands out or `faces noise` draws."""
    out: Path
    """Folder to paint into; made if missing."""
    unet: Path
    """The course's UNet.pt, a faces.safetensors that `faces train` wrote, or the word shipped."""
    recipe: Recipe = field(default_factory=Recipe)
    saving: str = "minmax"
    """minmax stretches each picture to 0 ... 255 as the course does; fixed maps [-1, 1] there."""
    seed: int = 0
    """Of the noise added on the way, where eta or the sampler add any."""
    batch_size: Optional[int] = None
    """Pictures painted at once; as many as fit the memory by default, on a CPU at most 2."""
    precision: str = "fp32"
    """fp32 for the exact pictures; bf16 or fp16 are faster; auto takes what the hardware likes."""
    overwrite: bool = False
    """Paint anew what is there already."""


def generate(options: GenerateOptions) -> Path:
    """Paint what is not there yet; see GenerateOptions.

    Returns:
        The folder.

    Raises:
        UserError: for settings, noises, weights or a folder that cannot be used; before anything is painted.
    """
    worker = Worker.here()
    device = worker.device()
    precision = _checked(options, device)
    paths = noise_paths(options.noise)
    model = FaceModel.load(options.unet)
    size = model.network.config.size
    for path in paths:
        read_noise(path, size)
    model.network.to(device)
    open_run(options.out, "faces generate", _settings(options), worker, overwrite=options.overwrite)
    todo = [p for p in worker.share(paths) if options.overwrite or not _picture(options, p).exists()]
    batch_size = options.batch_size or batch_that_fits(model.network, device)
    with tqdm(
        total=len(todo) * options.recipe.steps, desc="painting faces", unit="step", disable=worker.rank > 0
    ) as bar:
        for start in range(0, len(todo), batch_size):
            _paint_batch(model, todo[start : start + batch_size], options, precision, bar)
    return options.out


def _paint_batch(
    model: FaceModel, paths: List[Path], options: GenerateOptions, precision: str, bar: "tqdm[Any]"
) -> None:
    device = next(model.network.parameters()).device
    noise = torch.stack([read_noise(path, model.network.config.size) for path in paths]).to(device)
    seeds = [seed_of(options.seed, path.stem) for path in paths]
    faces = paint(model, noise, options.recipe, seeds, precision, lambda: bar.update(len(paths)))
    for path, seed, pixels in zip(paths, seeds, to_range(faces, options.saving)):
        save_png(_picture(options, path), pixels, {"noise": path.name, "seed": seed, **asdict(options.recipe)})


def _picture(options: GenerateOptions, noise: Path) -> Path:
    return options.out / f"{noise.stem}.png"


def _checked(options: GenerateOptions, device: torch.device) -> str:
    """Refuse bad settings before anything is read; the precision to compute in."""
    options.recipe.check()
    if options.saving not in RANGES:
        raise UserError(f"unknown range {options.saving!r}; choose one of {', '.join(RANGES)}")
    if options.batch_size is not None and options.batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {options.batch_size}")
    return choose_precision(device, options.precision)


def _settings(options: GenerateOptions) -> Dict[str, Any]:
    """What decides each picture."""
    digest = hashlib.sha256()
    with open(weights_path(options.unet), "rb") as file:
        for part in iter(lambda: file.read(1 << 24), b""):
            digest.update(part)
    return {
        "weights_sha256": digest.hexdigest(),
        "recipe": asdict(options.recipe),
        "saving": options.saving,
        "seed": options.seed,
    }
