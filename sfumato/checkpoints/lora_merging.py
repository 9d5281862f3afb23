"""Several LoRAs as one: the weighted sum of what they add, cut to a rank by singular values.

sum_i w_i alpha_i / r_i  up_i down_i  =  U S V^T;    the first columns are the nearest matrix of their rank in the
Frobenius norm (Eckart and Young 1936). The sum is never made: up = Q R and down^T = Q' R' leave an SVD of R R'^T, which
is as small as the ranks.
"""

import math
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch

from ..errors import UserError
from .embeddings import Embedding
from .low_rank import LoraFile, LowRank
from .stand_ins import shortened


class Weighted(NamedTuple):
    """A LoRA and how much of it is added."""

    lora: LoraFile
    unet: float = 1.0
    text: float = 1.0


class Merged(NamedTuple):
    """Several LoRAs as one."""

    lora: LoraFile
    error: float
    """What the cut took away, of the whole: the Frobenius norm of the difference, relative to the sum's. 0 is exact."""


def merge_loras(given: Sequence[Weighted], rank: int) -> Merged:
    """One LoRA that adds what several do.

    Layers that need less have a smaller rank; alpha is each layer's rank. Words stay as they are, metadata is left out.

    Args:
        given: at least one.
        rank: the highest that a layer may have.

    Raises:
        UserError: for a rank below 1, two words of one name, or layers of different shapes.
    """
    if rank < 1:
        raise UserError(f"the rank of a LoRA is at least 1, got {rank}")
    cut = whole = 0.0
    parts: List[Dict[str, LowRank]] = []
    for network in ("unet", "text"):
        merged: Dict[str, LowRank] = {}
        tables = [(getattr(one.lora, network), float(getattr(one, network))) for one in given]
        for layer in dict.fromkeys(name for table, _ in tables for name in table):
            pairs = [(table[layer], weight) for table, weight in tables if layer in table]
            if len({(one.up.shape[0], *one.down.shape[1:]) for one, _ in pairs}) > 1:
                raise UserError(f"{layer}: the LoRAs have different shapes there; they are for different models")
            merged[layer], dropped, total = _nearest(pairs, rank)
            cut, whole = cut + dropped, whole + total
        parts.append(merged)
    lora = LoraFile(parts[0], parts[1], _words(given))
    return Merged(lora, math.sqrt(cut / whole) if whole else 0.0)


def _nearest(pairs: Sequence[Tuple[LowRank, float]], rank: int) -> Tuple[LowRank, float, float]:
    """The sum of one layer's, and the squares of the singular values that are not in it, and of all."""
    up = torch.cat([one.up.flatten(1).double() * (weight * one.alpha / one.rank) for one, weight in pairs], dim=1)
    down = torch.cat([one.down.flatten(1).double() for one, _ in pairs])
    (left, upper), (right, lower) = torch.linalg.qr(up), torch.linalg.qr(down.T)
    u, values, vh = torch.linalg.svd(upper @ lower.T)
    squares = values.square()
    # Of what rounding leaves nothing is kept: two LoRAs of the same layer may add what one could.
    kept = int((values > 1e-12 * values[0]).sum()) if len(values) else 0
    count = max(1, min(rank, kept))
    root = values[:count].sqrt()
    outer, inner = left @ u[:, :count] * root, root[:, None] * (vh[:count] @ right.T)
    # Which of the two has the sign is chance: the largest number of each column is positive.
    signs = outer.gather(0, outer.abs().argmax(0, keepdim=True)).sign()
    signs[signs == 0] = 1
    first = pairs[0][0]
    shape_down, shape_up = (count, *first.down.shape[1:]), (first.up.shape[0], count, *first.up.shape[2:])
    merged = LowRank((inner * signs.T).float().reshape(shape_down), (outer * signs).float().reshape(shape_up), count)
    return merged, float(squares[count:].sum()), float(squares.sum())


def _words(given: Sequence[Weighted]) -> List[Embedding]:
    words: Dict[str, Embedding] = {}
    for word in (word for one in given for word in one.lora.words):
        there = words.setdefault(word.token, word)
        if not torch.equal(there.vectors, word.vectors):
            raise UserError(f"{shortened(word.token)}: is a word of two of the LoRAs; rename one before merging")
    return list(words.values())
