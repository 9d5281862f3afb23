"""Training the small classifiers that judge painted digits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoints import write_model
from ..diffusion import seed_of
from ..errors import in_range
from ..images import from_pixels
from ..models.digit_classifier import DigitJudge
from ..pictures.judges import FORMAT
from ..runs import open_folder
from ..training import Draw, LoopOptions, Trainer
from .data import DigitSet, read_digits, read_test_digits
from .evaluate import in_batches
from .labels import DIGITS

BATCH = 128
"""Pictures a step of a judge's training."""


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
    steps: int = 1600
    """Optimizer steps of 128 pictures."""
    lr: float = 3e-3
    """Peak learning rate (AdamW)."""
    seed: int = 0
    """Of the initial weights and all draws."""


def train_judge(options: TrainJudgeOptions) -> None:
    """Train and write a judge; see TrainJudgeOptions.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    in_range(options, "steps", 1)
    in_range(options, "lr", 0, above=True)
    open_folder(options.out.parent)
    digits = read_digits(options.data, options.cache)
    held_out = read_test_digits(options.test, options.data.name) if options.test else None
    what = f"judge of {options.data.name}"
    judge = fitted(DIGITS, _Draws(digits, options.seed), options.steps, options.lr, options.seed, what)
    note = f"{options.steps} steps of {BATCH} on {len(digits.labels)} real digits of {options.data.name}"
    if options.test and held_out:
        share = accuracy_on(judge, held_out)
        note += f"; {share:.2%} of the real digits of {options.test.name}"
        print(f"accuracy on {options.test}: {share:.2%}")
    write_model(options.out, judge, FORMAT, {}, note=note)
    print(f"wrote {options.out}")


@torch.no_grad()
def accuracy_on(judge: nn.Module, digits: DigitSet) -> float:
    """The share of digits that a judge names rightly."""
    found = in_batches(judge, from_pixels(torch.from_numpy(digits.pixels))).argmax(dim=1)
    return float((found == torch.from_numpy(digits.labels)).double().mean())


def fitted(classes: int, draw: Draw, steps: int, lr: float, seed: int, what: str) -> DigitJudge:
    """A trained judge, the mean of its last weights.

    Args:
        classes: told apart.
        draw: makes a step's pictures [BATCH, 3, 28, 28] and their classes [BATCH], and answers some rows.
        steps: of the optimizer.
        lr: its peak learning rate (AdamW).
        seed: of the initial weights.
        what: is trained, for the bar.
    """
    torch.manual_seed(seed)
    trainer = Trainer(
        DigitJudge(classes).to(memory_format=torch.channels_last),
        lambda network: [torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.05)],
        LoopOptions(steps, batch_size=BATCH, warmup=200, decay_share=0.7, ema=0.995, seed=seed),
        Accelerator(cpu=True),  # a judge is small; ten minutes on a CPU do
    )
    for _ in tqdm(trainer.run(draw, _loss), total=steps, desc=what, unit="step"):
        pass
    return trainer.ema.network


def _loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
    pictures, classes = batch
    layout = pictures.contiguous(memory_format=torch.channels_last)
    return F.cross_entropy(network(layout), classes, label_smoothing=0.1, reduction="none")


class _Draws:
    """Random pictures, moved and recoloured: a judge should read a digit wherever and in whatever colours it stands."""

    def __init__(self, digits: DigitSet, seed: int) -> None:
        self._pixels = torch.from_numpy(digits.pixels)
        self._labels = torch.from_numpy(digits.labels)
        self._seed = seed

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._labels), (BATCH,), generator=source)
        pictures = from_pixels(self._pixels[picked])
        shown = _recolour(moved(pictures, source), source)
        return shown[rows], self._labels[picked][rows]


def moved(x: Tensor, source: torch.Generator) -> Tensor:
    """Pictures [B, 3, H, W] rotated by up to 11 degrees, scaled and sheared by up to 15%, shifted by up to 6%."""
    n = len(x)
    turn, scale, shear = 0.2 * _spread(source, n), 1 + 0.15 * _spread(source, n), 0.15 * _spread(source, n)
    taller = scale * (1 + 0.1 * _spread(source, n))
    top = torch.stack([scale * turn.cos(), shear - scale * turn.sin(), 0.12 * _spread(source, n)], dim=1)
    bottom = torch.stack([taller * turn.sin(), taller * turn.cos(), 0.12 * _spread(source, n)], dim=1)
    grid = F.affine_grid(torch.stack([top, bottom], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _recolour(x: Tensor, source: torch.Generator) -> Tensor:
    """Swap light and dark, exchange channels, stretch contrast, tint, add noise."""
    n = len(x)
    flip = torch.where(torch.rand(n, generator=source) < 0.5, 1.0, -1.0)[:, None, None, None]
    order = torch.rand(n, 3, generator=source).argsort(dim=1)[:, :, None, None].expand_as(x)
    contrast = 1 + 0.3 * _spread(source, n)[:, None, None, None]
    tint = 0.2 * _spread(source, n * 3).reshape(n, 3, 1, 1)
    grain = 0.05 * torch.rand(n, 1, 1, 1, generator=source) * torch.randn(x.shape, generator=source)
    return torch.gather(x * flip, 1, order) * contrast + tint + grain


def _spread(source: torch.Generator, n: int) -> Tensor:
    """n uniform numbers in [-1, 1)."""
    return torch.rand(n, generator=source) * 2 - 1
