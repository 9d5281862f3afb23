"""What was learned, as files.

word       {"<new1>": vectors [n, width]}, see `checkpoints/embeddings.py`
custom     the same, and "unet.LAYER": what is added to the layer's weight, in half precision
lora       a LoRA in kohya's names, which other programs read too, with the words in A1111's names
"""

from pathlib import Path
from typing import Dict, NamedTuple

from torch import Tensor

from ..checkpoints import Embedding, read_embeddings, read_safetensors, write_embedding, write_safetensors
from ..checkpoints.embeddings import NAME
from ..models.additions import Addition
from .learned import Learned

_CUSTOM = "sfumato custom 1"


class Stage(NamedTuple):
    """What was learned up to some step."""

    words: Dict[str, Tensor]
    """Vectors float32 [n, width], by token."""
    additions: Dict[str, Addition]
    """By layer as `StableDiffusion.networks` calls them, of numbers that half precision has."""
    told: Dict[str, str]
    """How it came to be."""

    @classmethod
    def of(cls, learned: Learned, told: Dict[str, str]) -> "Stage":
        """What some parameters are at this moment."""
        words, additions = learned()
        rounded = {
            layer: one._replace(parts=tuple(part.detach().half().float().cpu() for part in one.parts))
            for layer, one in additions.items()
        }
        return cls({token: vectors.detach().float().cpu() for token, vectors in words.items()}, rounded, told)


def write_stage(path: Path, method: str, stage: Stage) -> None:
    """Write what was learned, whole or not at all.

    Args:
        path: ends in .safetensors.
        method: see METHODS.
        stage: what was learned by it.
    """
    if method == "custom":
        whole = {layer: one.parts[0].half() for layer, one in stage.additions.items()}
        write_safetensors(path, {**whole, **stage.words}, {**stage.told, "format": _CUSTOM})
    elif len(stage.words) == 1:
        ((token, vectors),) = stage.words.items()
        write_embedding(path, Embedding(token, vectors, stage.told))
    else:
        write_safetensors(path, stage.words, {**stage.told, "format": NAME})


def read_stage(path: Path) -> Stage:
    """Read what `write_stage` wrote.

    Raises:
        UserError: for any other file.
    """
    tensors, told = read_safetensors(path)
    if told.get("format") == _CUSTOM:
        layers = {key: Addition((value.float(),)) for key, value in tensors.items() if key.startswith("unet.")}
        return Stage({key: value.float() for key, value in tensors.items() if key not in layers}, layers, told)
    words = read_embeddings(path)
    return Stage({word.token: word.vectors for word in words}, {}, words[0].metadata)
