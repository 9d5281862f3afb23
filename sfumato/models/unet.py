"""A U-Net for pictures of any size from 8 to 256 pixels, square or not, grey or coloured, with any number of labels.

Blocks of patch x patch pixels enter as channels, because neighbouring pixels say nearly the same and a quarter of the
positions is a quarter of the time. Each level has half the height and width of the one before; on the way up each block
adds the output of its partner on the way down; at the levels that are small enough every position looks at all others.
"""

import math
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..options import check_fields, number
from .layers import GroupNorm, ResBlock, SelfAttention, time_features, time_frequencies, zeroed

SMALLEST, LARGEST = 8, 256
"""Sides of pictures."""
_GROUPS = 8
_TIME = 64
_LOWEST, _HIGHEST, _MOST_LEVELS = 8, 16, 4
"""Positions along the longer side from which on nothing is halved, those that the last level may have, and levels at
most, if nothing else is asked for."""

Classes = Union[int, Sequence[Union[int, str, Sequence[str]]]]
"""Of one condition its number of labels or their names; of several the number or the names of each."""


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a UNet."""

    size: Tuple[int, int] = number(least=SMALLEST, most=LARGEST)
    """Height and width of the pictures; both multiples of patch * 2^(levels - 1)."""
    channels: int = number(3, 1)
    """3 is colour, 1 is grey."""
    classes: Tuple[int, ...] = number((), 1)
    """Labels of each condition; one more, equal to this number, means "no label"."""
    width: int = number(64, 1)
    """Channels at the first level; a multiple of 8."""
    multipliers: Tuple[int, ...] = number((1, 2, 3), 1)
    """Channels of each level, in widths."""
    blocks: int = number(2, 1)
    """Residual blocks at each level, on the way down and on the way up."""
    attention: int = number(16, 0)
    """Levels whose longer side is at most so many positions have attention."""
    patch: int = number(1, 1)
    """Blocks of patch x patch pixels enter as channels."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width % _GROUPS:
            raise ValueError(f"width must be a multiple of {_GROUPS}, got {self.width}")
        if not self.multipliers:
            raise ValueError("multipliers must be at least one, a number for each level")
        step = self.patch * 2 ** (len(self.multipliers) - 1)
        if any(side % step for side in self.size):
            possible = [side for side in range(SMALLEST, LARGEST + 1) if side % step == 0]
            near = sorted({min(possible, key=lambda one: abs(one - side)) for side in self.size})
            raise ValueError(
                f"pictures of {_sides(self.size)} cannot be halved as often as {len(self.multipliers)} levels and"
                f" patches of {self.patch} need: sides must be multiples of {step}, such as"
                f" {' or '.join(map(str, near))}"
            )


