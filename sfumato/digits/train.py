"""Training the digit model from scratch, or from a finished one."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Mapping, Optional, Tuple

import torch

from ..diffusion import seed_of
from ..errors import UserError
from ..images import from_pixels, save_image, sheet
from ..model import Diffusion
from ..models.digit_unet import DigitUNet, DigitUNetConfig
from ..options import check_options, number
from ..outputs import refuse_file
from ..pictures.train import PictureWork, begun
from ..pictures.training import Training
from ..runs import file_identity
from ..training import AlignedLoop, in_turn, run
from .batches import DigitBatches
from .data import read_both
from .evaluate import accuracies
from .labels import CLASSES, DATASETS, DIGITS, label_of
from .model import digit_model, load_digits
from .painting import Sampling, paint


@dataclass
class TrainOptions:
    """Train the two-dataset digit model; run the same command again to go on with an interrupted run."""

    data: Path
    """Folder that holds mnistm/ and svhn/, each with train.csv and data/."""
    out: Path
    """Folder of the run: states, log, sample sheets, and in the end digits.safetensors."""
    start: Optional[Path] = None
    """A digits.safetensors to begin from, to train it further or on other digits; random weights by default."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    network: DigitUNetConfig = field(default_factory=DigitUNetConfig)
    training: Training = field(
        default_factory=lambda: Training(AlignedLoop(align=0.5), adam_lr=2e-3, time_focus=(0.3, 1.1))
    )
    svhn_share: float = number(0.7, 0, 1)
    """Share of SVHN in each batch; it is the harder one."""
    look_count: int = number(10, 1)
    """Pictures of each digit and dataset whose accuracy is judged at a look."""

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)
        self.training.check()
        if self.network.classes != len(CLASSES):
            raise UserError(
                f"--classes must be {len(CLASSES)}, a label for each digit and dataset, got {self.network.classes}"
            )


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file; not there yet with `plan`.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    return run(*prepared(options), options.out)


def prepared(options: TrainOptions) -> Tuple[PictureWork, Training]:
    """What `train` runs, and how: its checks are made, its data are read, and nothing is trained.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    options.check()
    refuse_file(options.out)
    options.training.loop.seed_weights()
    model = digit_model(DigitUNet(options.network))
    if options.start is not None:
        model = begun(options.start, load_digits(options.start), model, exactly=True)
    return _DigitWork(model, options), options.training


class _DigitWork(PictureWork):
    command, what, file = "digits train", "digits", "digits.safetensors"

    def __init__(self, model: Diffusion, options: TrainOptions) -> None:
        pictures, start = in_turn(lambda: read_both(options.data, options.cache)), file_identity(options.start)
        super().__init__(model, pictures, options.out, options.training, start)
        self.made["svhn_share"] = options.svhn_share
        self.kind = partial(DigitBatches, svhn_share=options.svhn_share)
        self._options = options

    def look(self, step: int, mean: Diffusion) -> Mapping[str, float]:
        """Paint with the mean weights, judge, and keep the sheet."""
        count, painted, sheets = self._options.look_count, {}, []
        digits = [digit for digit in range(DIGITS) for _ in range(count)]
        for dataset in DATASETS:
            labels = [label_of(dataset, digit) for digit in digits]
            seeds = [seed_of(self.training.loop.seed, label, i) for i, label in enumerate(labels)]
            pixels = paint(mean, labels, seeds, Sampling(), next(mean.parameters()).device)
            painted[dataset] = (from_pixels(pixels.permute(0, 3, 1, 2)), torch.tensor(digits))
            sheets.append(pixels.reshape(DIGITS, count, *pixels.shape[1:]))
        whole = sheet(torch.cat(sheets, dim=1).flatten(0, 1), 2 * count, clear=True)
        save_image(whole, self.weights.parent / f"sheet-{step:08d}.png")
        return {**{f"accuracy/{name}": value for name, value in accuracies(painted).items()}, **self.looks.loss(mean)}

    def then(self) -> str:
        return f"sfumato digits generate painted --weights {quote(str(self.weights))}"
