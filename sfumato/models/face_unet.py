"""The pixel U-Net that paints faces.

The block order, and with it the names of the weights, are those of the pretrained 256x256 network that the course
hands out, so that its file loads as it is. For a config of L levels and n blocks:

    down1           convolution into the network's width
    down2 ...       for each level n stages, then (but for the last level) a convolution of stride 2
    mid1, mid2      stages; the first with attention
    up1 ...         for each level, from the lowest, n + 1 stages, then (but for the last) an enlargement
    out             normalisation, SiLU, convolution

Every output of the way down, the strided convolutions' too, is a skip connection to one stage of the way up.
A stage is a residual block and, at the chosen levels, attention over all positions (Ho et al. 2020, appendix B).
"""

from dataclasses import dataclass
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..options import check_fields, number
from .layers import GroupNorm, SelfAttention, silu_of_own, time_features, time_frequencies, zeroed

LARGEST = 4096
"""Height and width of pictures beyond which a description is taken for damaged."""


@dataclass(frozen=True)
class FaceUNetConfig:
    """The shape of a FaceUNet. This class's own defaults are the pretrained network's, 113.67 million parameters."""

    width: int = number(128, 1)
    """Channels at the first level."""
    multipliers: Tuple[int, ...] = number((1, 1, 2, 2, 4, 4), 1)
    """Channels of each level, in widths; each level has half the last one's height and width."""
    blocks: int = number(2, 1)
    """Stages at each level of the way down; one more on the way up."""
    attention: Tuple[int, ...] = number((4,), 0)
    """The levels whose stages look at all positions, counted from 0."""
    groups: int = number(32, 1)
    """Of the group normalisations; divides the width."""
    size: int = number(256, 1, LARGEST)
    """Height and width of the pictures."""
    patch: int = number(1, 1)
    """Blocks of patch x patch pixels enter as channels: 2 makes a network of a quarter of the positions."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.multipliers:
            raise ValueError("multipliers must be at least one, a number for each level")
        if self.width % self.groups:
            raise ValueError(f"groups must divide the width, {self.width}, got {self.groups}")
        halvings = len(self.multipliers) - 1
        if self.size % (self.patch * 2**halvings):
            raise ValueError(
                f"pictures of {self.size} cannot be halved {halvings} times in patches of {self.patch}; take a multiple"
                f" of {self.patch * 2**halvings}"
            )


FACE_64 = FaceUNetConfig(width=64, multipliers=(1, 2, 3), blocks=1, attention=(2,), groups=16, size=64, patch=2)
"""The shipped network's, for 64x64 pictures."""


class FaceUNet(nn.Module):
    """Pictures and times to what the diffusion objective asks for.

    Args:
        config: the shape.
    """

    def __init__(self, config: FaceUNetConfig = FaceUNetConfig()) -> None:
        super().__init__()
        self.config = config
        pixels, embedding = 3 * config.patch**2, 4 * config.width
        # The layers before the frequencies: a width that no memory holds is refused by the size of a layer.
        first, second = nn.Linear(config.width, embedding), nn.Linear(embedding, embedding)
        self.time = nn.Sequential(_TimeFeatures(config.width), first, nn.SiLU(), second)
        self.down1 = nn.Conv2d(pixels, config.width, 3, padding=1)
        self._down, self._mid, self._up = ["down1"], ["mid1", "mid2"], []  # type: List[str], List[str], List[str]
        skips, channels = self._build_down(embedding)
        self.mid1 = _Stage(channels, channels, embedding, config.groups, attention=True)
        self.mid2 = _Stage(channels, channels, embedding, config.groups, attention=False)
        self._build_up(embedding, skips, channels)
        last = zeroed(nn.Conv2d(config.width, pixels, 3, padding=1))
        self.out = nn.Sequential(GroupNorm(config.groups, config.width), nn.SiLU(), last)

    def _build_down(self, embedding: int) -> Tuple[List[int], int]:
        config, channels = self.config, self.config.width
        skips = [channels]
        for level, multiplier in enumerate(config.multipliers):
            outputs = multiplier * config.width
            for _ in range(config.blocks):
                self._add(
                    "down", _Stage(channels, outputs, embedding, config.groups, attention=level in config.attention)
                )
                channels = outputs
                skips.append(channels)
            if level + 1 < len(config.multipliers):
                self._add("down", nn.Sequential(nn.Conv2d(channels, channels, 3, stride=2, padding=1)))
                skips.append(channels)
        return skips, channels

    def _build_up(self, embedding: int, skips: List[int], channels: int) -> None:
        config = self.config
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            outputs = multiplier * config.width
            for _ in range(config.blocks + 1):
                inputs = channels + skips.pop()
                self._add("up", _Stage(inputs, outputs, embedding, config.groups, attention=level in config.attention))
                channels = outputs
            if level:
                self._add("up", nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels, 3, padding=1)))

    def _add(self, way: str, module: nn.Module) -> None:
        names = self._down if way == "down" else self._up
        names.append(f"{way}{len(names) + 1}")
        self.add_module(names[-1], module)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The prediction.

        Args:
            x: noisy pictures [B, 3, H, W]; H and W a multiple of patch x 2^(levels - 1), as `size` is.
            t: times [B].

        Returns:
            [B, 3, H, W].
        """
        embedding = self.time(t)
        if self.config.patch > 1:
            x = F.pixel_unshuffle(x, self.config.patch)
        # Channels last is the layout in which CPU and tensor-core convolutions run without repacking.
        x = x.contiguous(memory_format=torch.channels_last)
        skips: List[Tensor] = []
        for name in self._down:
            x = _through(getattr(self, name), x, embedding)
            skips.append(x)
        for name in self._mid:
            x = _through(getattr(self, name), x, embedding)
        for name in self._up:
            block = getattr(self, name)
            x = _through(block, torch.cat([x, skips.pop()], dim=1) if isinstance(block, _Stage) else x, embedding)
        x = self.out(x)
        return F.pixel_shuffle(x, self.config.patch) if self.config.patch > 1 else x


def _through(block: nn.Module, x: Tensor, embedding: Tensor) -> Tensor:
    return block(x, embedding) if isinstance(block, _Stage) else block(x)


class _TimeFeatures(nn.Module):
    """Sines and cosines of t, at the frequencies that the pretrained file brings along."""

    inv_freq: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", time_frequencies(dim))

    def forward(self, t: Tensor) -> Tensor:
        return time_features(t, self.inv_freq)


class _Stage(nn.Module):
    """A residual block, then attention where there is any."""

    def __init__(self, inputs: int, outputs: int, embedding: int, groups: int, attention: bool) -> None:
        super().__init__()
        self.resblocks = _TimedResBlock(inputs, outputs, embedding, groups)
        self.attention = SelfAttention(outputs, heads=1, groups=groups) if attention else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.attention(self.resblocks(x, embedding))


class _TimedResBlock(nn.Module):
    """Two 3x3 convolutions beside a skip; the time is added between them."""

    def __init__(self, inputs: int, outputs: int, embedding: int, groups: int) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.norm2 = GroupNorm(groups, outputs)
        self.conv2 = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        # A convolution's output is nobody else's, and its gradient does not need it: it may be added to in place.
        hidden = self.conv1(silu_of_own(self.norm1(x))).add_(self.time(embedding)[:, :, None, None])
        return self.conv2(silu_of_own(self.norm2(hidden))).add_(self.skip(x))
