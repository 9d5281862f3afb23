"""An encoder of one's own to align a training to: any network that answers a feature map.

It is taken as it is. Only the mean of its map is taken off, as from an encoder of ours, because what is compared is
directions: after a ReLU all of them lie in one corner, whatever the pictures show.
"""

from pathlib import Path
from typing import Any, Dict, Tuple

import torch
from torch import Tensor, nn

from ..checkpoints import checksum
from ..devices import autocast
from ..diffusion import seed_of
from ..errors import UserError, first_line
from ..training import Alignment, Trainer
from ..training.alignment import precision_of
from .encoders import Drawn

_MEASURED = 8
"""Batches that the mean of the features is taken over."""


class GivenAlignment(Alignment):
    """A module that somebody has, from pictures [B, C, H, W] in [-1, 1] to a feature map [B, F, h, w].

    It is put into eval mode and onto the training's device; its weights stay as they are.

    Args:
        block: see `Alignment`.
        encoder: the module.
        shape: of a picture (C, H, W).
        drawn: draws what the mean is taken over.
        seed: of those draws.

    Raises:
        UserError: if it cannot see such pictures, or answers no feature map.
    """

    def __init__(self, block: str, encoder: nn.Module, shape: Tuple[int, ...], drawn: Drawn, seed: int) -> None:
        self.block, self._drawn, self._seed = block, drawn, seed
        self.channels = _channels_of(encoder.eval(), shape)
        self._encoder = encoder

    def untrained(self) -> nn.Module:
        return _Centred(self._encoder, torch.zeros(self.channels))

    def ready(self, trainer: "Trainer[Any]", out: Path) -> nn.Module:
        device, means = trainer.accelerator.device, []
        encoder = self._encoder.to(device)
        with torch.no_grad(), autocast(device, precision_of(trainer)):
            for number in range(_MEASURED):
                x0, _ = self._drawn(torch.Generator().manual_seed(seed_of(self._seed, "centre", number)))
                means.append(encoder(x0.to(device)).float().mean(dim=(0, 2, 3)))
        return _Centred(encoder, torch.stack(means).mean(dim=0))


class _Centred(nn.Module):
    """An encoder whose map is about 0 in the mean."""

    centre: Tensor

    def __init__(self, encoder: nn.Module, centre: Tensor) -> None:
        super().__init__()
        self._encoder = encoder
        self.register_buffer("centre", centre)

    def features(self, x: Tensor) -> Tensor:
        """[B, C, H, W] in [-1, 1] to [B, F, h, w]."""
        seen: Tensor = self._encoder(x)
        return seen - self.centre[:, None, None]


def encoder_identity(encoder: nn.Module) -> Dict[str, str]:
    """An encoder among settings: its class, and what its weights are."""
    state = {name: value for name, value in encoder.state_dict().items() if isinstance(value, Tensor)}
    return {"name": type(encoder).__name__, "contents": checksum(state)[:16]}


@torch.no_grad()
def _channels_of(encoder: nn.Module, shape: Tuple[int, ...]) -> int:
    """The channels of its map, by a pass of one picture."""
    name = type(encoder).__name__
    device = next((one.device for one in encoder.parameters()), torch.device("cpu"))
    try:
        seen = encoder(torch.zeros(1, *shape, device=device))
    except Exception as error:
        raise UserError(f"encoder: {name} cannot see pictures of {shape}: {first_line(error)}") from error
    found = tuple(seen.shape) if isinstance(seen, Tensor) else type(seen).__name__
    if not isinstance(seen, Tensor) or seen.dim() != 4 or not seen.is_floating_point():
        raise UserError(
            f"encoder: {name} answers {found} of one picture; give a module that answers a map [B, F, h, w]"
        )
    return int(seen.shape[1])
