"""Where in a file's content learned words are, and what they are called: every shape in which people share them.

| content | words |
|---|---|
| a tensor [width], [n, width] or [1, ..., n, width] | one, named after the file |
| a list of tensors, a ParameterList | one each |
| "string_to_param" | A1111's and CompVis'; a plain table or a ParameterDict of any PyTorch |
| "tokens" and "embeddings" | one for each of the tokens |
| "token" (or "name", ...) and "embedding" (or another of _HOLDERS) | one, called as the token's value says |
| a table or ParameterDict of tensors | one each, called as the keys say |
| a tensor of more rows than the vocabulary, in any of these | one for each row beyond it |
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from torch import Tensor

from ..errors import UserError
from ..models.stable_diffusion.tokenizer import VOCABULARY
from .lora_keys import looks_like_lora
from .rebuilders import as_tensor
from .stand_ins import StandIn, described, shortened

_HOLDERS = ("emb_params", "embedding", "embeddings", "learned_embeds", "vectors", "vector", "weight")
"""Keys that say "here it is" and are no word's token."""
_TOKENS = ("token", "placeholder_token", "token_name", "name")
"""Keys whose value is the token."""
_WRAPPERS = ("state_dict", "embedding", "embeddings", "learned_embeds", "words")
"""Keys under which a whole table of words may lie."""
_MOST_WORDS = 1000
_OTHER_MODELS = {
    "clip_g": "a word of Stable Diffusion XL, for two text encoders",
    "text_encoders_0": "a word of Stable Diffusion XL, for two text encoders",
    "t5xxl": "a word of a model with another text encoder",
}


class FoundWord(NamedTuple):
    """A word as a file has it; see `Embedding`, which it becomes once its vectors are checked."""

    token: str
    vectors: Tensor
    step: Optional[int] = None
    """Of the training, where the file says it."""
    any_case: bool = False
    also: Tuple[str, ...] = ()


def words_in(content: Any, path: Path) -> List[FoundWord]:
    """All words in what `read_tensors` found; none where there is no tensor in any of the shapes above.

    Args:
        content: of the file.
        path: of the file, after which a word is named that has no token.

    Raises:
        UserError: for what is a word of another model, or more words than anybody has in one file.
    """
    name = path.stem if _in_brackets(path.stem) else f"<{path.stem}>"
    tensor = as_tensor(content)
    if tensor is not None:
        return _named(_parts(tensor, path), name)
    if isinstance(content, (list, tuple)):
        tensors = [as_tensor(one) for one in content]
        some = [one for one in tensors if one is not None]
        return _named([part for one in some for part in _parts(one, path)], name) if len(some) == len(tensors) else []
    table = _table(content)
    if table is None:
        return []
    _refuse_other_models(table, path)
    if table and all(str(key).isdigit() for key in table):
        return words_in(list(table.values()), path)
    found = _of_a1111(table, name, path) if "string_to_param" in table else _of_table(table, name, path)
    step = table.get("step")
    return [word._replace(step=step) for word in found] if type(step) is int and 0 <= step < 1 << 62 else found


def _of_a1111(table: Mapping[Any, Any], name: str, path: Path) -> List[FoundWord]:
    """A1111 calls a word as its file is called; several in one file only CompVis writes, by their tokens."""
    found = _tensors(_table(table["string_to_param"]) or {})
    beyond = _beyond_vocabulary(found, name, path)
    if beyond:
        return beyond
    if len(found) > 1:
        _check_count(len(found), path)
        return [FoundWord(name if key == "*" else key, _rows(value)) for key, value in found.items()]
    inside = table.get("name")
    tokens = [key for key in (*found, inside) if isinstance(key, str) and _in_brackets(key)]
    bare = not _in_brackets(path.stem)
    token = path.stem if bare else name
    also = tuple(dict.fromkeys(other for other in tokens if other != token))
    return [FoundWord(token, _rows(value), any_case=bare, also=also) for value in found.values()]


