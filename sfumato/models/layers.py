"""Layers that the networks share."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LARGEST_WEIGHTS = 2**28
"""Bytes of attention weights that are held at once where attention is not fused."""

_SMALL_WEIGHTS = 2**18
"""Bytes of one matrix of attention weights, 256x256 positions, up to which a CPU learns quicker unfused in bf16."""

_LANES = 16
"""Numbers that a processor normalises at once in bf16."""
_WHOLE = 1024
"""Positions from which PyTorch sums a feature map in bf16 by whole rows, where no gradient is wanted."""


def time_frequencies(dim: int, max_period: float = 10_000.0) -> Tensor:
    """dim / 2 frequencies from 1 to nearly 1 / max_period, each the same multiple of the next: float32 [dim / 2]."""
    half = dim // 2
    return torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32) / half)


def time_features(t: Tensor, frequencies: Tensor) -> Tensor:
    """Sines and cosines of t at those frequencies (Vaswani et al. 2017, section 3.5).

    Args:
        t: times [B], whole or not.
        frequencies: float32 [n].

    Returns:
        float32 [B, 2 n], the sines first.
    """
    angles = t.float()[:, None] * frequencies.to(t.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def attention(query: Tensor, key: Tensor, value: Tensor, causal: bool = False) -> Tensor:
    """softmax(q k^T / sqrt(channels)) v on [B, heads, tokens, channels]; the one place that chooses how.

    PyTorch 2 fuses it and never holds the whole matrix of weights. Older ones compute it as it is written, for as many
    heads at once as their matrices of weights fit a quarter of a gibibyte; and so do all on a CPU that will want the
    gradient of small matrices in bf16, for which the fused gradient takes up to ten times as long.

    Args:
        query, key, value: [B, heads, tokens, channels]; key and value may have other tokens than query.
        causal: whether a token sees only itself and those before it.
    """
    matrix = query.shape[2] * key.shape[2] * 4
    learning = torch.is_grad_enabled() and query.device.type == "cpu" and query.dtype != torch.float32
    if hasattr(F, "scaled_dot_product_attention") and not (learning and matrix <= _SMALL_WEIGHTS):
        return F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    flat = [part.flatten(0, 1) for part in (query * query.shape[-1] ** -0.5, key, value)]
    together = max(1, _LARGEST_WEIGHTS // matrix)
    parts = zip(*(part.split(together) for part in flat))
    mixed = [_written_out(some_q, some_k, some_v, causal) for some_q, some_k, some_v in parts]
    return torch.cat(mixed).view(query.shape)


def _written_out(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    logits = query @ key.transpose(-1, -2)
    if causal:
        later = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(later, float("-inf"))
    return torch.softmax(logits, dim=-1) @ value


def silu_of_own(x: Tensor) -> Tensor:
    """SiLU of a tensor that nobody else uses: in its own memory, unless a gradient will want the old values.

    At 256x256 a new feature map costs as much time in the memory system as the arithmetic itself.
    """
    return F.silu(x, inplace=not torch.is_grad_enabled())


class SiluOfOwn(nn.Module):
    """`silu_of_own` as a layer, for a list of them."""

    def forward(self, x: Tensor) -> Tensor:
        """[...] to the same."""
        return silu_of_own(x)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with all weights zero: what it is added to passes unchanged until it has learned something."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` (Wu & He 2018), in float32 in between where a CPU is two to seven times slower in bf16: on
    channels-last maps whose groups have no multiple of 16 channels (`benchmarks/group_norm.py`)."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, ...] to the same."""
        if not self._is_slow(x):
            return super().forward(x)
        weight, bias = self.weight.float(), self.bias.float()
        return F.group_norm(x.float(), self.num_groups, weight, bias, self.eps).to(x.dtype)

    def _is_slow(self, x: Tensor) -> bool:
        if x.dtype != torch.bfloat16 or x.device.type != "cpu" or self.num_channels // self.num_groups % _LANES == 0:
            return False
        return torch.is_grad_enabled() or x.shape[2:].numel() < _WHOLE


class ResBlock(nn.Module):
    """Two 3x3 convolutions beside a skip, shifted and scaled by an embedding (Dhariwal & Nichol 2021, section 3.1).

    The second convolution begins at zero, so that a new network is the identity and deepens as it learns.

    Args:
        inputs, outputs: channels, each a multiple of groups.
        embedding: width of the time and label embedding.
        groups: of the group normalisations.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int, groups: int = 8) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.norm2 = GroupNorm(groups, outputs)
        self.conv2 = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """[B, inputs, H, W] and [B, embedding] to [B, outputs, H, W]."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = self.norm2(hidden) * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(hidden))


class SelfAttention(nn.Module):
    """Every position of a feature map looks at every other; begins as the identity.

    Args:
        channels: a multiple of heads and of groups.
        heads: how many attentions side by side.
        groups: of the group normalisation.
    """

    def __init__(self, channels: int, heads: int = 4, groups: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.norm = GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same."""
        batch, channels, height, width = x.shape
        qkv = self.qkv(self.norm(x)).reshape(batch, 3, self.heads, channels // self.heads, height * width)
        query, key, value = qkv.transpose(-1, -2).unbind(dim=1)
        mixed = attention(query, key, value).transpose(-1, -2).reshape(batch, channels, height, width)
        return x + self.out(mixed)
