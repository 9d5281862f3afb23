"""What was learned for a Stable Diffusion beside its checkpoint: words, and what is added to the weights of layers.

    {"<new1>": vectors [n, width], "unet.LAYER": A}, metadata {"format": "sfumato custom 1", ...}

A is added to the layer's weight and has its shape, in half precision.
"""

from pathlib import Path
from typing import Dict, List, NamedTuple

from ..errors import UserError
from ..models.additions import Addition
from .embeddings import CUSTOM, NAME, Embedding, embeddings_in, without_names, write_embedding
from .lora_keys import looks_like_lora
from .lora_metadata import ours_in
from .lora_words import bundled
from .safetensor_files import read_safetensors, write_safetensors
from .strict import not_finite, some
from .tensor_files import read_tensors, weights_in

_NETWORKS = ("unet.", "text.")


class LearnedFile(NamedTuple):
    """What a file holds."""

    words: List[Embedding]
    additions: Dict[str, Addition]
    """By layer: unet.… or text.…, as `StableDiffusion.networks` calls them."""
    metadata: Dict[str, str]
    """How it came to be."""
    trigger: str = ""
    """What to say in a prompt to have it, as a LoRA's file tells it."""


def write_additions(path: Path, learned: LearnedFile) -> None:
    """Write words and whole additions, whole or not at all; additions in half precision."""
    whole = {layer: one.delta().half() for layer, one in learned.additions.items()}
    words = {word.token: word.vectors.float() for word in learned.words}
    write_safetensors(path, {**whole, **words}, {**without_names(learned.metadata), "format": CUSTOM})


def write_words(path: Path, words: List[Embedding], metadata: Dict[str, str]) -> None:
    """Write one or several words that were learned together into a file, whole or not at all."""
    if len(words) == 1:
        write_embedding(path, words[0]._replace(metadata=metadata))
    else:
        write_safetensors(
            path, {word.token: word.vectors.float() for word in words}, {**without_names(metadata), "format": NAME}
        )


def read_learned(path: Path) -> LearnedFile:
    """Read what the others write.

    Raises:
        UserError: for any other file.
    """
    content, metadata = read_tensors(path)
    if metadata.get("format") != CUSTOM or not isinstance(content, dict):
        words = embeddings_in(content, metadata, path)
        return LearnedFile(words, {}, words[0].metadata)
    layers = {key: value for key, value in weights_in(content, path).items() if key.startswith(_NETWORKS)}
    bad = not_finite(layers)
    if bad:
        raise UserError(f"{path}: {some(bad)} holds NaN or infinity; learn it again, more slowly")
    rest = {key: value for key, value in content.items() if key not in layers}
    words = embeddings_in(rest, metadata, path) if rest else []
    return LearnedFile(words, {key: Addition((value.float(),)) for key, value in layers.items()}, metadata)


def read_words_alone(path: Path) -> LearnedFile:
    """The words of a file that was learned by any method, and how they came to be; a LoRA without a word has none.

    Raises:
        UserError: for any other file.
    """
    content, metadata = read_tensors(path)
    if not isinstance(content, dict) or not looks_like_lora(content):
        return read_learned(path)._replace(additions={})
    told = ours_in(metadata)
    words, _ = bundled(content, path)
    return LearnedFile([word._replace(metadata=told) for word in words], {}, told)


def holds_additions(path: Path) -> bool:
    """Whether a file is one of `write_additions`, whatever it is called."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        # No other format begins so, and a checkpoint of another is not read for this.
        is_safetensors = file.read(9)[8:] == b"{"
    return is_safetensors and read_safetensors(path)[1].get("format") == CUSTOM
