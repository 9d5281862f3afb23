"""What is learned, from parameters to files; `checkpoints/learned_files.py` says what stands in them."""

from pathlib import Path
from typing import Dict

from ..checkpoints import Embedding, LearnedFile, write_custom, write_words
from .learned import Learned


def learned_so_far(learned: Learned, told: Dict[str, str]) -> LearnedFile:
    """What some parameters are at this moment: words in float32, additions of numbers that half precision has.

    Args:
        learned: the parameters.
        told: how they came to be.
    """
    words, additions = learned()
    rounded = {
        layer: one._replace(parts=tuple(part.detach().half().float().cpu() for part in one.parts))
        for layer, one in additions.items()
    }
    return LearnedFile(
        [Embedding(token, vectors.detach().float().cpu(), told) for token, vectors in words.items()], rounded, told
    )


def write_learned(path: Path, method: str, learned: LearnedFile) -> None:
    """Write what was learned, whole or not at all.

    Args:
        path: ends in .safetensors.
        method: see METHODS.
        learned: by it.
    """
    if method == "word":
        write_words(path, learned.words, learned.metadata)
    else:
        write_custom(path, learned)
