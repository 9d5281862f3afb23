"""What is said of prompts and words before painting: which are used, and which have no effect."""

import warnings
from pathlib import Path
from typing import List, Sequence

from ..checkpoints import GivenWord, some
from ..models.stable_diffusion.tokenizer import Tokenizer
from .prompts import Source, unknown_words
from .small_world import NAME, unknown_to_it

_SHOWN = 3


def tell_words(given: Sequence[GivenWord], tokenizer: Tokenizer, prompts: Sequence[str], negative: str) -> None:
    """Print each given word that a prompt uses; warn of those of the user's that none does, and of words in angle
    brackets in the negative prompt that nobody has learned.

    Args:
        given: see `given_words`.
        tokenizer: that knows them.
        prompts: all that are painted.
        negative: what they are guided away from.
    """
    used = {word for text in (*prompts, negative) for word in tokenizer.words(text)}
    for one in given:
        if one.word.token in used:
            print(_in_words(one, tokenizer))
    idle = [f"{one.word.token} ({one.file})" for one in given if one.by_user and one.word.token not in used]
    if idle:
        which = ", ".join(idle[:_SHOWN]) + (f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else "")
        warnings.warn(f"no prompt uses {which}; write the word into a prompt as it stands here", stacklevel=2)
    unknown = unknown_words(tokenizer.without_words(negative))
    if unknown:
        warnings.warn(f"nobody has learned {unknown} in the negative prompt; it has no effect", stacklevel=2)


def _in_words(one: GivenWord, tokenizer: Tokenizer) -> str:
    count, word = len(one.word.vectors), one.word
    line = f"using {word.token} from {one.file} ({count} vector{'s' if count > 1 else ''})"
    if one.stages > 1:
        line += f", the newest of {one.stages} stages"
    if word.any_case and Tokenizer().known(word.token):
        line += ", in place of the word that the vocabulary has"
    return line


def tell_prompts_without_token(path: Path, sources: Sequence[Source], tokenizer: Tokenizer) -> None:
    """Warn of prompts of an input.json that do not have their source's word in them."""
    for source in sources:
        own = set(tokenizer.words(source.token))
        bare: List[str] = [p for p in source.prompts if source.token not in p and own.isdisjoint(tokenizer.words(p))]
        if bare:
            warnings.warn(
                f"{path}: source {source.key!r}: {some([repr(prompt) for prompt in bare])} has no {source.token} in it;"
                " what was learned will not be painted",
                stacklevel=2,
            )


def tell_unknown_to_small_world(checkpoint: str, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Warn of words that the small checkpoint was never taught.

    Args:
        checkpoint: the fingerprint; nothing is said of others.
        tokenizer: whose learned words are known.
        texts: prompts.
    """
    line = unknown_to_it(tokenizer.without_words(text) for text in texts) if checkpoint == NAME else None
    if line:
        warnings.warn(line, stacklevel=2)
