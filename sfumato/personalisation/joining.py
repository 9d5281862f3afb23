"""Concepts that were learned apart by --method custom, as one (Kumari et al. 2022, equation 4).

    W = argmin_W || W C_reg^T - W0 C_reg^T ||_F    so that    W C^T = V
    W = W0 + v^T d,    d = C (C_reg^T C_reg)^-1,    v^T = (V - W0 C^T) (d C^T)^-1

Rows of C are the states of texts in which a concept is said, V is what that concept's own weights make of them, and
rows of C_reg are states of other texts, of which as little as can be shall change. Additions that are summed answer
each concept's texts with the other's too; joined, each concept's texts are answered as its own weights did.
"""

import json
from typing import Dict, List, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import Embedding, LearnedFile
from ..errors import UserError
from ..models.additions import Addition
from ..models.stable_diffusion.tokenizer import END, VOCABULARY
from ..stable_diffusion import StableDiffusion
from .recipes import SMALL_PROMPTS, TEMPLATES

_SMALL = 64
"""Pixels: what paints fewer a side is a small world, which knows digits alone."""
_RIDGE = 1e-6
"""Of the mean of C_reg^T C_reg's diagonal, which is added to it: few texts have few directions."""


def join(model: StableDiffusion, learned: Sequence[LearnedFile]) -> LearnedFile:
    """One file that has the words of all, and additions by which each is answered as by its own.

    Args:
        model: that they were learned for, without any of their additions; it knows their words afterwards.
        learned: files of --method custom, each with a word or several that were learned together.

    Raises:
        UserError: for a file without a word, or two words of one name.
    """
    words = [word for one in learned for word in one.words]
    if not all(one.words for one in learned):
        raise UserError("--merge: a custom file without a word cannot be joined: nothing says what it is about")
    tokens = [word.token for word in words]
    twice = next((token for token in tokens if tokens.count(token) > 1), None)
    if twice is not None:
        raise UserError(f"--merge: {twice} is a word of two files; learn one of them with another --token")
    model.learn_words(words)
    concepts = [torch.cat([states_of(model, word) for word in one.words]) for one in learned]
    c, regular = torch.cat(concepts), states_of_others(model, words)
    gram = regular.T @ regular
    gram += _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    d = torch.linalg.solve(gram, c.T).T
    inverse = torch.linalg.inv(d @ c.T)
    additions: Dict[str, Addition] = {}
    for layer in dict.fromkeys(layer for one in learned for layer in one.additions):
        moved = [_moved(one, layer, states) for one, states in zip(learned, concepts)]
        additions[layer] = Addition((d.float(), (torch.cat(moved, dim=1) @ inverse).float()))
    return LearnedFile(words, additions, {"joined": json.dumps(tokens)})


def _moved(learned: LearnedFile, layer: str, states: Tensor) -> Tensor:
    """V - W0 C^T of one concept: what its addition makes of its states, [out, rows]."""
    return learned.additions[layer].delta().double() @ states.T


def states_of(model: StableDiffusion, word: Embedding) -> Tensor:
    """The states in which a word is said: of each of its vectors and of the text's end, means over texts, [rows, d]."""
    recipe = json.loads(word.metadata.get("recipe", "{}"))
    texts = TEMPLATES.get(recipe.get("texts") or recipe.get("kind", ""), TEMPLATES["object"])
    found: List[Tensor] = []
    for text in texts:
        tokens = model.tokenizer()(text.replace("{}", word.token))
        places = [place for place, one in enumerate(tokens.ids) if one >= VOCABULARY]
        found.append(_states(model, text.replace("{}", word.token))[[*places, -1]])
    return torch.stack(found).mean(dim=0)


def states_of_others(model: StableDiffusion, words: Sequence[Embedding]) -> Tensor:
    """The states of plain texts [rows, d]."""
    plain: Tuple[str, ...] = SMALL_PROMPTS if model.size < _SMALL else ()
    begun = dict.fromkeys(word.metadata.get("init", "thing") for word in words)
    said = [text.replace("{}", one) for kind in TEMPLATES.values() for text in kind for one in begun]
    return torch.cat([_states(model, text) for text in (*plain, *said)])


def _states(model: StableDiffusion, text: str) -> Tensor:
    """Of a text's tokens, its first end included, float64 [tokens, d]."""
    tokens = model.tokenizer()(text)
    end = tokens.ids.index(END) + 1
    return model.encode([tokens])[0, :end].double().cpu()
