"""What is learned from, said before a training's first step."""

from typing import List

from ..conditions import Conditions
from ..model import Diffusion
from .data import Pictures

_SHOWN = 12
"""Classes of which the counts are said."""
_COMPARED = 1 << 30
"""Bytes of pictures in which duplicates are looked for; more would take longer than the rest of the plan."""


def about(pictures: Pictures, held_out: int, model: Diffusion) -> List[str]:
    """The lines.

    Args:
        pictures: to learn from.
        held_out: how many of them are not.
        model: to be trained.
    """
    height, width = pictures.size
    kind = "grey" if pictures.channels == 1 else "colour"
    double = pictures.duplicates() if pictures.pixels.nbytes <= _COMPARED else 0
    return [
        f"pictures   {len(pictures):,} from {pictures.path}, as {width}x{height} in {kind};"
        f" {held_out} held out{f', {double:,} are duplicates' if double > 1 else ', 1 is a duplicate' * double}",
        f"labels     {_counts(pictures)}",
        f"model      predicts {model.predicts} on {model.schedule}",
    ]


def _counts(pictures: Pictures) -> str:
    if not pictures.classes:
        return "none"
    conditions = Conditions(pictures.classes)
    counts = [f"{name} {count:,}" for name, count in pictures.counts.items()]
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    several = f" combinations of {conditions}" if len(conditions.names) > 1 else ""
    return f"{len(counts)}{several}: {', '.join(counts[:_SHOWN])}{more}"