def _of_table(table: Mapping[Any, Any], name: str, path: Path, wrapped: bool = False) -> List[FoundWord]:
    tensors = _tensors(table)
    if "tokens" in table and "embeddings" in tensors:
        return _shared_out(table["tokens"], tensors["embeddings"], path)
    holders = [key for key in _HOLDERS if key in tensors]
    told = next((table[key] for key in _TOKENS if isinstance(table.get(key), str) and table[key].strip()), None)
    if told is not None and len(holders) == 1 and len(tensors) == 1:
        return _named(_parts(tensors[holders[0]], path), told)
    beyond = _beyond_vocabulary(tensors, name, path)
    if beyond:
        return beyond
    _check_count(len(tensors), path)
    for key, value in table.items():
        if isinstance(value, StandIn) and isinstance(key, str) and _in_brackets(key) and key not in tensors:
            raise UserError(f"{path}: has {described(value)} where {shortened(key)} has its vectors; get it again")
    if not tensors:
        if wrapped:
            return []  # a table can lie in itself
        inside = [table[key] for key in _WRAPPERS if _table(table.get(key)) is not None]
        return _of_table(_table(inside[0]) or {}, name, path, True) if len(inside) == 1 else []
    return [FoundWord(name if key in (*_HOLDERS, "clip_l") else key, _rows(v)) for key, v in tensors.items()]


def _beyond_vocabulary(tensors: Mapping[str, Tensor], name: str, path: Path) -> List[FoundWord]:
    """The new rows of whole vocabularies; tensors beside one are those of the network that it is from."""
    whole = {key: value for key, value in tensors.items() if _is_vocabulary(value)}
    parts = [part for value in whole.values() for part in _parts(value, path)]
    return _named(parts, next(iter(whole)) if len(whole) == 1 and _in_brackets(*whole) else name)


def _shared_out(tokens: Any, vectors: Tensor, path: Path) -> List[FoundWord]:
    """As many rows for each token."""
    rows = vectors[VOCABULARY:] if _is_vocabulary(vectors) else _rows(vectors)
    told = [tokens] if isinstance(tokens, str) else tokens if isinstance(tokens, (list, tuple)) else []
    texts = [token for token in told if isinstance(token, str)]
    if not texts or rows.dim() != 2 or not len(rows) or len(rows) % len(texts):
        raise UserError(f"{path}: has {len(texts)} tokens for {len(rows)} vectors; save each word by itself")
    _check_count(len(texts), path)
    share = len(rows) // len(texts)
    return [FoundWord(token, rows[i * share : (i + 1) * share]) for i, token in enumerate(texts)]


def _refuse_other_models(table: Mapping[Any, Any], path: Path) -> None:
    for key, what in _OTHER_MODELS.items():
        if key in table:
            raise UserError(f"{path}: is {what} ({key}); words here are for Stable Diffusion v1")
    if looks_like_lora(table):
        raise UserError(f"{path}: is a LoRA, which changes a checkpoint, and no learned word; give a textual inversion")


def _named(parts: Sequence[Tensor], name: str) -> List[FoundWord]:
    """Words by one name, numbered where there are several."""
    inner = name[1:-1] if _in_brackets(name) else name
    tokens = [name] if len(parts) == 1 else [f"<{inner}-{number}>" for number in range(1, len(parts) + 1)]
    return [FoundWord(token, part) for token, part in zip(tokens, parts)]


def _parts(tensor: Tensor, path: Path) -> List[Tensor]:
    """The words in one tensor: itself, or each row that a table of a whole vocabulary has more than CLIP's."""
    if not _is_vocabulary(tensor):
        return [_rows(tensor)]
    _check_count(len(tensor) - VOCABULARY, path)
    return list(tensor[VOCABULARY:].split(1))


def _is_vocabulary(tensor: Tensor) -> bool:
    return tensor.dim() == 2 and len(tensor) > VOCABULARY


def _rows(tensor: Tensor) -> Tensor:
    """[width] and [1, ..., n, width] as [n, width]; another shape as it is, for the error."""
    while tensor.dim() > 2 and len(tensor) == 1:
        tensor = tensor[0]
    return tensor[None] if tensor.dim() == 1 else tensor


def _check_count(count: int, path: Path) -> None:
    if count > _MOST_WORDS:
        raise UserError(f"{path}: holds {count:,} tensors where words are looked for; give a file of learned words")


def _table(found: Any) -> Optional[Mapping[Any, Any]]:
    """A plain table, or the insides of a ParameterDict or ParameterList, which are read as inert objects."""
    inside = getattr(found, "state", None)
    table = inside.get("_parameters") if isinstance(inside, Mapping) else found
    return table if isinstance(table, Mapping) else None


def _tensors(table: Mapping[Any, Any]) -> Dict[str, Tensor]:
    """Those with axes: a single number is a step or a score."""
    found = ((key, as_tensor(value)) for key, value in table.items() if isinstance(key, str))
    return {key: tensor for key, tensor in found if tensor is not None and tensor.dim()}


def _in_brackets(token: str) -> bool:
    return len(token) > 2 and token.startswith("<") and token.endswith(">")
