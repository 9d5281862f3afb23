"""Painting digits from noise, into the course's folders.

    OUT/{mnistm,svhn}/{digit}_{001, 002, ...}.png          28x28 RGB

A picture is a function of the settings and of its own dataset, digit and number; see `pictures/painting.py`.
"""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from ..devices import PRECISIONS, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..options import check_options, choice, number
from ..pictures.filming import FILM, check_filming
from ..pictures.metrics import PRECISION_NEIGHBOURS
from ..pictures.painting import AfterStep, Painting, paint_all
from ..runs import digest, file_identity
from .labels import DATASETS, DIGITS, label_of
from .model import SHIPPED, load_digits
from .painting import Sampling, paint


@dataclass
class GenerateOptions:
    """Paint digits into OUT/{mnistm,svhn}/{digit}_{001...}.png; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    weights: Optional[Path] = None
    """A digits.safetensors; the shipped one by default."""
    datasets: Tuple[str, ...] = choice(DATASETS, DATASETS)
    """Which looks: mnistm, svhn, or both."""
    digits: Tuple[int, ...] = number(tuple(range(DIGITS)), 0, DIGITS - 1)
    """Which digits."""
    count: int = number(50, 1)
    """Pictures of each digit and dataset."""
    seed: int = number(0)
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = number(50, 1)
    """Pictures painted at once."""
    precision: str = choice("fp32", PRECISIONS)
    """fp32, in which a picture is the same in any batch; or bf16, fp16 or auto, for pictures that differ a little."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""
    film: Optional[Path] = field(default=None, metadata=FILM)


class Picture(NamedTuple):
    """One picture to paint."""

    dataset: str
    digit: int
    number: int
    """From 1."""

    def seed(self, run_seed: int) -> int:
        """Of its noise."""
        return seed_of(run_seed, label_of(self.dataset, self.digit), self.number)


def generate(options: GenerateOptions, left_out: Optional[List[UserError]] = None) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions, and `paint_all` for `left_out`.

    Returns:
        The folder.

    Raises:
        UserError: for settings or a folder that cannot be used.
    """
    painting = painting_of(options)
    return paint_all(
        painting, options.out, options.batch_size, options.overwrite, options.datasets, left_out, options.film
    )


def painting_of(options: GenerateOptions) -> Painting[Picture]:
    """What `generate` paints, all checked and nothing painted.

    Raises:
        UserError: for settings that cannot be used.
    """
    check_options(options)
    options.sampling.check()
    for name in ("datasets", "digits"):
        if not getattr(options, name):
            raise UserError(f"{name}: give at least one, or leave --{name} out for all")
    check_filming(options.film, options.out)
    return _DigitPainting(options, Worker.here().device())


class _DigitPainting(Painting[Picture]):
    command, what = "digits generate", "digits"

    def __init__(self, options: GenerateOptions, device: torch.device) -> None:
        path = options.weights or SHIPPED
        self._options, self._device, self._model = options, device, load_digits(path).to(device)
        self._sampling = options.sampling.of(self._model, path)
        self._precision, self.steps = choose_precision(device, options.precision), options.sampling.steps
        chosen = {"seed": options.seed, "sampling": self._sampling.told(), "precision": self._precision}
        self.settings, self.schedule = {"weights": digest(path.read_bytes()), **chosen}, self._model.schedule
        self._weights = file_identity(path)

    def wanted(self) -> Iterator[Picture]:
        options = self._options
        kinds = itertools.product(options.datasets, options.digits)
        return (Picture(*kind, number) for kind in kinds for number in range(1, options.count + 1))

    def count(self) -> int:
        return len(self._options.datasets) * len(self._options.digits) * self._options.count

    def path(self, asked: Picture) -> Path:
        return Path(asked.dataset, f"{asked.digit}_{asked.number:03d}.png")

    def drawn(self, asked: Picture) -> Dict[str, int]:
        return {"run_seed": self._options.seed, "count": asked.number}

    def note(self, asked: Picture) -> Dict[str, Any]:
        drawn = {"seed": asked.seed(self._options.seed), "sampling": self.settings["sampling"]}
        return {**asked._asdict(), **drawn, "precision": self._precision, "weights": self._weights}

    def then(self, out: Path) -> str:
        # Of fewer there is no recall to measure.
        enough = len(self._options.digits) * self._options.count > PRECISION_NEIGHBOURS
        return f"sfumato digits evaluate {quote(str(out))}" if enough else ""

    def caption(self, asked: Picture) -> str:
        return f"{asked.dataset} {asked.digit}"

    def paint(self, batch: List[Picture], after_step: AfterStep) -> Tensor:
        labels = [label_of(asked.dataset, asked.digit) for asked in batch]
        seeds = [asked.seed(self._options.seed) for asked in batch]
        return paint(self._model, labels, seeds, self._sampling, self._device, self._precision, after_step)
