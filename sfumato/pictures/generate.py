"""Painting with a model of anybody's own pictures.

    OUT/{label}/{000, 001, ...}.png     or OUT/{000 ...}.png where the model has no labels
    OUT/run.json                        the settings that made them

A picture is a function of the settings and of its own label and number: not of the batch, the process or the run that
it was painted in. A run that was interrupted goes on with what is missing.
"""

import itertools
import math
import re
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

import torch
from torch import Tensor
from tqdm import tqdm

from ..conditions import said
from ..devices import Worker, autocast, choose_precision, in_batches
from ..diffusion import SeededNoise, sample, seed_of
from ..errors import UserError, in_range
from ..images import save_png, to_pixels
from ..model import Diffusion
from ..models.registry import name_of
from ..runs import digest, open_run, painted_by
from ..sampler_options import SamplerOptions
from .looks import GUIDANCE, STEPS

_MOST_COMBINATIONS = 1000
"""That are painted without being asked for by name."""
MODEL = "model.safetensors"
"""The finished model in a run's folder."""


@dataclass(frozen=True)
class Sampling(SamplerOptions):
    """How noise becomes a picture."""

    steps: int = STEPS
    """Denoising steps."""
    spacing: str = ""
    """Where they are; the schedule's own by default."""
    guidance_scale: float = GUIDANCE
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
    count: int = 25
    """Pictures of each label."""
    seed: int = 0
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = 16
    """Pictures painted at once."""
    precision: str = "fp32"
    """fp32, in which a picture is the same in any batch; or bf16, fp16 or auto, for pictures that differ a little."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""


class _Picture(NamedTuple):
    label: str
    number: int

    def path(self, out: Path) -> Path:
        return out / folder_of(self.label) / f"{self.number:03d}.png"


def generate(options: GenerateOptions) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions.

    Returns:
        The folder.

    Raises:
        UserError: for weights, labels, settings or a folder that cannot be used.
    """
    worker, device = Worker.here(), Worker.here().device()
    for name in ("count", "batch_size"):
        in_range(options, name, 1)
    path = weights_path(options.weights)
    model = Diffusion.load(path, what="model of pictures").to(device)
    labels = _labels(options, model)
    times, precision = _times(model, options), choose_precision(device, options.precision)
    # Which labels and how many does not decide a picture: others may come into the same folder.
    chosen = {"sampling": asdict(options.sampling), "seed": options.seed, "precision": precision}
    settings = {**chosen, "weights": digest(path.read_bytes())}
    inside = [folder_of(label) for label in labels if label]
    run = open_run(options.out, "pictures generate", settings, worker, inside, options.overwrite)
    count = worker.share_of(len(labels) * options.count)
    with tqdm(total=count, desc="painting pictures", unit="picture", disable=worker.rank > 0) as bar:
        todo = _missing(worker, labels, options, run, bar)
        for batch in in_batches(todo, options.batch_size):
            for picture, pixel in zip(batch, _paint(model, batch, options, times, precision)):
                note = {**chosen, "label": picture.label, "number": picture.number, "run": run}
                save_png(picture.path(options.out), pixel, note)
            bar.update(len(batch))
    if worker.rank == 0:
        print(f"wrote {len(labels) * options.count} pictures to {options.out}")
    return options.out


def _missing(
    worker: Worker, labels: Tuple[str, ...], options: GenerateOptions, run: str, bar: "tqdm[None]"
) -> Iterator[_Picture]:
    wanted = (_Picture(label, number) for label in labels for number in range(options.count))
    for picture in worker.share(wanted):
        if painted_by(run, picture.path(options.out)):
            bar.update()
        else:
            yield picture


@torch.no_grad()
def _paint(
    model: Diffusion, batch: List[_Picture], options: GenerateOptions, times: List[float], precision: str
) -> Tensor:
    """uint8 [B, H, W, channels]."""
    assert model.shape is not None, "it was checked"
    device = next(model.parameters()).device
    noise = SeededNoise([seed_of(options.seed, *picture) for picture in batch], model.shape, device)
    read = [model.conditions.read(picture.label) for picture in batch] if model.classes else None
    condition = [part.to(device) for part in model.conditions.of_each(read, len(batch))]
    scale = options.sampling.guidance_scale if condition else 1.0
    denoiser = model.denoiser(*condition, guidance_scale=scale)
    with autocast(device, precision):
        x = sample(options.sampling.made()(model.schedule.first(noise()), denoiser, times, noise))
    if not bool(x.isfinite().all()):
        raise UserError("the pictures are not finite; paint in fp32, or with more --steps")
    return to_pixels(x)


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


def _times(model: Diffusion, options: GenerateOptions) -> List[float]:
    if model.shape is None:
        raise UserError(f"{options.weights}: does not say of what size its pictures are")
    try:
        times = model.schedule.times(options.sampling.steps, options.sampling.spacing)
        options.sampling.made().check(model.schedule, times)
        return times
    except ValueError as error:
        raise UserError(str(error)) from None


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
