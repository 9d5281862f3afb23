"""Learned words from one file to another format: which of them, called what, into which files."""

import re
from pathlib import Path
from typing import Collection, Dict, List, Optional

from ..errors import UserError
from .embeddings import FORMATS, Embedding, read_embeddings, write_embedding
from .found_words import words_in
from .stable_diffusion import PREFIXES
from .stand_ins import shortened
from .tensor_files import read_tensors

_MOST_BYTES = 1 << 30
"""Of a file in which words are looked for. A text encoder with a whole vocabulary has half as many, a checkpoint of the
full size more."""
_SIGNS = frozenset(
    ("string_to_param", "string_to_token", "emb_params", "tokens", "learned_embeds", "clip_l", "clip_g", "embedding")
)
"""Keys that only files of words have."""
_ENDINGS = {"sfumato": ".safetensors", "emb_params": ".safetensors", "diffusers": ".safetensors"}
"""Of the files that are named here; .pt for the others."""


def holds_words(path: Path) -> bool:
    """Whether a file holds learned words, as its content says, and no checkpoint."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return False
    value = read_tensors(path).value
    if not isinstance(value, dict):
        return True  # a tensor, or a list or ParameterDict of them: no checkpoint is any of these
    if not _SIGNS.isdisjoint(value) or any(isinstance(key, str) and re.fullmatch(r"<.+>", key) for key in value):
        return True
    table = value.get("state_dict", value)
    if isinstance(table, dict) and any(str(key).startswith(tuple(PREFIXES.values())) for key in table):
        return False
    try:
        words = words_in(value, path)
    except UserError:
        return False
    return bool(words) and len({tuple(word.vectors.shape[1:]) for word in words}) == 1 and words[0].vectors.dim() == 2


def convert_words(
    source: Path,
    out: Path,
    kind: Optional[str] = None,
    pick: Optional[str] = None,
    rename: Optional[str] = None,
    metadata: bool = True,
) -> List[Path]:
    """Write the words of a file in another format.

    Args:
        source: a file of learned words.
        out: the file to write, for one word; or a folder that is there, which gets a file for each.
        kind: one of FORMATS; by default sfumato's, whose files end in .safetensors.
        pick: the token of the only one that is taken.
        rename: what the word is called; there must be one.
        metadata: whether to write how the word came to be, where it is known.

    Returns:
        The files that were written.

    Raises:
        UserError: for words, a format or a token that cannot be used; before anything is written.
    """
    words = read_embeddings(source)
    if pick is not None:
        words = [_picked(words, pick, source)]
    tokens = _listed(words)
    if rename is not None and len(words) > 1:
        raise UserError(f"{source}: holds several words ({tokens}); only one can be renamed, take it with --pick")
    if not out.is_dir() and len(words) > 1:
        raise UserError(
            f"{source}: holds several words ({tokens}); take one with --pick, or give a folder that is there, for"
            " a file each"
        )
    if kind is None and not out.is_dir() and out.suffix != ".safetensors":
        others = ", ".join(FORMATS[1:])
        raise UserError(
            f"{out}: sfumato's own format for {tokens} ends in .safetensors; for another give --word: {others}"
        )
    kind = kind or FORMATS[0]
    written: Dict[Path, Embedding] = {}
    for word in words:
        named = word._replace(token=rename or _plain_token(word))
        path = _file_for(named.token, out, _ENDINGS.get(kind, ".pt"), written) if out.is_dir() else out
        written[path] = named
    for path, named in written.items():
        write_embedding(path, named, kind, metadata)
    return list(written)


def _picked(words: List[Embedding], token: str, source: Path) -> Embedding:
    for word in words:
        if token in (word.token, _plain_token(word), *word.also):
            return word
    raise UserError(f"{source}: has no word {shortened(token)}; pick one of {_listed(words)}")


def _listed(words: List[Embedding]) -> str:
    return ", ".join(shortened(word.token) for word in words)


def _plain_token(word: Embedding) -> str:
    """A word's token for formats in which it is found as it is spelled and nowhere else: A1111's words, which are found
    bare in any letter case, get brackets."""
    if not word.any_case:
        return word.token
    return word.also[0] if word.also else f"<{word.token}>"


def _file_for(token: str, folder: Path, ending: str, taken: Collection[Path]) -> Path:
    """A file called as a word is, without what file names may not have."""
    plain = re.sub(r"[^\w-]", "_", token[1:-1] if re.fullmatch(r"<.+>", token) else token)[:60]
    names = (f"{plain}{number or ''}{ending}" for number in range(len(taken) + 1))
    return next(path for path in (folder / name for name in names) if path not in taken)
