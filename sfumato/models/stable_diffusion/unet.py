"""The U-Net of Stable Diffusion v1 (Rombach et al. 2022): latents, times and text to the noise in the latents.

    input_blocks     convolution; for each level `blocks` stages, then (but for the last) a convolution of stride 2
    middle_block     residual block, transformer, residual block
    output_blocks    for each level from the lowest `blocks` + 1 stages, the last one with an enlargement

A stage is a residual block, told the time, and at the chosen levels a transformer, told the text. Every output of the
way down is a skip connection to one stage of the way up.
"""

from dataclasses import dataclass
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...options import check_fields, number
from ..layers import GroupNorm, SiluOfOwn, time_features, time_frequencies
from ..resting import through
from .transformer import SpatialTransformer

_GROUPS = 32


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a UNet; by default Stable Diffusion v1's, 859.5 million parameters."""

    channels: int = number(4, 1)
    """Of the latents."""
    width: int = number(320, 1)
    """Channels at the first level, a multiple of 32."""
    multipliers: Tuple[int, ...] = number((1, 2, 4, 4), 1)
    """Channels of each level, in widths; each level has half the last one's height and width."""
    blocks: int = number(2, 1)
    """Stages at each level of the way down; one more on the way up."""
    attention: Tuple[int, ...] = number((0, 1, 2), 0)
    """The levels whose stages have a transformer, counted from 0."""
    depth: int = number(1, 1)
    """Blocks in each transformer."""
    heads: int = number(8, 1)
    """Attentions side by side; no checkpoint tells, and all of version 1 have 8."""
    context: int = number(768, 1)
    """Width of the text encoder's states."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width % _GROUPS or self.width % self.heads or not self.multipliers:
            raise ValueError(f"width must be a multiple of {_GROUPS} and of heads, of at least one level, got {self}")


class UNet(nn.Module):
    """Noisy latents, times and text states to eps.

    Args:
        config: the shape.
    """

    def __init__(self, config: UNetConfig = UNetConfig()) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        """Whether stages are computed again for their gradient, not kept: a third slower, a fraction of the memory."""
        width, embedding = config.width, 4 * config.width
        self.time_embed = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.input_blocks = nn.ModuleList([_Stage(nn.Conv2d(config.channels, width, 3, padding=1))])
        skips, channels = [width], width
        for level, multiplier in enumerate(config.multipliers):
            for _ in range(config.blocks):
                self.input_blocks.append(self._stage(channels, multiplier * width, level))
                channels = multiplier * width
                skips.append(channels)
            if level + 1 < len(config.multipliers):
                self.input_blocks.append(_Stage(_Downsample(channels)))
                skips.append(channels)
        self.middle_block = _Stage(
            _ResBlock(channels, channels, embedding),
            self._transformer(channels),
            _ResBlock(channels, channels, embedding),
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            for block in range(config.blocks + 1):
                stage = self._stage(channels + skips.pop(), multiplier * width, level)
                channels = multiplier * width
                if level and block == config.blocks:
                    stage.append(_Upsample(channels))
                self.output_blocks.append(stage)
        self.out = nn.Sequential(
            GroupNorm(_GROUPS, channels), SiluOfOwn(), nn.Conv2d(channels, config.channels, 3, padding=1)
        )

    def _stage(self, inputs: int, outputs: int, level: int) -> "_Stage":
        stage = _Stage(_ResBlock(inputs, outputs, 4 * self.config.width))
        if level in self.config.attention:
            stage.append(self._transformer(outputs))
        return stage

    def _transformer(self, channels: int) -> SpatialTransformer:
        return SpatialTransformer(channels, self.config.heads, self.config.context, self.config.depth)

    @property
    def side_unit(self) -> int:
        """Heights and widths of latents must be multiples of this."""
        return 2 ** (len(self.config.multipliers) - 1)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """The prediction.

        Args:
            x: noisy latents [B, channels, h, w]; h and w multiples of `side_unit`.
            t: times [B], 0 ... 999.
            context: text states [B, tokens, context].

        Returns:
            eps [B, channels, h, w].
        """
        dtype = next(self.parameters()).dtype
        context = context.to(dtype)
        # This network's features have the cosines first.
        sines, cosines = time_features(t, time_frequencies(self.config.width)).chunk(2, dim=1)
        embedding = self.time_embed(torch.cat([cosines, sines], dim=1).to(dtype))
        # Channels last is the layout in which CPU and tensor-core convolutions run without repacking.
        x = x.to(dtype).contiguous(memory_format=torch.channels_last)
        skips: List[Tensor] = []
        for stage in self.input_blocks:
            x = self._through(stage, x, embedding, context)
            skips.append(x)
        x = self._through(self.middle_block, x, embedding, context)
        for stage in self.output_blocks:
            x = self._through(stage, torch.cat([x, skips.pop()], dim=1), embedding, context)
        return through(self.out, x)

    def _through(self, stage: nn.Module, x: Tensor, embedding: Tensor, context: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(stage, x, embedding, context, use_reentrant=False)
        return stage(x, embedding, context)


class _Stage(nn.ModuleList):
    """Layers one after the other, each given what it can use."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor, embedding: Tensor, context: Tensor) -> Tensor:
        for layer in self:
            if isinstance(layer, _ResBlock):
                x = layer(x, embedding)
            elif isinstance(layer, SpatialTransformer):
                x = layer(x, context)
            else:
                x = layer(x)
        return x


class _ResBlock(nn.Module):
    """Two 3x3 convolutions beside a skip; the time is added between them."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.in_layers = nn.ModuleList(
            [GroupNorm(_GROUPS, inputs), SiluOfOwn(), nn.Conv2d(inputs, outputs, 3, padding=1)]
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.out_layers = nn.ModuleList(
            [GroupNorm(_GROUPS, outputs), SiluOfOwn(), nn.Identity(), nn.Conv2d(outputs, outputs, 3, padding=1)]
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        # A convolution's output is nobody else's, and its gradient does not need it: it may be added to in place.
        hidden = through(self.in_layers, x).add_(self.emb_layers(embedding)[:, :, None, None])
        return through(self.out_layers, hidden).add_(self.skip_connection(x))


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return through([self.op], x)


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return through([self.conv], F.interpolate(x, scale_factor=2.0))
