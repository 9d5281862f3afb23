"""Learned words as files: what they are called, how they are written, how many fit.

| format | ending | inside |
|---|---|---|
| sfumato | .safetensors | {"<new1>": [n, width]}, metadata of where it came from; diffusers reads it too |
| diffusers | .bin, .safetensors | {"<new1>": [width] or [n, width]} |
| a1111 | .pt | {"string_to_token", "string_to_param": {"*": [n, width]}, "name", "step"} |
| compvis | .pt, .bin | the same with the word as key, and a ParameterDict |
| tokens | .pt, .bin | {"tokens", "token_ids", "embeddings"} |
| emb_params | .safetensors | {"emb_params": [n, width]}; the word is the file's name |
| bare | .pt, .bin | the tensor itself; the word is the file's name |

What else is read, whatever the ending, stands in `found_words.py`.
"""

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from ..errors import UserError
from .found_words import FoundWord, words_in
from .safetensor_files import write_safetensors
from .stand_ins import shortened
from .strict import refuse_not_finite
from .tensor_files import read_tensors
from .texts import parsed_json
from .torch_saving import write_torch

FORMATS = ("sfumato", "diffusers", "a1111", "compvis", "tokens", "emb_params", "bare")
"""What `write_embedding` writes."""

NAME = "sfumato embedding 1"
CUSTOM = "sfumato custom 1"
"""Words and more; see `learned_files.py`."""

_MOST_VECTORS = 75
"""A prompt of 77 tokens has room for them; longer text encoders are not Stable Diffusion's."""
_OTHER_WIDTHS = {1024: "Stable Diffusion 2", 1280: "Stable Diffusion XL"}
_LONGEST_TOKEN = 200
_PICKLES = (".pt", ".bin", ".pth", ".ckpt")
"""How files end that are no .safetensors; without an ending other programs would not see them."""


class Embedding(NamedTuple):
    """A learned word."""

    token: str
    """As it stands in prompts, such as <new1>."""
    vectors: Tensor
    """float32 [n, width]."""
    metadata: Dict[str, str]
    """Where it came from; empty for formats that do not say."""
    any_case: bool = False
    """Whether prompts may spell it in any letter case, with angle brackets around it or without, as in A1111."""
    also: Tuple[str, ...] = ()
    """Other tokens that it answers to."""


def read_embeddings(path: Path, token: Optional[str] = None) -> List[Embedding]:
    """All words in a file of any of the formats.

    A word answers to the token inside. A file that has none gives it the file's name in angle brackets; so do several
    words without one, with numbers from 1: <words-1>, <words-2>. In A1111's format it is the file's name that counts,
    whatever stands inside; a token in angle brackets that stands there is answered to as well.

    Args:
        path: of the file.
        token: what its word is called in place of all that; the file must hold a single one.

    Raises:
        UserError: if the file is of none of the formats or another model's, or a word cannot be used.
    """
    content, metadata = read_tensors(Path(path))
    if metadata.get("format") == CUSTOM:
        raise UserError(f"{path}: holds more than words, of --method custom; give it with --custom")
    return embeddings_in(content, metadata, Path(path), token)


def embeddings_in(content: Any, metadata: Dict[str, str], path: Path, token: Optional[str] = None) -> List[Embedding]:
    """The same of what was read already; see `read_tensors`."""
    found = words_in(content, path)
    if not found:
        raise UserError(f"{path}: holds no embedding in a format that is known ({', '.join(FORMATS)})")
    if token is not None and len(found) > 1:
        tokens = ", ".join(shortened(word.token) for word in found)
        raise UserError(f"{path}: holds several words ({tokens}); only the word of a file with one can be renamed")
    if token is not None:
        found = [word._replace(token=token, any_case=False, also=()) for word in found]
    return [as_embedding(word, metadata, path) for word in found]


def as_embedding(word: FoundWord, metadata: Dict[str, str], path: Path) -> Embedding:
    """A word of a file, once it is known that prompts can use it.

    Args:
        word: as the file has it.
        metadata: of the file.
        path: of the file, for the error.

    Raises:
        UserError: if its vectors or its token cannot be used.
    """
    vectors = _checked(word.vectors, shortened(word.token), path)
    if not _can_be_said(word.token):
        shown = ascii(word.token[:_LONGEST_TOKEN])
        raise UserError(f'{path}: its word is called {shown}, which no prompt can say; give "{path}=<dog>" instead')
    told = metadata if word.step is None else {**metadata, "step": str(word.step)}
    return Embedding(word.token, vectors, told, word.any_case, tuple(filter(_can_be_said, word.also)))


