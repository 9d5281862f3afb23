"""Learned words inside a LoRA's file.

| key | written by |
|---|---|
| bundle_emb.NAME.string_to_param.* | A1111 (and read by it and by ComfyUI), OneTrainer until 2024 |
| bundle_emb.NAME.clip_l, bundle_emb.NAME.emb_params | OneTrainer, others |

A1111 and ComfyUI split at the points, so that a name has none.
"""

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from torch import Tensor

from ..errors import UserError
from .embeddings import Embedding, as_embedding
from .found_words import words_in
from .stand_ins import shortened

_KEY = re.compile(r"bundle_emb\.([^.]+)\.(string_to_param\.\*|clip_l|emb_params)")


def bundled(table: Mapping[str, Any], path: Path) -> Tuple[List[Embedding], List[str]]:
    """The words of a LoRA's file, and the keys that hold them.

    Args:
        table: of the file.
        path: of it, for the error.

    Raises:
        UserError: for a word that cannot be used, or two of one name.
    """
    words: Dict[str, Embedding] = {}
    keys = [key for key in table if _KEY.fullmatch(key)]
    for key in keys:
        name = key.split(".")[1]
        # A1111 calls them as it calls files.
        for found in words_in({"string_to_param": {"*": table[key]}}, Path(name)):
            if found.token in words:
                raise UserError(f"{path}: has the word {shortened(found.token)} twice; get the file again")
            words[found.token] = as_embedding(found, {}, path)
    return list(words.values()), keys


def bundle(words: Sequence[Embedding], path: Path) -> Dict[str, Tensor]:
    """The tensors that a LoRA's file holds its words in.

    Args:
        words: that belong to the LoRA.
        path: of the file, for the error.

    Raises:
        UserError: for a word that cannot be called so there.
    """
    for word in words:
        if "." in word.token:
            raise UserError(f"{path}: words in a LoRA's file have no full stop, unlike {word.token}; rename it")
    return {f"bundle_emb.{word.token}.string_to_param.*": word.vectors.float().contiguous() for word in words}
