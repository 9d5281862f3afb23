"""The Inception network whose features the Frechet distances of papers are measured in.

Szegedy et al. 2016 is the network, Heusel et al. 2017 the distance. It is Inception v3 as in TensorFlow's graph of
2015-12-05, with 1,008 classes. That graph averages over the pixels inside the picture alone, and its last block takes a
maximum where the others average. Names are those of the weights that pytorch-fid reads, so that its file is read here.

A block is a table of branches, which are joined in their order. A branch is a row of steps: (name, channels, kernel) is
a convolution, a list of such are convolutions side by side of the same input, and a word is a pool.
"""

from typing import Any, List, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES, CLASSES = 2048, 1008
SIDE = 299
"""Height and width that pictures are brought to."""

_Kernel = Tuple[int, int]
_Layer = Tuple[str, int, _Kernel]
_Branch = List[Union[str, _Layer, List[_Layer]]]

_ONE, _THREE, _FIVE = (1, 1), (3, 3), (5, 5)
_ROW, _COLUMN = (1, 7), (7, 1)


class _Convolution(nn.Module):
    """A convolution without bias, a batch normalisation, a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: _Kernel, stride: int = 1, keep: bool = True) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if keep else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


_POOLS = {
    "average": lambda x: F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False),
    "largest": lambda x: F.max_pool2d(x, 3, stride=1, padding=1),
    "halve": lambda x: F.max_pool2d(x, 3, stride=2),
}


class _Block(nn.Module):
    """Branches of one input, joined; where one halves the picture, the last convolution of the others does too."""

    def __init__(self, inputs: int, branches: List[_Branch]) -> None:
        super().__init__()
        self._branches = branches
        halves = ["halve"] in branches
        self.outputs = 0
        for branch in branches:
            channels = inputs
            for step in branch:
                layers = step if isinstance(step, list) else [] if isinstance(step, str) else [step]
                last = halves and step is branch[-1]
                for name, outputs, kernel in layers:
                    self.add_module(name, _Convolution(channels, outputs, kernel, 2 if last else 1, keep=not last))
                channels = sum(layer[1] for layer in layers) or channels
            self.outputs += channels

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._walk(branch, x) for branch in self._branches], dim=1)

    def _walk(self, branch: _Branch, x: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, str):
                x = _POOLS[step](x)
            else:
                layers = step if isinstance(step, list) else [step]
                x = torch.cat([getattr(self, name)(x) for name, _, _ in layers], dim=1)
        return x


def _a(pooled: int) -> List[_Branch]:
    return [
        [("branch1x1", 64, _ONE)],
        [("branch5x5_1", 48, _ONE), ("branch5x5_2", 64, _FIVE)],
        [("branch3x3dbl_1", 64, _ONE), ("branch3x3dbl_2", 96, _THREE), ("branch3x3dbl_3", 96, _THREE)],
        ["average", ("branch_pool", pooled, _ONE)],
    ]


def _c(inside: int) -> List[_Branch]:
    twice = [(f"branch7x7dbl_{n}", inside, kernel) for n, kernel in enumerate((_ONE, _COLUMN, _ROW, _COLUMN), 1)]
    return [
        [("branch1x1", 192, _ONE)],
        [("branch7x7_1", inside, _ONE), ("branch7x7_2", inside, _ROW), ("branch7x7_3", 192, _COLUMN)],
        [*twice, ("branch7x7dbl_5", 192, _ROW)],
        ["average", ("branch_pool", 192, _ONE)],
    ]


def _e(pool: str) -> List[_Branch]:
    def crossed(name: str) -> List[_Layer]:
        return [(f"{name}a", 384, (1, 3)), (f"{name}b", 384, (3, 1))]

    return [
        [("branch1x1", 320, _ONE)],
        [("branch3x3_1", 384, _ONE), crossed("branch3x3_2")],
        [("branch3x3dbl_1", 448, _ONE), ("branch3x3dbl_2", 384, _THREE), crossed("branch3x3dbl_3")],
        [pool, ("branch_pool", 192, _ONE)],
    ]


_B: List[_Branch] = [
    [("branch3x3", 384, _THREE)],
    [("branch3x3dbl_1", 64, _ONE), ("branch3x3dbl_2", 96, _THREE), ("branch3x3dbl_3", 96, _THREE)],
    ["halve"],
]
_D: List[_Branch] = [
    [("branch3x3_1", 192, _ONE), ("branch3x3_2", 320, _THREE)],
    [*((f"branch7x7x3_{n}", 192, one) for n, one in enumerate((_ONE, _ROW, _COLUMN, _THREE), 1))],
    ["halve"],
]
_BLOCKS = {
    **{"Mixed_5b": _a(32), "Mixed_5c": _a(64), "Mixed_5d": _a(64), "Mixed_6a": _B},
    **{"Mixed_6b": _c(128), "Mixed_6c": _c(160), "Mixed_6d": _c(160), "Mixed_6e": _c(192)},
    **{"Mixed_7a": _D, "Mixed_7b": _e("average"), "Mixed_7c": _e("largest")},
}


class Inception(nn.Module):
    """From pictures to 2,048 features.

    The last layer, which tells classes apart, is here because files have it: its 1,008 classes tell this network from
    the other Inceptions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, _THREE, stride=2, keep=False)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, _THREE, keep=False)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, _THREE)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, _ONE)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, _THREE, keep=False)
        channels = 192
        for name, branches in _BLOCKS.items():
            block = _Block(channels, branches)
            self.add_module(name, block)
            channels = block.outputs
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, H, W] in [-1, 1] to [B, 2048], the averages before the last layer.

        Pictures of other sizes are brought to 299x299 by bilinear interpolation without antialiasing, as the published
        distances were.
        """
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_POOLS["halve"](x)))
        x = _POOLS["halve"](x)
        for name in _BLOCKS:
            block: Any = getattr(self, name)
            x = block(x)
        return x.mean(dim=(2, 3))
