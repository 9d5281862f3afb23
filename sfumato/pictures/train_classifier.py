"""Training a small classifier of pictures, such as those that judge what is painted."""

from dataclasses import dataclass
from typing import Callable, Optional, Sequence, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..bars import Bar
from ..devices import PRECISIONS
from ..diffusion import generator_seed, seed_of
from ..images import from_pixels
from ..options import choice, number
from ..training import Draw, LoopOptions, Loss, company, start

BATCH = 128
"""Pictures a step."""

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass
class Fitting:
    """How a classifier is trained."""

    steps: int = number(1600, 1)
    """Optimizer steps of 128 pictures."""
    lr: float = number(3e-3, 0, above=True)
    """Peak learning rate (AdamW)."""
    seed: int = number(0)
    """Of the initial weights and all draws."""
    precision: str = choice("fp32", PRECISIONS)
    """auto, fp32, bf16 or fp16."""


def fitted(
    make: Callable[[], _Network], draw: Draw, fitting: Fitting, what: str, loss: Optional[Loss] = None
) -> _Network:
    """A trained classifier on the CPU, the mean of its last weights.

    Args:
        make: makes it with its first weights.
        draw: makes a step's pictures [BATCH, C, H, W] and their classes [BATCH], and answers some rows.
        fitting: how.
        what: is trained, for the bar.
        loss: of what is drawn, each row's; that of a classifier by default.
    """
    torch.manual_seed(generator_seed(fitting.seed))
    with company() as others:
        told = others.steps_done
        trainer = start(
            make().to(memory_format=torch.channels_last),
            LoopOptions(fitting.steps, batch_size=BATCH, warmup=200, decay_share=0.7, ema=0.995, seed=fitting.seed),
            fitting.precision,
            lambda one, dtype: [torch.optim.AdamW(one.parameters(), lr=fitting.lr, weight_decay=0.05)],
        )
        others.steps_done = lambda: trainer.steps_done
        bar = {"total": fitting.steps, "desc": f"training {what}", "unit": "step"}
        for _ in Bar(trainer.run(draw, _placed(trainer.accelerator.device, loss or _loss)), **bar):
            pass
        others.steps_done = told
    return trainer.ema.network.cpu()


def _placed(device: torch.device, loss: Loss) -> Loss:
    return lambda network, batch: loss(network, [part.to(device) for part in batch])


def _loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
    pictures, classes = batch
    layout = pictures.contiguous(memory_format=torch.channels_last)
    return F.cross_entropy(network(layout), classes, label_smoothing=0.1, reduction="none")


def recoloured_draws(pixels: np.ndarray, labels: np.ndarray, seed: int) -> Draw:
    """Random pictures, moved and recoloured: a judge should read them wherever and in whatever colours they stand.

    Args:
        pixels: uint8 [N, 3, H, W].
        labels: int64 [N].
        seed: of what is drawn.
    """
    shown, classes = torch.from_numpy(pixels), torch.from_numpy(labels)

    def draw(step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(seed, step))
        picked = torch.randint(len(classes), (BATCH,), generator=source)
        return recoloured(moved(from_pixels(shown[picked]), source), source)[rows], classes[picked][rows]

    return draw


def moved(x: Tensor, source: torch.Generator) -> Tensor:
    """Pictures [B, 3, H, W] rotated by up to 11 degrees, scaled and sheared by up to 15%, shifted by up to 6%."""
    n = len(x)
    turn, scale, shear = 0.2 * _spread(source, n), 1 + 0.15 * _spread(source, n), 0.15 * _spread(source, n)
    taller = scale * (1 + 0.1 * _spread(source, n))
    top = torch.stack([scale * turn.cos(), shear - scale * turn.sin(), 0.12 * _spread(source, n)], dim=1)
    bottom = torch.stack([taller * turn.sin(), taller * turn.cos(), 0.12 * _spread(source, n)], dim=1)
    grid = F.affine_grid(torch.stack([top, bottom], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def recoloured(x: Tensor, source: torch.Generator) -> Tensor:
    """Light and dark swapped, channels exchanged, contrast stretched, tint and noise added."""
    n, channels = x.shape[:2]
    flip = torch.where(torch.rand(n, generator=source) < 0.5, 1.0, -1.0)[:, None, None, None]
    order = torch.rand(n, channels, generator=source).argsort(dim=1)[:, :, None, None].expand_as(x)
    contrast = 1 + 0.3 * _spread(source, n)[:, None, None, None]
    tint = 0.2 * _spread(source, n * channels).reshape(n, channels, 1, 1)
    grain = 0.05 * torch.rand(n, 1, 1, 1, generator=source) * torch.randn(x.shape, generator=source)
    return torch.gather(x * flip, 1, order) * contrast + tint + grain


def _spread(source: torch.Generator, n: int) -> Tensor:
    """n uniform numbers in [-1, 1)."""
    return torch.rand(n, generator=source) * 2 - 1
