"""Going on from what was learned before, in another run."""

from pathlib import Path
from typing import Dict, Tuple

from torch import Tensor

from ..additions import read_given
from ..checkpoints import Embedding, read_learned, what_lora
from ..errors import UserError
from ..models.additions import Addition
from ..stable_diffusion import StableDiffusion

First = Tuple[Dict[str, Tensor], Dict[str, Addition]]
"""Vectors by word, and additions by layer."""


def started(file: Path, method: str, model: StableDiffusion, first: First) -> First:
    """What a learning begins with, as a file has it; what the file lacks begins as it would without one.

    Args:
        file: of a word, of --method custom, or of a LoRA.
        method: that learns.
        model: that learns.
        first: what it would begin with.

    Raises:
        UserError: for a file of another method or model, of another rank, or without the word.
    """
    words, additions = first
    if method == "word" or (what_lora(file) is None and not read_learned(file).additions):
        learned = read_learned(file)
        if learned.additions or not learned.words:
            raise UserError(f"{file}: holds more than a word; go on with --method {_method_of(file)}")
    else:
        learned = read_given(f"--{method}", file, model)
    for layer, addition in learned.additions.items():
        wanted = additions.get(layer)
        if wanted is None:
            raise UserError(f"{file}: adds to {layer}, where this learning adds nothing; is --text-encoder left out?")
        shapes, own = ([tuple(part.shape) for part in one.parts] for one in (wanted, addition))
        if shapes != own:
            raise UserError(f"{file}: its rank is {len(addition.parts[0])}; give --rank {len(addition.parts[0])}")
    found = {word.token: word for word in learned.words}
    taken = {token: _vectors(file, token, vectors, found, len(words) == 1) for token, vectors in words.items()}
    # What is added counts as much as it did, whatever alpha is asked for.
    scaled = {layer: _scaled(one, additions[layer].scale) for layer, one in learned.additions.items()}
    return (taken if found else words), {**additions, **scaled}


def _method_of(file: Path) -> str:
    return "custom" if what_lora(file) is None else "lora"


def _vectors(file: Path, token: str, first: Tensor, found: Dict[str, Embedding], only: bool) -> Tensor:
    """Of the word of that token, or of the only word for the only token."""
    word = found.get(token, next(iter(found.values())) if only and len(found) == 1 else None)
    if word is None:
        if not found:
            return first
        raise UserError(f"{file}: has no word {token}, but {', '.join(found)}; give --token as it has them")
    if word.vectors.shape[1] != first.shape[1]:
        wide = word.vectors.shape[1]
        raise UserError(f"{file}: {word.token} is {wide} wide, the checkpoint's words {first.shape[1]}; it is no match")
    return word.vectors.float()


def _scaled(addition: Addition, scale: float) -> Addition:
    """The same addition at another scale."""
    *before, last = addition.parts
    return Addition((*before, last * (addition.scale / scale)), scale)
