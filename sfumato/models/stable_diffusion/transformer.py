"""The transformer inside Stable Diffusion's U-Net: positions look at each other, then at the text.

x <- x + attn1(norm1(x));  x <- x + attn2(norm2(x), text);  x <- x + ff(norm3(x))        (Rombach et al. 2022, table 15)
"""

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers import GroupNorm, attention
from ..resting import through


class SpatialTransformer(nn.Module):
    """Transformer blocks over the positions of a feature map, beside a skip.

    Args:
        channels: of the map, a multiple of 32 and of heads.
        heads: attentions side by side.
        context: width of the text states.
        depth: blocks.
    """

    def __init__(self, channels: int, heads: int, context: int, depth: int) -> None:
        super().__init__()
        self.norm = GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([_Block(channels, heads, context) for _ in range(depth)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """[B, C, H, W] and text states [B, tokens, context] to [B, C, H, W]."""
        batch, channels, height, width = x.shape
        tokens = through([self.norm, self.proj_in], x).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return through([self.proj_out], tokens.reshape(batch, height, width, channels).permute(0, 3, 1, 2)).add_(x)


class CrossAttention(nn.Module):
    """Queries from one sequence, keys and values from another, or from the same.

    Args:
        channels: of the queries and of the result.
        heads: attentions side by side.
        context: width of the other sequence; None for the same.
    """

    def __init__(self, channels: int, heads: int, context: Optional[int] = None) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context or channels, channels, bias=False)
        self.to_v = nn.Linear(context or channels, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def forward(self, x: Tensor, context: Optional[Tensor] = None) -> Tensor:
        """[B, positions, channels] and [B, tokens, context] to [B, positions, channels]."""
        other = x if context is None else context
        mixed = attention(self._split(self.to_q(x)), self._split(self.to_k(other)), self._split(self.to_v(other)))
        return self.to_out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """[B, n, channels] to [B, heads, n, channels / heads]."""
        return x.unflatten(2, (self.heads, x.shape[2] // self.heads)).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self, channels: int, heads: int, context: int) -> None:
        super().__init__()
        self.attn1 = CrossAttention(channels, heads)
        self.ff = _FeedForward(channels)
        self.attn2 = CrossAttention(channels, heads, context)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = self.attn1(self.norm1(x)).add_(x)
        x = self.attn2(self.norm2(x), context).add_(x)
        return self.ff(self.norm3(x)).add_(x)


class _FeedForward(nn.Module):
    """A gated linear unit with GELU (Shazeer 2020), four times as wide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([_Projected(channels, 8 * channels), _Gate(), nn.Linear(4 * channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        return through(self.net[1:], self.net[0](x))


class _Projected(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class _Gate(nn.Module):
    """Half of the channels, each let through by one of the other half."""

    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=-1)
        opened = F.gelu(gate)
        return value * opened if torch.is_grad_enabled() else opened.mul_(value)
