"""Training the small classifiers that judge painted digits."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import torch
from torch import nn

from ..checkpoints import write_model
from ..images import from_pixels
from ..models.digit_classifier import DigitJudge
from ..options import check_options
from ..outputs import open_for_file
from ..pictures.judges import FORMAT, in_parts
from ..pictures.train_classifier import BATCH, Fitting, fitted, recoloured_draws
from .data import DigitSet, read_digits, read_test_digits


@dataclass
class TrainJudgeOptions:
    """Train a digit judge on one dataset, and measure it on digits that it never saw."""

    data: Path
    """Folder with train.csv and data/."""
    out: Path
    """The file to write, ending in .safetensors."""
    test: Optional[Path] = None
    """An .npz with {dataset}_x [N, 28, 28, 3] uint8 and {dataset}_y [N], where the dataset is the data folder's name;
    scored once, at the end."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    fitting: Fitting = field(default_factory=Fitting)


def train_judge(options: TrainJudgeOptions) -> None:
    """Train and write a judge; see TrainJudgeOptions.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_options(options)
    digits = read_digits(options.data, options.cache)
    held_out = read_test_digits(options.test, options.data.name) if options.test else None
    open_for_file(options.out)
    draw = recoloured_draws(digits.pixels, digits.labels, options.fitting.seed)
    judge = fitted(DigitJudge, draw, options.fitting, f"judge of {options.data.name}")
    note = f"{options.fitting.steps} steps of {BATCH} on {len(digits.labels)} real digits of {options.data.name}"
    if options.test and held_out:
        share = accuracy_on(judge, held_out)
        note += f"; {share:.2%} of the real digits of {options.test.name}"
    write_model(options.out, judge, FORMAT, {}, note=note)
    if options.test and held_out:
        print(f"accuracy on {options.test}: {share:.2%}")
    print(f"wrote {options.out}")


@torch.no_grad()
def accuracy_on(judge: nn.Module, digits: DigitSet) -> float:
    """The share of digits that a judge names rightly."""
    found = in_parts(judge, from_pixels(torch.from_numpy(digits.pixels))).argmax(dim=1)
    return float((found == torch.from_numpy(digits.labels)).double().mean())
