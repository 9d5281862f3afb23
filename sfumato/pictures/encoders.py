"""The encoder that a training on pictures is aligned to: trained first, on the same pictures, and never a judge."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import ModelFormat, loaded, read_model, write_model
from ..diffusion import seed_of
from ..errors import UserError
from ..models.picture_encoder import EncoderConfig, PictureEncoder
from ..training import AlignedOptions, LearnedAlignment
from ..training.alignment import FILE
from .train_classifier import BATCH, Fitting, fitted, moved, recoloured

FORMAT = ModelFormat("sfumato encoder 1", "encoder of pictures", "a training with --align")
Drawn = Callable[[torch.Generator], Tuple[Tensor, Sequence[Tensor]]]
"""A source of randomness -> BATCH clean pictures [B, C, H, W], and of each condition the labels [B]."""

_LR = 3e-3
_MEASURED = 8
"""Batches that the mean of the features is taken over."""
_INVARIANCE, _VARIANCE, _COVARIANCE = 25.0, 25.0, 1.0
"""VICReg's weights (Bardes et al. 2022, section 4.2)."""


def alignment_of(
    training: AlignedOptions, folder: Path, block: str, config: EncoderConfig, drawn: Drawn, pixels: bool = True
) -> Optional["PictureAlignment"]:
    """What a training is aligned to, if it is.

    Args:
        training: how.
        folder: of the run.
        block, config, drawn, pixels: see `PictureAlignment`.

    Raises:
        UserError: for an encoder that cannot be used.
    """
    if not training.loop.align:
        return None
    told = (training.encoder_steps, training.loop.seed, training.encoder, pixels)
    return PictureAlignment(block, folder / FILE, config, drawn, *told)


class PictureAlignment(LearnedAlignment):
    """An encoder of our own for pictures, with or without labels.

    Args:
        block: see `Alignment`.
        path: of the encoder's file in the run's folder.
        config: its shape.
        drawn: draws what it is trained on.
        steps: of its training.
        seed: of its training; another one than the network's.
        given: an encoder's file to use as it is.
        pixels: whether they are pixels, which may be moved and, where two views of one are to be known as one,
            recoloured; what else is learned from, such as latents, is taken as it is drawn.
    """

    channels = PictureEncoder.feature_dim

    def __init__(
        self,
        block: str,
        path: Path,
        config: EncoderConfig,
        drawn: Drawn,
        steps: int,
        seed: int,
        given: Optional[Path] = None,
        pixels: bool = True,
    ) -> None:
        self.block, self.path, self.config = block, path if given is None else given, config
        self._drawn, self._fitting, self._pixels = drawn, Fitting(steps, _LR, seed_of(seed, "encoder")), pixels
        if given is not None:
            self.read()

    def untrained(self) -> nn.Module:
        return PictureEncoder(self.config).eval()

    def train(self, precision: str) -> Tuple[nn.Module, Mapping[str, float]]:
        draw, loss = (self._labelled, self._told_apart) if self.config.classes else (self._views, _views_loss)
        fitting = replace(self._fitting, precision=precision)
        encoder = fitted(lambda: PictureEncoder(self.config), draw, fitting, "encoder", loss)
        return encoder, self._measured(encoder.eval())

    def write(self, encoder: nn.Module) -> None:
        kind = "told apart by their labels" if self.config.classes else "two views of one known as one"
        note = f"{self._fitting.steps} steps of {BATCH} pictures, {kind}; seed {self._fitting.seed}"
        write_model(self.path, encoder, FORMAT, asdict(self.config), note=note)

    def read(self) -> nn.Module:
        state, config = read_model(self.path, FORMAT)
        found = {name: value for name, value in config.items() if name in ("channels", "size")}
        if found != {"channels": self.config.channels, "size": self.config.size}:
            raise UserError(f"{self.path}: is of pictures {found}; this training's are {asdict(self.config)}")
        return loaded(lambda: PictureEncoder(EncoderConfig(**config)), state, self.path, FORMAT.what).eval()

    def _labelled(self, step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(self._fitting.seed, step))
        x0, labels = self._drawn(source)
        return [part[rows] for part in (moved(x0, source) if self._pixels else x0, *labels)]

    def _views(self, step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(self._fitting.seed, step))
        x0, _ = self._drawn(source)
        return [recoloured(moved(x0, source), source)[rows] for _ in range(2)]

    def _told_apart(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        pictures, *labels = batch
        answers = network(pictures.contiguous(memory_format=torch.channels_last)).split(self.config.classes, dim=1)
        rows = [
            F.cross_entropy(answer, label, label_smoothing=0.1, reduction="none")
            for answer, label in zip(answers, labels)
        ]
        return torch.stack(rows).sum(dim=0)

    @torch.no_grad()
    def _measured(self, encoder: PictureEncoder) -> Mapping[str, float]:
        """Set the encoder's centre; what it reads rightly, where it reads, of pictures as they are."""
        means, right = [], []
        for number in range(_MEASURED):
            x0, labels = self._drawn(torch.Generator().manual_seed(seed_of(self._fitting.seed, "centre", number)))
            means.append(encoder.features(x0).mean(dim=(0, 2, 3)))
            for answer, label in zip(encoder(x0).split(self.config.classes, dim=1) if labels else (), labels):
                right.append((answer.argmax(dim=1) == label).double().mean())
        encoder.centre.copy_(torch.stack(means).mean(dim=0))
        return {"encoder/accuracy": float(torch.stack(right).mean())} if right else {}


def _views_loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
    """VICReg of two views of the same pictures (Bardes et al. 2022, eq. 6), the same number for each row."""
    both = network(torch.cat(list(batch)).contiguous(memory_format=torch.channels_last)).float()
    one, other = both.chunk(2)
    apart = F.mse_loss(one, other)
    parts = [_spread_and_overlap(one), _spread_and_overlap(other)]
    narrow, overlap = (sum(part[i] for part in parts) for i in range(2))
    loss = _INVARIANCE * apart + _VARIANCE * narrow / 2 + _COVARIANCE * overlap
    return loss.expand(len(one))


def _spread_and_overlap(z: Tensor) -> Tuple[Tensor, Tensor]:
    """VICReg's variance and covariance terms (eq. 1 and 4)."""
    centred = z - z.mean(dim=0)
    deviation = (centred.square().sum(dim=0) / (len(z) - 1) + 1e-4).sqrt()
    covariance = centred.T @ centred / (len(z) - 1)
    overlap = covariance.square().sum() - covariance.diagonal().square().sum()
    return F.relu(1 - deviation).mean(), overlap / z.shape[1]
