"""The small encoder that a diffusion network is aligned to: what a picture shows, place by place."""

from dataclasses import dataclass
from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..options import check_fields, number
from .digit_classifier import Residual, convolution

_WIDTHS = (64, 128)
"""Channels at the first resolution, and at all others."""
_LARGEST_MAP = 8
"""Places along the longer side of the feature map, at most."""
_LARGEST_WHOLE = 16
"""Sides up to which pixels enter one by one; larger ones in blocks of 2x2, as in the networks that learn to paint."""
_POOLED = 256


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of a PictureEncoder."""

    channels: int = number(3, 1)
    """Of what it sees: 3 are colours."""
    size: Tuple[int, int] = number((28, 28), 1)
    """Height and width."""
    classes: Tuple[int, ...] = number((), 1)
    """Labels of each condition that it tells apart; none where it learns without."""

    def __post_init__(self) -> None:
        check_fields(self)


class PictureEncoder(nn.Module):
    """A residual network.

    Args:
        config: the shape.
    """

    feature_dim = _WIDTHS[1]
    centre: Tensor
    """The mean of the feature map over pictures and places [feature_dim]."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        height, width = config.size
        patch = 2 if max(height, width) > _LARGEST_WHOLE and height % 2 == width % 2 == 0 else 1
        first, second = _WIDTHS
        layers: List[nn.Module] = [nn.PixelUnshuffle(patch), convolution(config.channels * patch**2, first)]
        side, inputs = max(height, width) // patch, first
        while side > _LARGEST_MAP or inputs == first:
            layers += [Residual(inputs), convolution(inputs, second, stride=2)]
            side, inputs = (side + 1) // 2, second
        self.body = nn.Sequential(*layers, Residual(second))
        self.last = nn.Sequential(convolution(second, _POOLED, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        outputs = sum(config.classes)
        # Without labels two layers stand between what is compared and what is kept.
        self.head = nn.Linear(_POOLED, outputs) if outputs else _expander()
        self.register_buffer("centre", torch.zeros(self.feature_dim))

    def features(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] in [-1, 1] to [B, 128, h, w], h and w at most 8, about 0 in the mean."""
        return self.body(x) - self.centre[:, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] to logits of all labels [B, sum(classes)], or to what views are compared in."""
        return self.head(F.dropout(self.last(self.body(x)), 0.2, self.training))


def _expander() -> nn.Sequential:
    wide = 2 * _POOLED
    return nn.Sequential(nn.Linear(_POOLED, wide), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, wide, bias=False))
