"""The pictures of the small world: one digit, or two side by side, each in one of four looks.

    street      a street number (SVHN)
    colour      handwriting over a photograph (MNIST-M)
    chalk       white handwriting on black (MNIST)
    blueprint   pale handwriting on blue squared paper (MNIST, recoloured here)

One digit and one look are in the pictures and in no caption: they are there to be learned as words from five pictures.
A pair's digits are half as wide, as house numbers are.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..digits.data import DigitSet, read_digits, read_labelled, read_test_digits
from ..runs import digest

SIZE = 48
LOOKS = ("street", "colour", "chalk", "blueprint")
UNNAMED_LOOK = LOOKS.index("blueprint")
NAMED_LOOKS = tuple(look for look in range(len(LOOKS)) if look != UNNAMED_LOOK)
DIGITS = 10
UNNAMED_DIGIT = 4
NAMED_DIGITS = tuple(digit for digit in range(DIGITS) if digit != UNNAMED_DIGIT)

_LOOK_SHARES = (0.32, 0.32, 0.18, 0.18)
_PAIRS = 0.5
"""Share of pictures with two digits."""
_MIXED = 0.5
"""Share of pairs whose two looks are drawn each for itself."""
_FAINT = 18.0
"""Street numbers whose grey levels have a smaller standard deviation than this (of 255) cannot be read; left out."""
_PAPER, _INK, _LINE = (26, 78, 158), (232, 240, 250), (66, 116, 190)
_SQUARES = 8


class Scenes(NamedTuple):
    """A batch of pictures and what is in them."""

    pixels: Tensor
    """float32 [n, 3, 48, 48] in [-1, 1]."""
    digits: Tensor
    """int64 [n, 2], left and right; -1 at the right of a single digit."""
    looks: Tensor
    """int64 [n, 2], places in LOOKS; -1 at the right of a single digit."""


@dataclass
class DigitFiles:
    """Where the digits of the world are; the first of its commands' options."""

    data: Path
    """The course's digits folder, which holds mnistm/ and svhn/."""
    mnist: Path
    """MNIST's .npz: x_train and y_train, and x_test and y_test where something is measured."""


class Digits:
    """Real digits by look and value.

    Args:
        pixels: for every look uint8 [N, 3, 28, 28].
        labels: for every look int64 [N].
    """

    def __init__(self, pixels: List[np.ndarray], labels: List[np.ndarray]) -> None:
        self._pixels = [torch.from_numpy(part) for part in pixels]
        self._members = [[torch.from_numpy(np.flatnonzero(part == d)) for d in range(DIGITS)] for part in labels]

    def __len__(self) -> int:
        return sum(len(part) for part in self._pixels)

    def digest(self) -> str:
        """A short name of all of them."""
        members = (part.numpy() for look in self._members for part in look)
        return digest(*(part.numpy() for part in self._pixels), *members)

    @classmethod
    def read(cls, data: Path, mnist: Path, cache: Optional[Path] = None) -> "Digits":
        """The training digits.

        Args:
            data: the course's digits folder, which holds mnistm/ and svhn/.
            mnist: an .npz with x_train uint8 [N, 28, 28] and y_train.
            cache: for decoded pictures; beside the data by default.

        Raises:
            UserError: for files that cannot be used.
        """
        street, colour = (read_digits(data / name, cache) for name in ("svhn", "mnistm"))
        return cls._of(street, colour, mnist, "train")

    @classmethod
    def read_test(cls, test: Path, mnist: Path) -> "Digits":
        """Held-out digits.

        Args:
            test: see `read_test_digits`.
            mnist: an .npz with x_test and y_test.

        Raises:
            UserError: for files that cannot be used.
        """
        street, colour = (read_test_digits(test, name) for name in ("svhn", "mnistm"))
        return cls._of(street, colour, mnist, "test")

    @classmethod
    def _of(cls, street: DigitSet, colour: DigitSet, mnist: Path, part: str) -> "Digits":
        plain, labels = read_labelled(mnist, (f"x_{part}", f"y_{part}"), (28, 28))
        grey = np.repeat(plain[:, None], 3, axis=1)
        clear = street.pixels.mean(axis=1).std(axis=(1, 2)) >= _FAINT
        return cls(
            [street.pixels[clear], colour.pixels, grey, grey], [street.labels[clear], colour.labels, labels, labels]
        )

    def draw(self, source: torch.Generator, look: int, digit: int) -> Tensor:
        """One digit, uint8 [3, 28, 28]; every second street number has its brightness inverted."""
        members = self._members[look][digit]
        picked = self._pixels[look][members[int(torch.randint(len(members), (), generator=source))]]
        inverted = LOOKS[look] == "street" and bool(torch.rand((), generator=source) < 0.5)
        return 255 - picked if inverted else picked


def render(digits: Tensor, looks: Tensor, width: int = SIZE) -> Tensor:
    """Digits as they look in the world.

    Args:
        digits: of 0 ... 255, [n, 3, 28, 28].
        looks: [n].
        width: 48 alone, 24 in a pair.

    Returns:
        float32 [n, 3, 48, width] in [-1, 1].
    """
    shape = (SIZE, width)
    x = F.interpolate(digits.float(), shape, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
    drawn = looks == UNNAMED_LOOK
    if bool(drawn.any()):
        ruled = (torch.arange(SIZE)[:, None] % _SQUARES == 0) | (torch.arange(width) % _SQUARES == 0)
        paper = torch.where(ruled, _colour(_LINE), _colour(_PAPER))
        ink = x[drawn] / 255
        x[drawn] = ink * _colour(_INK) + (1 - ink) * paper
    return x / 127.5 - 1


def _colour(rgb: Tuple[int, int, int]) -> Tensor:
    return torch.tensor(rgb, dtype=torch.float32)[:, None, None]


def draw_scenes(digits: Digits, count: int, source: torch.Generator, pairs: float = _PAIRS) -> Scenes:
    """Random pictures.

    Args:
        digits: to make them of.
        count: pictures.
        source: of all randomness.
        pairs: share of pictures with two digits.
    """
    values = torch.randint(DIGITS, (count, 2), generator=source)
    looks = torch.multinomial(torch.tensor(_LOOK_SHARES), count * 2, replacement=True, generator=source).view(count, 2)
    alike = torch.rand(count, generator=source) >= _MIXED
    looks[alike, 1] = looks[alike, 0]
    single = torch.rand(count, generator=source) >= pairs
    raw = [[digits.draw(source, int(looks[i, j]), int(values[i, j])) for j in range(2)] for i in range(count)]
    left, right = (torch.stack([two[side] for two in raw]) for side in range(2))
    pixels = torch.cat([render(left, looks[:, 0], SIZE // 2), render(right, looks[:, 1], SIZE // 2)], dim=3)
    if bool(single.any()):
        pixels[single] = render(left[single], looks[single, 0])
        values[single, 1] = looks[single, 1] = -1
    return Scenes(pixels, values, looks)
