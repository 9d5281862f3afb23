"""The U-Net that paints 28x28 digits.

It works on 2x2 blocks of pixels as channels (12 x 14 x 14): neighbouring pixels say nearly the same, and a quarter of
the positions is a quarter of the time. Two resolutions, 14x14 and 7x7; attention at the lower one, where 49 positions
cost nothing; skips from each block of the way down to its partner on the way up.
"""

from dataclasses import dataclass
from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..options import check_fields, number
from .layers import GroupNorm, ResBlock, SelfAttention, time_features, time_frequencies, zeroed

_GROUPS = 8
"""Of the normalisations."""


@dataclass(frozen=True)
class DigitUNetConfig:
    """The shape of a DigitUNet."""

    classes: int = number(20, 1)
    """Labels; one more, equal to this number, means "no label"."""
    width: int = number(64, 1)
    """Channels at 14x14."""
    inner_width: int = number(160, 1)
    """Channels at 7x7."""
    blocks: int = number(1, 1)
    """ResBlocks at 14x14 on each side."""
    inner_blocks: int = number(3, 1)
    """ResBlocks at 7x7; every second one, from the first, is followed by attention."""
    embedding: int = number(256, 1)
    """Width of the time and label embedding."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("width", "inner_width", "embedding"):
            if getattr(self, name) % _GROUPS:
                raise ValueError(f"{name} must be a multiple of {_GROUPS}, got {getattr(self, name)}")


class DigitUNet(nn.Module):
    """Pictures, times and labels to what the diffusion objective asks for.

    Args:
        config: the shape.
    """

    def __init__(self, config: DigitUNetConfig = DigitUNetConfig()) -> None:
        super().__init__()
        self.config = config
        width, inner, embedding = config.width, config.inner_width, config.embedding
        self.time = nn.Sequential(nn.Linear(64, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(config.classes + 1, embedding)
        self.enter = nn.Conv2d(12, width, 3, padding=1)
        self.down = nn.ModuleList([ResBlock(width, width, embedding) for _ in range(config.blocks)])
        self.shrink = nn.Conv2d(width, inner, 3, stride=2, padding=1)
        self.inner = nn.ModuleList([ResBlock(inner, inner, embedding) for _ in range(config.inner_blocks)])
        self.attention = nn.ModuleList(
            [SelfAttention(inner) if i % 2 == 0 else nn.Identity() for i in range(config.inner_blocks)]
        )
        self.grow = nn.Conv2d(inner, 4 * width, 1)
        self.up = nn.ModuleList([ResBlock(width, width, embedding) for _ in range(config.blocks)])
        self.norm = GroupNorm(8, width)
        self.leave = zeroed(nn.Conv2d(width, 12, 3, padding=1))

    @property
    def no_label(self) -> int:
        """The label that stands for none."""
        return self.config.classes

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        """The prediction.

        Args:
            x: noisy pictures [B, 3, 28, 28].
            t: times [B], 0 ... 999.
            label: int64 [B], 0 ... classes, the last meaning none.

        Returns:
            [B, 3, 28, 28].
        """
        embedding = F.silu(self.time(time_features(t, time_frequencies(64))) + self.label(label))
        # Channels last is the layout in which CPU and tensor-core convolutions run without repacking.
        x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        x = self.enter(x)
        skips: List[Tensor] = []
        for block in self.down:
            x = block(x, embedding)
            skips.append(x)
        x = self.shrink(x)
        for block, look in zip(self.inner, self.attention):
            x = look(block(x, embedding))
        x = F.pixel_shuffle(self.grow(x), 2)
        for block in self.up:
            x = block(x + skips.pop(), embedding)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), 2)
