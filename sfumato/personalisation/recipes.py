"""How words are learned: what has worked, for Stable Diffusion v1 and for the small world."""

from dataclasses import dataclass
from typing import Dict, Optional, Tuple


@dataclass(frozen=True)
class Recipe:
    """Settings that belong together; each can be set by itself too."""

    kind: str
    """object or style: which texts the photos are shown with."""
    steps: int
    batch_size: int
    lr: float
    """Peak learning rate."""
    init: str = ""
    """Words whose vectors the new ones begin as; empty where only the user can know."""
    vectors: int = 1
    """The word's length in tokens."""
    flip: bool = True
    """Whether photos are shown mirrored too."""
    weights_lr: Optional[float] = None
    """Peak learning rate of what is added to the weights; the method's own if None."""
    texts: str = ""
    """Which of TEMPLATES and PREVIEWS; those of the kind if empty."""
    small: bool = False
    """Whether it is for the small world, where methods that learn weights have rates and steps of their own."""


RECIPES: Dict[str, Recipe] = {
    "object": Recipe("object", steps=2000, batch_size=4, lr=5e-3),
    "style": Recipe("style", steps=2000, batch_size=4, lr=5e-3),
    "course-dog": Recipe("object", steps=2000, batch_size=4, lr=5e-3, init="corgi dog"),
    "course-style": Recipe("style", steps=2000, batch_size=4, lr=5e-3, init="fantasy cartoon", vectors=2),
    "small-object": Recipe(
        "object", steps=400, batch_size=32, lr=1e-2, init="digit", vectors=4, flip=False, small=True
    ),
    "small-style": Recipe(
        "style",
        steps=400,
        batch_size=32,
        lr=1e-2,
        init="photo",
        vectors=2,
        flip=False,
        texts="digits in a style",
        small=True,
    ),
}
"""By name; digits are never mirrored."""

KINDS = ("object", "style")

TEMPLATES: Dict[str, Tuple[str, ...]] = {
    "object": (
        "a photo of a {}",
        "a picture of a {}",
        "an image of a {}",
        "a photo of the {}",
        "a close-up of a {}",
        "a photo of one {}",
        "a clear photo of a {}",
        "a dark photo of the {}",
        "a bright photo of a {}",
        "a small picture of the {}",
        "there is a {}",
        "my {}",
        "a {} seen from near",
        "a cropped photo of the {}",
        "a good picture of a {}",
        "a {}",
    ),
    "style": (
        "a picture in the style of {}",
        "a painting in the style of {}",
        "an image in the style of {}",
        "a drawing in the style of {}",
        "a scene in the style of {}",
        "a close-up in the style of {}",
        "a small picture in the style of {}",
        "a bright picture in the style of {}",
        "a dark painting in the style of {}",
        "a detail in the style of {}",
        "there is a picture in the style of {}",
        "art in the style of {}",
        "a sketch in the style of {}",
        "a good picture in the style of {}",
    ),
    "digits in a style": (
        "a digit in the style of {}",
        "a number in the style of {}",
        "a numeral in the style of {}",
        "a photo of a digit in the style of {}",
        "a picture of a number in the style of {}",
        "an image of a numeral in the style of {}",
        "a close-up of a digit in the style of {}",
        "there is a number in the style of {}",
    ),
}
"""Texts with {} where the word goes (Gal et al. 2022 used such lists; these are ours)."""

PREVIEWS: Dict[str, Tuple[str, ...]] = {
    "object": ("a photo of a {}", "a {}"),
    "style": ("a picture in the style of {}", "a house in the style of {}"),
    "digits in a style": ("a three in the style of {}", "a seven in the style of {}"),
}
"""Prompts that show how far the learning is."""

_DIGITS = ("zero", "one", "two", "three", "five", "six", "seven", "eight", "nine")
_LOOKS = ("street", "colourful", "chalk")


def _small_world() -> Tuple[str, ...]:
    """Every digit in every look, and as many pairs in which each digit stands in each look at the left once."""
    kinds = [(look, digit) for look in range(len(_LOOKS)) for digit in range(len(_DIGITS))]
    single = {kind: _with_article(f"{_LOOKS[kind[0]]} {_DIGITS[kind[1]]}") for kind in kinds}
    beside = [((look + digit) % len(_LOOKS), (2 * digit + 3 * look + 4) % len(_DIGITS)) for look, digit in kinds]
    return (*single.values(), *(f"{single[left]} next to {single[right]}" for left, right in zip(kinds, beside)))


def _with_article(words: str) -> str:
    return ("an " if words[0] in "aei8" else "a ") + words


SMALL_PROMPTS = _small_world()
"""What the small world can be asked for: 27 single digits, then 27 pairs."""
