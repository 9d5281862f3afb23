"""A model with its learned words, and converting both between formats."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

import torch

from ..checkpoints import (
    FORMATS,
    Embedding,
    GivenWord,
    read_embeddings,
    read_stable_diffusion,
    write_embedding,
    write_stable_diffusion,
)
from ..devices import DTYPES
from ..errors import UserError
from ..models.shipped import shipped
from ..options import check_options, choice
from ..stable_diffusion import SMALL_WORLD, StableDiffusion


def shipped_words(checkpoint: str) -> List[Embedding]:
    """The words that come with the package for one checkpoint.

    Args:
        checkpoint: its fingerprint; words learned for another one do not fit, whatever their width.
    """
    found = [word for path in sorted(shipped("words").glob("*.safetensors")) for word in read_embeddings(path)]
    return [word for word in found if word.metadata.get("checkpoint") == checkpoint]


def with_words(checkpoint: Optional[Path], dtype: torch.dtype, given: Sequence[GivenWord]) -> StableDiffusion:
    """A model that knows its shipped words and given ones, which take the place of shipped ones of the same token.

    Args:
        checkpoint: see `StableDiffusion.load`; the small one that ships by default.
        dtype: see there.
        given: see `given_words`.

    Raises:
        UserError: for a checkpoint that cannot be used, or a word that does not fit it.
    """
    model = StableDiffusion.load(checkpoint or SMALL_WORLD, dtype)
    model.learn_words(shipped_words(model.name))
    for one in given:
        try:
            model.learn_words([one.word])
        except UserError as fault:
            raise UserError(f"{one.file}: {fault}") from None
    return model


@dataclass
class ConvertOptions:
    """Convert a checkpoint of any layout to one with CompVis' keys, or a learned word between formats."""

    source: Path
    """A checkpoint (.ckpt, .safetensors or a diffusers folder), the word "small" for the one that ships, or the file of
    a learned word."""
    out: Path
    """The file to write: a checkpoint's ends in .safetensors or .ckpt."""
    word: Optional[str] = choice(None, FORMATS)
    """The format of a learned word: sfumato, diffusers, a1111, compvis, tokens, emb_params or bare. A checkpoint is
    converted without it."""
    rename: Optional[str] = None
    """Another token for the word, such as <new1>."""
    precision: Optional[str] = choice(None, DTYPES)
    """Of a checkpoint's weights: fp32, fp16 or bf16; as they are by default."""


def convert(options: ConvertOptions) -> Path:
    """Convert; returns the file written.

    Raises:
        UserError: for a source, format or precision that cannot be used.
    """
    check_options(options)
    if not options.out.parent.is_dir():
        raise UserError(f"{options.out.parent}: there is no such folder; make it first")
    if options.word is None:
        _convert_checkpoint(options)
    else:
        words = read_embeddings(options.source)
        if len(words) > 1:
            tokens = ", ".join(word.token for word in words)
            raise UserError(f"{options.source}: holds several words ({tokens}); a file of the other formats holds one")
        token = words[0].token
        if words[0].any_case:
            # Other formats have no such words: there only what stands in brackets is safe from being found in others.
            token = words[0].also[0] if words[0].also else f"<{token}>"
        write_embedding(options.out, words[0]._replace(token=options.rename or token), options.word)
    print(f"wrote {options.out}")
    return options.out


def _convert_checkpoint(options: ConvertOptions) -> None:
    if options.out.suffix not in (".safetensors", ".ckpt"):
        raise UserError(f"{options.out}: a checkpoint is written as .safetensors or .ckpt; give a name that ends so")
    if options.rename is not None:
        raise UserError("--rename is for learned words; give their format with --word")
    parts = read_stable_diffusion(SMALL_WORLD if str(options.source) == "small" else options.source)
    networks = {"unet": parts.unet, "vae": parts.vae, "text": parts.text}
    write_stable_diffusion(options.out, networks, parts.size, DTYPES.get(options.precision or ""))
    if parts.ignored:
        print(f"left out {len(parts.ignored)} tensors that nothing needs: {', '.join(parts.ignored[:3])} ...")
