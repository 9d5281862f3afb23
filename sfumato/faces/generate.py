"""Painting a face from every noise in a folder.

    NOISE_DIR/{stem}.pt  ->  OUT/{stem}.png
    OUT/run.json             the settings that made them

A picture is a function of its noise, its stem and the settings: not of the batch or the process that it was painted in.
"""

import mmap
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional

import torch
from torch import Tensor
from tqdm import tqdm

from ..devices import Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError, in_range
from ..images import save_png
from ..model import Diffusion
from ..runs import digest, open_run, painted_by
from .memory import batch_that_fits
from .model import load_faces, weights_path
from .noises import noise_paths, read_noise
from .painting import RANGES, Sampling, paint, to_range


@dataclass
class GenerateOptions:
    """Paint a face from every noise NOISE/*.pt into OUT; the same command again goes on where it stopped."""

    noise: Path
    """Folder of noise tensors, as the course hands out or `faces noise` draws."""
    out: Path
    """Folder to paint into; made if missing."""
    unet: Path
    """The course's UNet.pt, a faces.safetensors that `faces train` wrote, or the word shipped."""
    sampling: Sampling = field(default_factory=Sampling)
    saving: str = "minmax"
    """minmax stretches each picture to 0 ... 255 as the course does; fixed maps [-1, 1] there."""
    seed: int = 0
    """Of the noise added on the way, where eta or the sampler add any."""
    batch_size: Optional[int] = None
    """Pictures painted at once; as many as fit the memory by default, on a CPU at most 2."""
    precision: str = "fp32"
    """fp32 for the exact pictures; bf16 or fp16 are faster; auto takes what the hardware likes."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""


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
    model = load_faces(options.unet)
    size = model.network.config.size
    noises = {path: read_noise(path, size) for path in paths}
    model.network.to(device)
    run = open_run(options.out, "faces generate", _settings(options, precision), worker, overwrite=options.overwrite)
    # A noise of the same name may be another one by now.
    runs = {path: digest(run, noise.numpy()) for path, noise in noises.items()}
    todo = [path for path in worker.share(paths) if not painted_by(runs[path], _picture(options, path))]
    batch_size = options.batch_size or batch_that_fits(model.network, device)
    with tqdm(
        total=len(todo) * options.sampling.steps, desc="painting faces", unit="step", disable=worker.rank > 0
    ) as bar:
        for start in range(0, len(todo), batch_size):
            batch = {path: noises[path] for path in todo[start : start + batch_size]}
            _paint_batch(model, batch, runs, options, precision, bar)
    return options.out


def _paint_batch(
    model: Diffusion,
    batch: Dict[Path, Tensor],
    runs: Dict[Path, str],
    options: GenerateOptions,
    precision: str,
    bar: "tqdm[Any]",
) -> None:
    device = next(model.network.parameters()).device
    noise = torch.stack(list(batch.values())).to(device)
    seeds = [seed_of(options.seed, path.stem) for path in batch]
    faces = paint(model, noise, options.sampling, seeds, precision, lambda: bar.update(len(batch)))
    for path, seed, pixels in zip(batch, seeds, to_range(faces, options.saving)):
        told = {"noise": path.name, "seed": seed, "run": runs[path], **asdict(options.sampling)}
        save_png(_picture(options, path), pixels, told)


def _picture(options: GenerateOptions, noise: Path) -> Path:
    return options.out / f"{noise.stem}.png"


def _checked(options: GenerateOptions, device: torch.device) -> str:
    """Refuse bad settings before anything is read; the precision to compute in."""
    options.sampling.check()
    if options.saving not in RANGES:
        raise UserError(f"unknown range {options.saving!r}; choose one of {', '.join(RANGES)}")
    if options.batch_size is not None:
        in_range(options, "batch_size", 1)
    return choose_precision(device, options.precision)


def _settings(options: GenerateOptions, precision: str) -> Dict[str, Any]:
    """What decides each picture but its noise."""
    with open(weights_path(options.unet), "rb") as file:
        # Mapped, because the file may be as large as the memory.
        weights = digest(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return {
        "weights": weights,
        "sampling": asdict(options.sampling),
        "saving": options.saving,
        "seed": options.seed,
        "precision": precision,
    }
