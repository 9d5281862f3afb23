"""Learned words as files, in all the formats in which people share them.

| format | ending | inside |
|---|---|---|
| sfumato | .safetensors | {"<new1>": [n, width]}, metadata of where it came from; diffusers reads it too |
| diffusers | .bin, .safetensors | {"<new1>": [width] or [n, width]} |
| a1111 | .pt | {"string_to_token", "string_to_param": {"*": [n, width]}, "name", "step"} |
| compvis | .pt, .bin | the same with the word as key, and a ParameterDict |
| tokens | .pt, .bin | {"tokens", "token_ids", "embeddings"} |
| emb_params | .safetensors | {"emb_params": [n, width]}; the word is the file's name |
| bare | .pt, .bin | the tensor itself; the word is the file's name |
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple

import torch
from torch import Tensor

from ..errors import UserError
from .files import atomic_path
from .pickles import read_pickle
from .safetensor_files import read_safetensors, write_safetensors

FORMATS = ("sfumato", "diffusers", "a1111", "compvis", "tokens", "emb_params", "bare")
"""What `write_embedding` writes."""

NAME = "sfumato embedding 1"


class Embedding(NamedTuple):
    """A learned word."""

    token: str
    """As it stands in prompts, such as <new1>."""
    vectors: Tensor
    """float32 [n, width]."""
    metadata: Dict[str, str]
    """Where it came from; empty for formats that do not say."""


def read_embeddings(path: Path) -> List[Embedding]:
    """All words in a file of any of the formats; a word that the file does not name is named after the file.

    Raises:
        UserError: if the file is of none of them, or a vector in it is not finite.
    """
    path = Path(path)
    metadata: Dict[str, str] = {}
    if path.suffix == ".safetensors":
        content, metadata = read_safetensors(path)
    else:
        content = read_pickle(path)
    found = _words(content, path)
    if not found:
        raise UserError(f"{path}: holds no embedding in a format that is known ({', '.join(FORMATS)})")
    for token, vectors in found.items():
        if vectors.dim() != 2 or not vectors.is_floating_point() or not len(vectors):
            raise UserError(f"{path}: {token} has the shape {list(vectors.shape)}; an embedding is [vectors, width]")
        if not bool(vectors.isfinite().all()):
            raise UserError(f"{path}: {token} holds NaN or infinity; learn or get it again")
    return [Embedding(token, vectors.float(), metadata) for token, vectors in found.items()]


def _words(content: Any, path: Path) -> Dict[str, Tensor]:
    named_after_file = path.stem if path.stem.startswith("<") else f"<{path.stem}>"
    if isinstance(content, Tensor):
        return {named_after_file: _rows(content)}
    if not isinstance(content, Mapping):
        return {}
    if "string_to_param" in content:
        # A1111 writes * for "the word is the file's name".
        star = str(content.get("name") or named_after_file)
        parameters = _parameters(content["string_to_param"])
        return {star if key == "*" else str(key): _rows(value) for key, value in parameters.items()}
    if isinstance(content.get("embeddings"), Tensor) and "tokens" in content:
        tokens, rows = content["tokens"], _rows(content["embeddings"])
        tokens = [tokens] if isinstance(tokens, str) else list(tokens)
        share = len(rows) // max(1, len(tokens))
        return {str(token): rows[i * share : (i + 1) * share] for i, token in enumerate(tokens)}
    if isinstance(content.get("emb_params"), Tensor):
        return {named_after_file: _rows(content["emb_params"])}
    return {str(key): _rows(value) for key, value in content.items() if isinstance(value, Tensor)}


def _parameters(found: Any) -> Dict[str, Tensor]:
    """A plain table, or the insides of a ParameterDict, which is read as an inert object."""
    inside = getattr(found, "state", None)
    table = inside.get("_parameters") if isinstance(inside, Mapping) else found
    if not isinstance(table, Mapping):
        return {}
    return {str(key): value for key, value in table.items() if isinstance(value, Tensor)}


def _rows(tensor: Tensor) -> Tensor:
    return tensor.detach()[None] if tensor.dim() == 1 else tensor.detach()


def write_embedding(path: Path, embedding: Embedding, kind: str = "sfumato") -> None:
    """Write a word, whole or not at all.

    Args:
        path: its ending must be one that the format has.
        embedding: the word.
        kind: one of FORMATS.

    Raises:
        UserError: for another format, or an ending that it does not have.
    """
    token, vectors, metadata = embedding.token, embedding.vectors.float().contiguous(), embedding.metadata
    if kind not in FORMATS:
        raise UserError(f"unknown format {kind!r}; choose one of {', '.join(FORMATS)}")
    safe = path.suffix == ".safetensors"
    if safe != (kind in ("sfumato", "emb_params")) and kind != "diffusers":
        ending = ".safetensors" if kind in ("sfumato", "emb_params") else ".pt or .bin"
        raise UserError(f"{path}: files of the format {kind} end in {ending}")
    if safe:
        key = "emb_params" if kind == "emb_params" else token
        write_safetensors(path, {key: vectors}, {**metadata, "format": NAME, "token": token})
        return
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
        "compvis": {
            "string_to_token": {token: torch.tensor(265)},
            "string_to_param": torch.nn.ParameterDict({token: torch.nn.Parameter(vectors)}),
        },
        "tokens": {"tokens": [token], "token_ids": [], "embeddings": vectors},
        "bare": vectors,
    }
    with atomic_path(path) as beside:
        torch.save(contents[kind], str(beside))
