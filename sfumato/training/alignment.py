"""Representation alignment: a block of the network that learns is drawn to what an encoder sees in the clean picture.

    loss = loss of the diffusion + align (1 - mean over places of cos(projection(block(x_t)), encoder(x0)))

(Yu et al. 2024, "Representation alignment for generation", eq. 8 and 9). It leads quickly to what pictures consist of;
kept up to the end it would hold the network at what the encoder sees, which is less than the pictures have, so it is
switched off on the way (Wang et al. 2025, "REPA works until it doesn't": HASTE).
"""

import copy
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, List, Mapping, Optional, Sequence, Tuple, TypeVar

import torch
import torch.nn.functional as F
from accelerate.utils import broadcast
from torch import Tensor, nn

from ..devices import autocast, placed
from ..diffusion import generator_seed, seed_of
from ..errors import UserError
from .alignment_options import AlignedLoop
from .clock import first_says
from .loop import Loss, Trainer
from .record import log_before

Network = TypeVar("Network", bound=nn.Module)

FILE = "encoder.safetensors"
"""The encoder in the run's folder."""
_HIDDEN = 256
"""Channels between the projection's two layers."""


class Alignment(ABC):
    """What a network is drawn to, and where.

    An encoder's `features` are of [B, ...] to [B, channels, h', w'], about 0 in the mean.

    Attributes:
        block: the name of the module whose output [B, C, h, w] is drawn, in the network that learns.
        channels: of what the encoder answers.
    """

    block: str
    channels: int

    @abstractmethod
    def untrained(self) -> nn.Module:
        """An encoder of that shape, to measure the pace with."""

    @abstractmethod
    def ready(self, trainer: "Trainer[Any]", out: Path) -> nn.Module:
        """The encoder, in eval mode; what the first process answers is every one's.

        Args:
            trainer: of the run.
            out: the run's folder.
        """


class LearnedAlignment(Alignment):
    """With an encoder that is trained first, by the same run, or that was by an earlier one.

    Attributes:
        path: the encoder's file; it is there once the encoder is trained.
    """

    path: Path

    @abstractmethod
    def train(self, precision: str) -> Tuple[nn.Module, Mapping[str, float]]:
        """A trained encoder, and what it is worth by name; all processes train it together."""

    @abstractmethod
    def write(self, encoder: nn.Module) -> None:
        """Keep it in its file."""

    @abstractmethod
    def read(self) -> nn.Module:
        """The kept one.

        Raises:
            UserError: if the file is none of these pictures.
        """

    def ready(self, trainer: "Trainer[Any]", out: Path) -> nn.Module:
        """The kept one; it is trained first if it was not yet, and its seconds are the run's."""
        first = trainer.accelerator.is_main_process
        if not first_says(trainer, int(self.path.exists())):
            began = time.monotonic()
            encoder, worth = self.train(precision_of(trainer))
            if first:
                # In this order: of a run that is killed between the two the encoder is trained again, and logged again.
                log_before(out, time.monotonic() - began, worth)
                self.write(encoder)
        # Others may not see the first one's folder.
        return self.read() if first else self.untrained()