class UNet(nn.Module):
    """Noisy pictures, times and labels to whatever is predicted.

    Args:
        size: height and width, or the side of squares.
        classes: see Classes; none by default.
        channels, width, blocks, attention: see UNetConfig.
        patch: see UNetConfig; by default 1 up to 16 pixels, 2 up to 64, 4 above, if that divides the sides.
        levels: halvings and one; by default down to 8 positions along the longer side, at least to 16.

    Raises:
        ValueError: for sizes that cannot be halved so often, naming such as can, and other shapes that cannot be.
    """

    classes: Tuple[Any, ...]
    """The labels' names, of several conditions a tuple of names for each; empty where it was given numbers alone."""

    def __init__(
        self,
        size: Union[int, Tuple[int, int]],
        classes: Classes = (),
        channels: int = 3,
        width: int = 64,
        blocks: int = 2,
        attention: int = 16,
        patch: Optional[int] = None,
        levels: Optional[int] = None,
    ) -> None:
        sides = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        listed = (classes,) if isinstance(classes, int) else tuple(classes)
        # Names of one condition stand without the tuple that those of several stand in.
        each: Sequence[Any] = (listed,) if listed and all(isinstance(one, str) for one in listed) else listed
        if any(isinstance(one, str) for one in each):
            raise ValueError("classes must be names, or for each of several conditions its number of labels or names")
        counts = tuple(one if isinstance(one, int) else len(one) for one in each)
        named = bool(each) and not any(isinstance(one, int) for one in each)
        patch = patch or _patch(sides)
        multipliers = tuple(range(1, 1 + (levels or _levels(sides, patch))))
        config = UNetConfig(sides, channels, counts, width, multipliers, blocks, attention, patch)
        self._build(config)
        self.classes = tuple(each[0] if len(each) == 1 else map(tuple, each)) if named else ()

    @classmethod
    def of(cls, config: UNetConfig) -> "UNet":
        """The network of that shape."""
        made = cls.__new__(cls)
        made._build(config)
        return made

    def _build(self, config: UNetConfig) -> None:
        super().__init__()
        self.classes = ()
        self.config = config
        widths = [config.width * multiplier for multiplier in config.multipliers]
        embedding, inside = 4 * config.width, config.channels * config.patch**2
        self.time = nn.Sequential(nn.Linear(_TIME, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.labels = nn.ModuleList([nn.Embedding(count + 1, embedding) for count in config.classes])
        self.enter = nn.Conv2d(inside, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            longest = max(config.size) // config.patch // 2**level
            stages = [
                nn.ModuleList([_Stage(width, embedding, longest <= config.attention) for _ in range(config.blocks)])
                for _ in range(2)
            ]
            self.down.append(stages[0])
            self.up.append(stages[1])
        for width, below in zip(widths, widths[1:]):
            self.shrink.append(nn.Conv2d(width, below, 3, stride=2, padding=1))
            self.grow.append(nn.Conv2d(below, 4 * width, 1))
        self.norm = GroupNorm(_GROUPS, widths[0])
        self.leave = zeroed(nn.Conv2d(widths[0], inside, 3, padding=1))

    @property
    def shape(self) -> Tuple[int, int, int]:
        """Of a picture: channels, height, width."""
        return (self.config.channels, *self.config.size)

    def forward(self, x: Tensor, t: Tensor, *labels: Tensor) -> Tensor:
        """The prediction.

        Args:
            x: noisy pictures [B, channels, H, W].
            t: times [B], as the schedule tells them.
            labels: for each condition int64 [B], 0 ... its number of labels, which means none.

        Returns:
            [B, channels, H, W].

        Raises:
            ValueError: for another number of conditions.
        """
        if len(labels) != len(self.labels):
            raise ValueError(f"the network has {len(self.labels)} conditions, and was given {len(labels)}")
        embedding = self.time(time_features(t, time_frequencies(_TIME)))
        for label, table in zip(labels, self.labels):
            embedding = embedding + table(label)
        embedding = F.silu(embedding)
        # Channels last is the layout in which CPU and tensor-core convolutions run without repacking.
        patches = F.pixel_unshuffle(x, self.config.patch).contiguous(memory_format=torch.channels_last)
        x = self.enter(patches)
        skips: List[Tensor] = []
        for level in range(len(self.down)):
            x = x if level == 0 else self.shrink[level - 1](x)
            for stage in _stages(self.down[level]):
                x = stage(x, embedding)
                skips.append(x)
        for level in reversed(range(len(self.up))):
            for stage in _stages(self.up[level]):
                x = stage((x + skips.pop()) * math.sqrt(0.5), embedding)
            x = x if level == 0 else F.pixel_shuffle(self.grow[level - 1](x), 2)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), self.config.patch)


class _Stage(nn.Module):
    def __init__(self, width: int, embedding: int, looks: bool) -> None:
        super().__init__()
        self.block = ResBlock(width, width, embedding, _GROUPS)
        self.look = SelfAttention(width, groups=_GROUPS) if looks else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.look(self.block(x, embedding))


def _stages(level: nn.Module) -> Iterator[nn.Module]:
    return level.children()


def _patch(size: Tuple[int, int]) -> int:
    wanted = 1 if max(size) <= 16 else 2 if max(size) <= 64 else 4
    return next(patch for patch in (wanted, 2, 1) if all(side % patch == 0 for side in size))


def _levels(size: Tuple[int, int], patch: int) -> int:
    levels, (height, width) = 1, (side // patch for side in size)
    while levels < _MOST_LEVELS and height % 2 == width % 2 == 0 and max(height, width) > _LOWEST:
        levels, height, width = levels + 1, height // 2, width // 2
    # Sides that cannot be halved so often are refused: where no level is so small, no place would know of the others.
    while max(size) > _HIGHEST * patch * 2 ** (levels - 1):
        levels += 1
    return levels


def _sides(size: Tuple[int, int]) -> str:
    return "x".join(map(str, size))
