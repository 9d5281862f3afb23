"""dlib's network that describes faces (King 2017, `dlib_face_recognition_resnet_model_v1`): 128 numbers a face.

A residual network (He et al. 2016) of 29 convolutions, which learned by a metric loss that two pictures of one person
lie within 0.6 of each other and those of two persons do not. As it is in dlib:

    7x7 convolution of stride 2, ReLU, 3x3 maximum of stride 2
    3 blocks of 32 channels, 4 of 64, 3 of 128, 3 of 256 and 1 of 256; the first of each but of 32 halves height, width
    mean over all places, a matrix

Strided layers have no padding. Where a block changes the shape its skip is the mean of 2x2, and what is smaller of the
two is filled up with zeros at its end: channels, rows and columns. The normalisations, which are fixed, are folded into
the convolutions before them.
"""

from typing import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 150
"""Height and width of its pictures."""
MEAN, DEVIATION = (122.782, 117.001, 104.298), 256.0
"""Of the colours 0 ... 255 that it is given."""
DIMENSIONS = 128

_LEVELS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""Channels and blocks of each level."""


class FaceDescriptor(nn.Module):
    """Pictures of aligned faces to descriptors; see the module."""

    def __init__(self) -> None:
        super().__init__()
        channels = _LEVELS[0][0]
        self.first = nn.Conv2d(3, channels, 7, stride=2)
        blocks = []
        for level, (outputs, count) in enumerate(_LEVELS):
            for number in range(count):
                blocks.append(_Block(channels, outputs, halves=bool(level) and not number))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(channels, DIMENSIONS, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors [B, 128] of x [B, 3, 150, 150], whose colours are scaled by MEAN and DEVIATION."""
        hidden = F.max_pool2d(F.relu(self.first(x)), 3, 2)
        described: Tensor = self.last(self.blocks(hidden).mean(dim=(2, 3)))
        return described


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self._halves = halves
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2 if halves else 1, padding=0 if halves else 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv2(F.relu(self.conv1(x)))
        skip = F.avg_pool2d(x, 2) if self._halves else x
        largest = [max(sides) for sides in zip(skip.shape[1:], hidden.shape[1:])]
        return F.relu(_filled_up(skip, largest) + _filled_up(hidden, largest))


def _filled_up(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x [B, C, H, W] with zeros at the end of channels, rows and columns, so that they are of this shape."""
    channels, rows, columns = (wanted - there for wanted, there in zip(shape, x.shape[1:]))
    return F.pad(x, (0, columns, 0, rows, 0, channels)) if channels or rows or columns else x