class Aligned(nn.Module, Generic[Network]):
    """A model and the projection that lies between one of its blocks and an encoder.

    Args:
        model: whose forward answers the loss of each row [B].
        block: the name of a module in it, called once in each pass, whose output is [B, C, h, w].
        inputs: its channels C.
        channels: of the encoder's feature maps.
        weight: of the alignment.
        seed: of the projection's first weights.
    """

    def __init__(self, model: Network, block: str, inputs: int, channels: int, weight: float, seed: int) -> None:
        super().__init__()
        self.model, self.weight = model, weight
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator_seed(seed_of(seed, "projection")))
            self.projection = nn.Sequential(nn.Conv2d(inputs, _HIDDEN, 1), nn.SiLU(), nn.Conv2d(_HIDDEN, channels, 1))
        self._seen: Optional[Tensor] = None
        self._hook = module_of(model, block).register_forward_hook(self._see)

    def _see(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        # The mean weights paint with this hook too, and must not keep what they see.
        if self.training:
            self._seen = output

    def forward(self, features: Optional[Tensor], *batch: Tensor) -> Tensor:
        """The loss of each row [B].

        Args:
            features: what the encoder sees in the clean pictures [B, channels, h', w']; None once it is over.
            batch: what the model takes.
        """
        rows: Tensor = self.model(*batch)
        hidden, self._seen = self._seen, None
        assert hidden is not None, "the block was not passed"
        if features is None:
            # Processes that train together want to hear of every parameter.
            return rows + 0 * sum(one.sum() for one in self.projection.parameters())
        return rows + self.weight * distance(self.projection(hidden), features)

    def release(self) -> None:
        """Watch the block no more."""
        self._hook.remove()


def distance(projected: Tensor, features: Tensor) -> Tensor:
    """1 - the mean over places of the cosine between two feature maps, of each row [B].

    Args:
        projected: [B, C, h, w].
        features: [B, C, h', w'], brought to h and w.
    """
    features = features.float()
    if features.shape[-2:] != projected.shape[-2:]:
        features = F.interpolate(features, projected.shape[-2:], mode="bilinear", align_corners=False)
    return 1 - F.cosine_similarity(projected.float(), features, dim=1).flatten(1).mean(dim=1)


def module_of(network: nn.Module, name: str) -> nn.Module:
    """A module by its name in the network.

    Raises:
        UserError: naming those that there are one level above, where it is missing.
    """
    found = dict(network.named_modules())
    if name and name in found:
        return found[name]
    above = name.rpartition(".")[0]
    while above not in found:
        above = above.rpartition(".")[0]
    inside = [one for one, _ in found[above].named_children()]
    where = f"{above!r} holds" if above else "there are"
    raise UserError(f"--align-block: there is no block {name!r} in the network; {where} {', '.join(inside)}")


@torch.no_grad()
def channels_at(model: nn.Module, block: str, batch: Sequence[Tensor]) -> int:
    """The channels of a block's output, by a pass of a small batch.

    Raises:
        UserError: if the block answers no feature map.
    """
    shapes: List[Tuple[int, ...]] = []
    watched = copy.deepcopy(model)
    module_of(watched, block).register_forward_hook(
        lambda module, inputs, output: shapes.append(tuple(getattr(output, "shape", ())))
    )
    watched(*batch)
    if len(shapes) != 1 or len(shapes[0]) != 4:
        passed = " and ".join(map(str, shapes)) or "nothing"
        raise UserError(
            f"--align-block: {block!r} answers {passed} in a pass; give a block that answers one feature map"
        )
    return shapes[0][1]


def aligned(network: Network, alignment: Alignment, batch: Sequence[Tensor], loop: AlignedLoop) -> "Aligned[Network]":
    """A network to be trained so.

    Args:
        network: whose forward answers the loss of each row.
        alignment: to what.
        batch: a small one, to see the block's shape by.
        loop: how much, and the seed.

    Raises:
        UserError: for a block that there is not, or that answers no feature map.
    """
    inputs = channels_at(network, alignment.block, batch)
    return Aligned(network, alignment.block, inputs, alignment.channels, loop.align, loop.seed)


def with_features(loss: Loss, encoder: nn.Module, trainer: "Trainer[Any]") -> Loss:
    """A loss that gives an `Aligned` what an encoder sees, for as long as it is to.

    Args:
        loss: of (network, batch on the trainer's device), with the features before the batch.
        encoder: with `features`.
        trainer: whose options are an AlignedLoop.
    """
    device, precision = trainer.accelerator.device, precision_of(trainer)
    frozen: Any = encoder.to(device)

    def seen_beside(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        options, on_device = trainer.options, [placed(part, device) for part in batch]
        assert isinstance(options, AlignedLoop)
        features: Optional[Tensor] = None
        if trainer.steps_done < options.aligned_steps:
            with torch.no_grad(), autocast(device, precision):
                features = frozen.features(on_device[0].contiguous(memory_format=torch.channels_last))
        return loss(network, [features, *on_device])  # type: ignore[list-item]

    return seen_beside


def precision_of(trainer: "Trainer[Any]") -> str:
    """As `choose_precision` names it."""
    mixed: str = trainer.accelerator.mixed_precision
    return "fp32" if mixed == "no" else mixed


def aligned_loss(loss: Loss, alignment: Alignment, trainer: "Trainer[Any]", out: Path) -> Loss:
    """The same with the alignment's own encoder, one for all processes.

    Args:
        loss: see `with_features`.
        alignment: of the run.
        trainer: of the run.
        out: the run's folder.
    """
    encoder = alignment.ready(trainer, out).to(trainer.accelerator.device)
    if trainer.accelerator.num_processes > 1:
        for value in encoder.state_dict().values():
            value.copy_(broadcast(value.clone()))
    return with_features(loss, encoder, trainer)
