"""Captions as the networks take them."""

from random import Random
from typing import Dict, List

import torch
from torch import Tensor

from ..diffusion import seed_of
from ..models.stable_diffusion.tokenizer import Tokenizer
from .captions import caption
from .scenes import Scenes

TOKENS = 32
"""The longest caption, its begin and end included; Stable Diffusion's own have 77."""


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
