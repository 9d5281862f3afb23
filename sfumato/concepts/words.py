"""A model with its learned words."""

import warnings
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import torch

from ..additions import add_given, given_additions
from ..checkpoints import Embedding, GivenWord, read_embeddings, refuse_clashes
from ..errors import UserError
from ..models.shipped import shipped
from ..stable_diffusion import SMALL_WORLD, StableDiffusion


def shipped_words(checkpoint: str) -> List[Embedding]:
    """The words that come with the package for one checkpoint.

    Args:
        checkpoint: its fingerprint; words learned for another one do not fit, whatever their width.
    """
    found = [word for path in sorted(shipped("words").glob("*.safetensors")) for word in read_embeddings(path)]
    return [word for word in found if word.metadata.get("checkpoint") == checkpoint]


def with_words(
    checkpoint: Optional[Path],
    dtype: torch.dtype,
    given: Sequence[GivenWord],
    lora: Sequence[str] = (),
    custom: Sequence[str] = (),
    vae: Optional[Path] = None,
) -> Tuple[StableDiffusion, List[GivenWord]]:
    """A model that knows its shipped words and given ones, which take the place of shipped ones of the same token, and
    whose weights have what was given added.

    Args:
        checkpoint: see `StableDiffusion.load`; the small one that ships by default.
        dtype: see there.
        given: see `given_words`.
        lora, custom: see `given_additions`.
        vae: see `StableDiffusion.load`.

    Returns:
        The model, and the words that were given, those in the files of additions included.

    Raises:
        UserError: for a checkpoint that cannot be used, or a word or addition that does not fit it.
    """
    model = StableDiffusion.load(checkpoint or SMALL_WORLD, dtype, vae)
    model.learn_words(shipped_words(model.name))
    additions = given_additions(model, lora, custom)
    given = refuse_clashes([*given, *(word for one in additions for word in one.words)])
    for one in given:
        try:
            model.learn_words([one.word])
        except UserError as fault:
            if one.by_user:
                raise UserError(f"{one.file}: {fault}") from None
            warnings.warn(f"{one.file}: {fault}; it is left out", stacklevel=2)
    add_given(model, additions)
    return model, given
