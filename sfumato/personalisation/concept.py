"""One of the things that are learned: its photos, its word, and the texts that they are shown with."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Tuple

from ..errors import UserError
from ..models.stable_diffusion.tokenizer import Tokenizer
from .recipes import PREVIEWS, Recipe

LEARNED = r"<[^<>\s]+>"
"""How learned words look."""


@dataclass(frozen=True)
class Concept:
    """What one folder of photos shows."""

    photos: Path
    """The folder."""
    token: str
    """Its word; empty where none is learned."""
    recipe: Recipe
    plain: str
    """It in plain words, for CLIP."""
    templates: Tuple[str, ...]
    """Texts with {}."""

    @property
    def said(self) -> str:
        """How texts say it."""
        return self.token or self.recipe.init

    @property
    def beside(self) -> str:
        """How a text says it next to something else."""
        return self.previews[0] if self.recipe.kind == "style" else f"a {self.said}"

    @property
    def previews(self) -> Tuple[str, ...]:
        """Prompts that show how far it is."""
        return tuple(prompt.replace("{}", self.said) for prompt in PREVIEWS[self.recipe.texts or self.recipe.kind])

    def settings(self) -> Dict[str, Any]:
        """What decides its learning, beside the photos and what the loop is told."""
        elsewhere = ("steps", "batch_size", "small")  # the loop's, and what only chose the others
        told = {name: value for name, value in asdict(self.recipe).items() if name not in elsewhere}
        return {**told, "token": self.token, "plain": self.plain, "templates": self.templates}


def refuse_token(token: str) -> None:
    """Refuse a word that prompts could not use.

    Raises:
        UserError: saying why.
    """
    if Tokenizer().known(token):
        raise UserError(f"{token}: is in the vocabulary already; learned words look like <new1>")
    if not re.fullmatch(LEARNED, token):
        raise UserError(
            f"{token}: has no angle brackets around it, so prompts would split it or find it inside other words;"
            " learned words look like <new1>"
        )
