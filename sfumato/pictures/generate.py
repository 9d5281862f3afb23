"""Painting with a model of anybody's own pictures.

    OUT/{label}/{000, 001, ...}.png     or OUT/{000 ...}.png where the model has no labels

A picture is a function of the settings and of its own label and number; see `painting.py`.
"""

import itertools
import math
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from ..conditions import said
from ..devices import PRECISIONS, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..images import to_pixels
from ..model import Diffusion
from ..models.registry import name_of
from ..options import check_options, choice, number
from ..runs import digest, file_identity
from .filming import FILM, check_filming
from .guided import Guided
from .looks import GUIDANCE, STEPS
from .memory import batch_that_fits
from .painting import AfterStep, Painting, paint_all, walked

_MOST_COMBINATIONS = 1000
"""That are painted without being asked for by name."""
MODEL = "model.safetensors"
"""The finished model in a run's folder."""


@dataclass(frozen=True)
class Sampling(Guided):
    """How noise becomes a picture."""

    steps: int = number(STEPS, 1)
    """Denoising steps."""
    guidance_scale: float = number(GUIDANCE, 0)
    """1 is no guidance; more makes pictures clearer and less varied. Models without labels have none."""


@dataclass
class GenerateOptions:
    """Paint pictures like those that were learned; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    weights: Path = field(metadata={"flag": True})
    """The folder of a run of `pictures train`, or a model.safetensors."""
    label: Tuple[str, ...] = ()
    """Which labels; all by default. Of several conditions one of each, as in rose,red; what is left out, as in rose, is
    left open."""
    count: int = number(25, 1)
    """Pictures of each label."""
    seed: int = number(0)
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: Optional[int] = number(None, 1)
    """Pictures painted at once; as many as fit the memory by default, on a CPU 2 ... 16."""
    precision: str = choice("fp32", PRECISIONS)
    """fp32, in which a picture is the same in any batch; or bf16, fp16 or auto, for pictures that differ a little."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""
    film: Optional[Path] = field(default=None, metadata=FILM)


class _Picture(NamedTuple):
    label: str
    number: int


def generate(options: GenerateOptions) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions.

    Returns:
        The folder.

    Raises:
        UserError: for weights, labels, settings or a folder that cannot be used.
    """
    painting = painting_of(options)
    inside = [folder_of(label) for label in painting.labels if label]
    batch_size = options.batch_size or batch_that_fits(painting.model)
    return paint_all(painting, options.out, batch_size, options.overwrite, inside, film=options.film)


def painting_of(options: GenerateOptions) -> "_PicturePainting":
    """What `generate` paints, all checked and nothing painted.

    Raises:
        UserError: for weights, labels or settings that cannot be used.
    """
    check_options(options)
    check_filming(options.film, options.out)
    return _PicturePainting(options, Worker.here().device())


class _PicturePainting(Painting[_Picture]):
    command, what = "pictures generate", "pictures"

    def __init__(self, options: GenerateOptions, device: torch.device) -> None:
        path = weights_path(options.weights)
        self.model, self._device = Diffusion.load(path, what="model of pictures").to(device), device
        self.labels = _labels(options, self.model)
        if self.model.shape is None:
            raise UserError(f"{options.weights}: does not say of what size its pictures are")
        self._sampling = options.sampling.of(self.model, path)
        self._options, self.steps, self.schedule = options, options.sampling.steps, self.model.schedule
        self._precision = choose_precision(device, options.precision)
        # Which labels and how many does not decide a picture: others may come into the same folder.
        chosen = {"sampling": self._sampling.told(), "seed": options.seed, "precision": self._precision}
        self.settings, self._weights = {**chosen, "weights": digest(path.read_bytes())}, file_identity(path)

    def wanted(self) -> Iterator[_Picture]:
        return (_Picture(label, number) for label in self.labels for number in range(self._options.count))

    def count(self) -> int:
        return len(self.labels) * self._options.count

    def path(self, asked: _Picture) -> Path:
        return Path(folder_of(asked.label), f"{asked.number:03d}.png")

    def drawn(self, asked: _Picture) -> Dict[str, int]:
        return {"run_seed": self._options.seed, "count": asked.number + 1}

    def note(self, asked: _Picture) -> Dict[str, Any]:
        return {**self.settings, "weights": self._weights, **asked._asdict()}

    def caption(self, asked: _Picture) -> str:
        return asked.label

    def paint(self, batch: List[_Picture], after_step: AfterStep) -> Tensor:
        model = self.model
        seeds = [seed_of(self._options.seed, *asked) for asked in batch]
        labels = [model.conditions.read(asked.label) for asked in batch] if model.classes else None
        condition = [part.to(self._device) for part in model.conditions.of_each(labels, len(batch))]
        walk = self._sampling.begun(model, condition, seeds, self._device)
        return to_pixels(walked(walk, model, self._precision, after_step))


def _labels(options: GenerateOptions, model: Diffusion) -> Tuple[str, ...]:
    names = model.conditions.names
    try:
        asked = [said(model.conditions.read(label)) for label in options.label]
    except ValueError as error:
        raise UserError(f"{options.weights}: {error}") from None
    count = math.prod(map(len, names))
    if not asked and len(names) > 1 and count > _MOST_COMBINATIONS:
        raise UserError(f"{options.weights}: has {count:,} combinations of labels; choose some of them with --label")
    every = names[0] if len(names) == 1 else [said(one) for one in itertools.product(*names)] if names else [""]
    return tuple(dict.fromkeys(asked or every))


def weights_path(given: Path) -> Path:
    """A model's file, or the one in a run's folder."""
    return given / MODEL if given.is_dir() else given


def paint_command(model: Diffusion, run: Path) -> str:
    """What paints with a run's weights: a command, or for a network of the user's own a line of Python."""
    if not name_of(model.network):
        return f"in Python: Diffusion.load({str(run / MODEL)!r}, network).sample(25), with the network made as it was"
    names = model.conditions.names
    first = names[0][0] if len(names) == 1 else said([one[0] for one in names])
    label = f" --label {shlex.quote(first)}" if names else ""
    return f"sfumato pictures generate painted --weights {shlex.quote(str(run))}{label}"


def folder_of(label: str) -> str:
    """A label as a folder's name: what file names may not have is replaced, and a digest tells such labels apart."""
    plain = re.sub(r"[^\w .,-]", "_", label).strip(" .")[:60]
    return plain if plain == label else f"{plain}-{digest(label)[:6]}"
