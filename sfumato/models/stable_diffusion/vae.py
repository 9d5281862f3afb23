"""The autoencoder of Stable Diffusion v1: pictures to latents of an eighth of the height and width, and back.

The encoder answers a Gaussian for each latent (Kingma & Welling 2014): its mean and the logarithm of its variance.
Latents for the U-Net are scaled to about unit variance by a number that the checkpoint's makers measured, 0.18215.
"""

from dataclasses import dataclass
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...options import check_fields, number
from ..layers import GroupNorm, attention, silu_of_own

LATENT_SCALE = 0.18215
_GROUPS = 32


@dataclass(frozen=True)
class VAEConfig:
    """The shape of a VAE; by default Stable Diffusion v1's, 83.7 million parameters."""

    width: int = number(128, 1)
    """Channels at the first level, a multiple of 32."""
    multipliers: Tuple[int, ...] = number((1, 2, 4, 4), 1)
    """Channels of each level, in widths; each level has half the last one's height and width."""
    blocks: int = number(2, 1)
    """Residual blocks at each level of the encoder; one more in the decoder."""
    latent: int = number(4, 1)
    """Channels of the latents."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width % _GROUPS or not self.multipliers:
            raise ValueError(f"width must be a multiple of {_GROUPS}, of at least one level, got {self}")


class VAE(nn.Module):
    """The two halves and the 1x1 convolutions between them.

    Args:
        config: the shape.
    """

    def __init__(self, config: VAEConfig = VAEConfig()) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.quant_conv = nn.Conv2d(2 * config.latent, 2 * config.latent, 1)
        self.post_quant_conv = nn.Conv2d(config.latent, config.latent, 1)

    @property
    def factor(self) -> int:
        """How many times smaller latents are in height and width."""
        return 2 ** (len(self.config.multipliers) - 1)

    def moments(self, pictures: Tensor) -> Tuple[Tensor, Tensor]:
        """Mean and log variance of the latents, each [B, latent, H / factor, W / factor], of pictures in [-1, 1]."""
        x = pictures.to(self.quant_conv.weight.dtype).contiguous(memory_format=torch.channels_last)
        mean, log_variance = self.quant_conv(self.encoder(x)).chunk(2, dim=1)
        return mean, log_variance.clamp(-30.0, 20.0)

    def encode(self, pictures: Tensor) -> Tensor:
        """Scaled latents of pictures [B, 3, H, W] in [-1, 1], H and W multiples of `factor`: their means, undrawn."""
        return LATENT_SCALE * self.moments(pictures)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures [B, 3, h * factor, w * factor], in about [-1, 1], of scaled latents [B, latent, h, w]."""
        x = (latents / LATENT_SCALE).to(self.quant_conv.weight.dtype).contiguous(memory_format=torch.channels_last)
        return self.decoder(self.post_quant_conv(x))


def drawn_latents(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Scaled latents, drawn from the Gaussians of `VAE.moments` with standard normal noise of their shape."""
    return LATENT_SCALE * (mean + (0.5 * log_variance).exp() * noise)


class _Encoder(nn.Module):
    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, config.width, 3, padding=1)
        self.down = nn.ModuleList()
        channels = config.width
        for level, multiplier in enumerate(config.multipliers):
            outputs = multiplier * config.width
            last = level + 1 == len(config.multipliers)
            self.down.append(
                _Level(channels, outputs, config.blocks, downsample=None if last else _Downsample(outputs))
            )
            channels = outputs
        self.mid = _Middle(channels)
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, 2 * config.latent, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(silu_of_own(self.norm_out(self.mid(x))))


class _Decoder(nn.Module):
    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        channels = config.multipliers[-1] * config.width
        self.conv_in = nn.Conv2d(config.latent, channels, 3, padding=1)
        self.mid = _Middle(channels)
        levels = []
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            outputs = multiplier * config.width
            levels.append(_Level(channels, outputs, config.blocks + 1, upsample=_Upsample(outputs) if level else None))
            channels = outputs
        # The file counts levels from the largest picture, whichever way they are walked.
        self.up = nn.ModuleList(levels[::-1])
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(self.conv_in(x))
        for level in reversed(list(self.up)):
            x = level(x)
        return self.conv_out(silu_of_own(self.norm_out(x)))


class _Level(nn.Module):
    """Residual blocks at one size, then the way to the next."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        blocks: int,
        downsample: Optional[nn.Module] = None,
        upsample: Optional[nn.Module] = None,
    ) -> None:
        super().__init__()
        self.block = nn.ModuleList([_ResBlock(inputs if i == 0 else outputs, outputs) for i in range(blocks)])
        if downsample is not None:
            self.downsample = downsample
        if upsample is not None:
            self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        if hasattr(self, "downsample"):
            return self.downsample(x)
        return self.upsample(x) if hasattr(self, "upsample") else x


class _Middle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = _ResBlock(channels, channels)
        self.attn_1 = _Attention(channels)
        self.block_2 = _ResBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class _ResBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm1 = _norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = _norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(silu_of_own(self.norm1(x)))
        return self.conv2(silu_of_own(self.norm2(hidden))).add_(self.nin_shortcut(x))


class _Attention(nn.Module):
    """Every position looks at every other, in one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (part(normed).flatten(2).transpose(1, 2)[:, None] for part in (self.q, self.k, self.v))
        mixed = attention(query, key, value)[:, 0].transpose(1, 2).reshape(x.shape)
        return self.proj_out(mixed).add_(x)


class _Downsample(nn.Module):
    """Stride 2 with a border at the right and bottom only, as it was trained."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0))


def _norm(channels: int) -> GroupNorm:
    return GroupNorm(_GROUPS, channels, eps=1e-6)
