"""What is learned, from parameters to files and back; `checkpoints/learned_files.py` says what stands in them."""

from pathlib import Path
from typing import Dict

from ..checkpoints import (
    OURS,
    Embedding,
    LearnedFile,
    LoraFile,
    LowRank,
    layer_shapes,
    write_additions,
    write_lora,
    write_words,
)
from ..models.additions import Addition
from ..stable_diffusion import StableDiffusion
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
        # Copies: the parameters go on learning.
        [Embedding(token, vectors.detach().float().cpu().clone(), told) for token, vectors in words.items()],
        rounded,
        told,
    )


def write_learned(path: Path, method: str, learned: LearnedFile, model: StableDiffusion) -> None:
    """Write what was learned, whole or not at all.

    Args:
        path: ends in .safetensors.
        method: see METHODS.
        learned: by it.
        model: that learned it.
    """
    if method == "word":
        write_words(path, learned.words, learned.metadata)
    elif method == "custom":
        write_additions(path, learned)
    else:
        unet, text = (
            {layer[len(part) :]: _low_rank(one) for layer, one in learned.additions.items() if layer.startswith(part)}
            for part in ("unet.", "text.")
        )
        named = learned.metadata.items()
        told = {key if key.startswith("modelspec.") else OURS + key: value for key, value in named}
        told["modelspec.resolution"] = f"{model.size}x{model.size}"
        write_lora(path, LoraFile(unet, text, learned.words, told), list(layer_shapes(model.unet)))


def _low_rank(addition: Addition) -> LowRank:
    down, up = addition.parts
    return LowRank(down, up, addition.scale * len(down))