def _checked(vectors: Tensor, token: str, path: Path) -> Tensor:
    """Vectors as float32 [n, width], or a refusal."""
    if vectors.dim() != 2 or not vectors.is_floating_point() or not vectors.numel():
        what = f"{list(vectors.shape)} in {str(vectors.dtype)[len('torch.') :]}"
        raise UserError(f"{path}: {token} has the shape {what}; an embedding is [vectors, width] in floating point")
    count, width = vectors.shape
    if width in _OTHER_WIDTHS:
        raise UserError(f"{path}: {token} is {width} wide: it was learned for {_OTHER_WIDTHS[width]}, not version 1")
    if count > _MOST_VECTORS:
        raise UserError(f"{path}: {token} has {count:,} vectors; a prompt has room for {_MOST_VECTORS}")
    # After the conversion: a number of 64 bits may be beyond what 32 hold.
    narrow = vectors.detach().float()
    if not bool(narrow.isfinite().all()):
        raise UserError(f"{path}: {token} holds NaN or infinity; learn or get it again")
    return narrow.contiguous()


def _can_be_said(token: str) -> bool:
    """Whether a token can stand in prompts and lines of text."""
    return token.strip() == token != "" and len(token) <= _LONGEST_TOKEN and token.isprintable()


def write_embedding(path: Path, embedding: Embedding, kind: str = "sfumato", metadata: bool = True) -> None:
    """Write a word, whole or not at all.

    Args:
        path: its ending must be one that the format has.
        embedding: the word.
        kind: one of FORMATS.
        metadata: whether to write how it came to be, without names of photos; see `without_names`.

    Raises:
        UserError: for another format, an ending that it does not have, or a token that it cannot hold.
    """
    token, vectors = embedding.token, embedding.vectors.float().contiguous()
    if kind not in FORMATS:
        raise UserError(f"unknown format {kind!r}; choose one of {', '.join(FORMATS)}")
    safe = path.suffix == ".safetensors"
    known = safe or path.suffix.lower() in _PICKLES
    if not known or (safe != (kind in ("sfumato", "emb_params")) and kind != "diffusers"):
        ending = ".safetensors" if kind in ("sfumato", "emb_params") else ".pt or .bin"
        raise UserError(f"{path}: files of the format {kind} end in {ending}")
    if safe:
        key = "emb_params" if kind == "emb_params" else token
        told = {**without_names(embedding.metadata), "format": NAME, "token": token}
        write_safetensors(path, {key: vectors}, told if metadata else {})
        return
    refuse_not_finite({token: vectors}, path)
    write_torch(path, _pickled(kind, token, vectors, embedding.metadata if metadata else {}, path))


def without_names(metadata: Mapping[str, str]) -> Dict[str, str]:
    """How a word or more came to be, without what only its maker needs: of the photos their contents' digests, not what
    they are called."""
    told = dict(metadata)
    for key in [key for key in told if key.rpartition(".")[2] == "photos"]:
        try:
            photos = parsed_json(told[key], ours=True, twice={})
        except ValueError:
            del told[key]
            continue
        each = photos if isinstance(photos, list) else [photos]
        nameless = [sorted(map(str, one.values())) if isinstance(one, dict) else one for one in each]
        told[key] = json.dumps(nameless if isinstance(photos, list) else nameless[0])
    return told


def _pickled(kind: str, token: str, vectors: Tensor, metadata: Dict[str, str], path: Path) -> Any:
    if kind == "compvis":
        if "." in token:
            raise UserError(f"{path}: the format compvis has no words with a full stop such as {token}; rename it")
        return {
            "string_to_token": {token: torch.tensor(265)},
            "string_to_param": torch.nn.ParameterDict({token: torch.nn.Parameter(vectors)}),
        }
    contents: Dict[str, Any] = {
        "diffusers": {token: vectors[0] if len(vectors) == 1 else vectors},
        "a1111": {
            "string_to_token": {"*": 265},
            "string_to_param": {"*": vectors},
            "name": token,
            "step": int(metadata.get("step", 0)),
            "sd_checkpoint": None,
            "sd_checkpoint_name": None,
        },
        "tokens": {"tokens": [token], "token_ids": [], "embeddings": vectors},
        "bare": vectors,
    }
    return contents[kind]
