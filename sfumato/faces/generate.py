"""Painting a face from every noise in a folder.

    NOISE_DIR/{stem}.pt, or .npy  ->  OUT/{stem}.png

A picture is a function of its noise, its stem and the settings; see `pictures/painting.py`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import torch
from torch import Tensor

from ..devices import PRECISIONS, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..images import RANGES, to_range
from ..options import check_options, choice, number
from ..pictures.filming import FILM, check_filming
from ..pictures.memory import batch_that_fits
from ..pictures.painting import AfterStep, Painting, paint_all
from ..runs import digest, file_identity, files_digest
from .model import load_faces, weights_path
from .noises import noise_paths, read_noise
from .painting import Sampling, paint


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
    saving: str = choice("minmax", RANGES)
    """minmax stretches each picture to 0 ... 255 as the course does; fixed maps [-1, 1] there."""
    seed: int = number(0)
    """Of the noise added on the way, where eta or the sampler add any."""
    batch_size: Optional[int] = number(None, 1)
    """Pictures painted at once; as many as fit the memory by default, on a CPU at most 2."""
    precision: str = choice("fp32", PRECISIONS)
    """fp32 for the exact pictures; bf16 or fp16 are faster; auto takes what the hardware likes."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""
    film: Optional[Path] = field(default=None, metadata=FILM)


def generate(options: GenerateOptions, left_out: Optional[List[UserError]] = None) -> Path:
    """Paint what is not there yet; see GenerateOptions.

    Args:
        options: what to paint, with what.
        left_out: see `paint_all`; given, a noise that cannot be used is added to it, and the others are painted.

    Returns:
        The folder.

    Raises:
        UserError: for settings, noises, weights or a folder that cannot be used; before anything is painted.
    """
    painting = painting_of(options, left_out)
    if not painting.count():
        return options.out
    batch_size = options.batch_size or batch_that_fits(painting.model)
    return paint_all(painting, options.out, batch_size, options.overwrite, (), left_out, options.film)


def painting_of(options: GenerateOptions, left_out: Optional[List[UserError]] = None) -> "_FacePainting":
    """What `generate` paints, all checked and nothing painted; see there.

    Raises:
        UserError: for settings, noises or weights that cannot be used.
    """
    check_options(options)
    options.sampling.check()
    check_filming(options.film, options.out)
    device = Worker.here().device()
    return _FacePainting(options, device, choose_precision(device, options.precision), left_out)


class _FacePainting(Painting[Path]):
    """A face for each noise's path."""

    command, what = "faces generate", "faces"

    def __init__(
        self, options: GenerateOptions, device: torch.device, precision: str, left_out: Optional[List[UserError]]
    ) -> None:
        paths = noise_paths(options.noise)
        self.model = load_faces(options.unet)
        self._noises = {}
        for path in paths:
            try:
                self._noises[path] = read_noise(path, self.model.network.config.size)
            except UserError as fault:
                if left_out is None:
                    raise
                left_out.append(fault)
        self.model.to(device)
        self.schedule = self.model.schedule
        self._sampling = options.sampling.of(self.model, weights_path(options.unet))
        self._weights = file_identity(weights_path(options.unet))
        self._options, self._precision, self.steps = options, precision, options.sampling.steps
        chosen = {"sampling": self._sampling.told(), "saving": options.saving, "seed": options.seed}
        self.settings = {"weights": files_digest(weights_path(options.unet)), **chosen, "precision": precision}

    def wanted(self) -> Iterator[Path]:
        return iter(self._noises)

    def count(self) -> int:
        return len(self._noises)

    def path(self, asked: Path) -> Path:
        return Path(f"{asked.stem}.png")

    def name(self, run: str, asked: Path) -> str:
        # A noise of the same name may be another one by now.
        return digest(run, self._noises[asked].numpy())

    def note(self, asked: Path) -> Dict[str, Any]:
        noise = {"noise": asked.name, "noise_contents": digest(self._noises[asked].numpy()), "seed": self._seed(asked)}
        how = {name: self.settings[name] for name in ("saving", "precision")}
        return {**noise, **how, "weights": self._weights, **self.settings["sampling"]}

    def paint(self, batch: List[Path], after_step: AfterStep) -> Tensor:
        device = next(self.model.parameters()).device
        noise = torch.stack([self._noises[path] for path in batch]).to(device)
        seeds = [self._seed(path) for path in batch]
        faces = paint(self.model, noise, self._sampling, seeds, self._precision, after_step)
        return to_range(faces, self._options.saving)

    def _seed(self, noise: Path) -> int:
        return seed_of(self._options.seed, noise.stem)
