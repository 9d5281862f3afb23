"""Plain English for the pictures of the small world, varied as people vary.

The unnamed digit is "a digit", as others sometimes are; the unnamed look is left out, as others sometimes are.
What is said after a pair is said of both ("a two next to a five in chalk"), unless the first has a look of its own. A
half's look stands at its place as an adjective or behind the digit, with commas or without: so that a learned word
can take the place of a look there ("a two in the style of <new2> next to a street five").
"""

from random import Random
from typing import Dict, List, Optional, Sequence

import torch
from torch import Tensor

from ..diffusion import seed_of
from ..models.stable_diffusion.tokenizer import Tokenizer
from .scenes import LOOKS, UNNAMED_DIGIT, UNNAMED_LOOK, Scenes

TOKENS = 32
"""The longest caption, its begin and end included; Stable Diffusion's own have 77."""

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_SILENT_DIGIT, _SILENT_LOOK = 0.12, 0.25
"""How often a caption says no more than "a digit", and nothing of the look, where it could."""
_ADJECTIVE, _STYLE, _COMMAS, _EACH = 0.4, 0.4, 0.3, 0.3
"""How often a look is an adjective, else a style; the left one in commas; a look that both have, said of each."""
_KINDS = ("digit", "number", "numeral")
_BEGINNINGS = ("", "", "", "a photo of ", "a picture of ", "an image of ", "a close-up of ", "there is ")
_BETWEEN = (" next to ", " beside ", " and ", " to the left of ", " with, at its right, ", " side by side with ")

ADJECTIVES = {
    "street": ("street", "house-number", "street-sign"),
    "colour": ("colourful", "bright", "many-coloured"),
    "chalk": ("chalk", "white chalk", "blackboard"),
}
PHRASES = {
    "street": ("on a house", "from a street sign", "on a wall", "on a front door", "seen in the street"),
    "colour": ("in bright colours", "over a colourful photo", "painted over a pattern", "in many colours"),
    "chalk": ("in white chalk", "on a blackboard", "drawn with chalk", "in chalk on black"),
}
"""What is said of a look before a digit, and behind it; the plainest first."""
_STYLES = {
    "street": ("street signs", "a street sign", "house numbers"),
    "colour": ("bright colours", "colourful patterns", "many colours"),
    "chalk": ("chalk", "a blackboard", "chalk drawings"),
}


def caption(digits: Sequence[int], looks: Sequence[int], random: Random) -> str:
    """One of the many ways to say what is in a picture.

    Args:
        digits: one or two, from left to right.
        looks: of each, places in LOOKS.
        random: chooses.
    """
    beginning = random.choice(_BEGINNINGS)
    spoken = [look if look != UNNAMED_LOOK and random.random() >= _SILENT_LOOK else None for look in looks]
    if len(digits) == 1:
        return beginning + _with_look(digits[0], spoken[0], random)
    if looks[0] != looks[1] or (None not in spoken and random.random() < _EACH):
        left = _with_look(digits[0], spoken[0], random, commas=_COMMAS)
        # With no look at its left, an ending would be heard as that of both.
        right = _with_look(digits[1], spoken[1], random, before=1.0 if spoken[0] is None else _ADJECTIVE)
        return beginning + left + random.choice(_BETWEEN) + right
    if UNNAMED_DIGIT not in digits and random.random() < 0.2:
        pair = f"the number {digits[0]}{digits[1]}"
    else:
        pair = random.choice(_BETWEEN).join(_plain(digit, random) for digit in digits)
    return beginning + pair + (_ending(LOOKS[looks[0]], random) if spoken[0] is not None else "")


def _with_look(digit: int, look: Optional[int], random: Random, before: float = _ADJECTIVE, commas: float = 0) -> str:
    if look is None:
        return _plain(digit, random)
    if random.random() < before:
        return article(f"{random.choice(ADJECTIVES[LOOKS[look]])} {_name(digit, random)}")
    plain, ending = _plain(digit, random), _ending(LOOKS[look], random)
    return f"{plain},{ending}," if random.random() < commas else plain + ending


def _ending(look: str, random: Random) -> str:
    if random.random() < _STYLE:
        return f" in the style of {random.choice(_STYLES[look])}"
    return " " + random.choice(PHRASES[look])


def _plain(digit: int, random: Random) -> str:
    name = _name(digit, random)
    return f"the {random.choice(_KINDS[:2])} {name}" if name not in _KINDS and random.random() < 0.2 else article(name)


def _name(digit: int, random: Random) -> str:
    if digit == UNNAMED_DIGIT or random.random() < _SILENT_DIGIT:
        return random.choice(_KINDS)
    return NAMES[digit] if random.random() < 0.7 else str(digit)


def article(words: str) -> str:
    """Words with "a" or "an" before them."""
    return ("an " if words[0] in "aei8" else "a ") + words


class Captions:
    """Scenes to token ids, each caption encoded once."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer(length=TOKENS)
        self._known: Dict[str, List[int]] = {}

    def __call__(self, scenes: Scenes, seed: int, silent: float = 0.0) -> Tensor:
        """Ids [n, 32] of one caption for each picture.

        Args:
            scenes: what to caption.
            seed: of the choice of words.
            silent: the share of captions that are empty, for guidance.
        """
        ids = []
        for index, (digits, looks) in enumerate(zip(scenes.digits.tolist(), scenes.looks.tolist())):
            random = Random(seed_of(seed, index))
            count = 1 if digits[1] < 0 else 2
            text = "" if random.random() < silent else caption(digits[:count], looks[:count], random)
            ids.append(self._encoded(text))
        return torch.tensor(ids)

    def _encoded(self, text: str) -> List[int]:
        if text not in self._known:
            self._known[text] = self._tokenizer(text).ids
        return self._known[text]
