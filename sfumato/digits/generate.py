"""Painting digits from noise, into the course's folders.

    OUT/{mnistm,svhn}/{digit}_{001, 002, ...}.png          28x28 RGB
    OUT/run.json                                           the settings that made them

A picture is a function of the settings and of its own dataset, digit and number: not of the batch, the process or the
run that it was painted in. A run that was interrupted goes on with what is missing.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

from tqdm import tqdm

from ..devices import Worker, choose_precision, in_batches
from ..diffusion import seed_of
from ..errors import UserError, in_range
from ..images import save_png
from ..runs import digest, open_run, painted_by
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
    precision: str = "fp32"
    """fp32, in which a picture is the same in any batch; or bf16, fp16 or auto, for pictures that differ a little."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""


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
    _check(options)
    model = load_digits(options.weights or SHIPPED)
    device = worker.device()
    precision = choose_precision(device, options.precision)
    model.network.to(device)
    settings = _settings(options, precision)
    run = open_run(options.out, "digits generate", settings, worker, options.datasets, options.overwrite)
    count = worker.share_of(len(options.datasets) * len(options.digits) * options.count)
    with tqdm(total=count, desc="painting digits", unit="picture", disable=worker.rank > 0) as bar:
        todo = _missing(worker.share(_wanted(options)), options, run, bar)
        for batch in in_batches(todo, options.batch_size):
            labels = [label_of(p.dataset, p.digit) for p in batch]
            seeds = [p.seed(options.seed) for p in batch]
            pixels = paint(model, labels, seeds, options.sampling, device, precision)
            for picture, pixel, seed in zip(batch, pixels, seeds):
                told = {**picture._asdict(), "seed": seed, "sampling": asdict(options.sampling)}
                save_png(picture.path(options.out), pixel, {**told, "precision": precision, "run": run})
            bar.update(len(batch))
    return options.out


def _missing(pictures: Iterable[Picture], options: GenerateOptions, run: str, bar: "tqdm[Any]") -> Iterator[Picture]:
    """Those that are not painted; the others count as done."""
    for picture in pictures:
        if painted_by(run, picture.path(options.out)):
            bar.update()
        else:
            yield picture


def _wanted(options: GenerateOptions) -> Iterator[Picture]:
    """All that is asked for, walked and not listed: there may be millions."""
    for dataset in options.datasets:
        for digit in options.digits:
            for number in range(1, options.count + 1):
                yield Picture(dataset, digit, number)


def _check(options: GenerateOptions) -> None:
    options.sampling.check()
    for name in ("datasets", "digits"):
        if not getattr(options, name):
            raise UserError(f"{name}: give at least one, or leave --{name} out for all")
    for dataset in options.datasets:
        for digit in options.digits:
            try:
                label_of(dataset, digit)
            except ValueError as error:
                raise UserError(str(error)) from None
    for name in ("count", "batch_size"):
        in_range(options, name, 1)


def _settings(options: GenerateOptions, precision: str) -> Dict[str, Any]:
    """What decides each picture; the same settings may go on in the same folder."""
    return {
        "weights": digest((options.weights or SHIPPED).read_bytes()),
        "seed": options.seed,
        "sampling": asdict(options.sampling),
        "precision": precision,
    }
