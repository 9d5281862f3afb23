"""What a training would do, said before its first step."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Optional

from ..conditions import Conditions
from ..devices import peak_memory
from ..model import Diffusion
from ..training import Draw, Loss, Trainer
from .data import Pictures

_TRIED = 3
"""Steps on this machine; the first one warms up and does not count."""
_SHOWN = 12
"""Classes of which the counts are said."""
_GIB = 2**30
_COMPARED = _GIB
"""Bytes of pictures in which duplicates are looked for; more would take longer than the rest of the plan."""


def plan(
    model: Diffusion, pictures: Pictures, held_out: int, weights: Path, steps: int, minutes: Optional[float], pace: str
) -> str:
    """The lines.

    Args:
        model: to be trained.
        pictures: to learn from.
        held_out: how many of them are not.
        weights: where the finished model will lie.
        steps: of the run, where no minutes are given.
        minutes: of the run.
        pace: seconds a step and memory, in words; empty where they were not measured.
    """
    height, width = pictures.size
    kind = "grey" if pictures.channels == 1 else "colour"
    double = pictures.duplicates() if pictures.pixels.nbytes <= _COMPARED else 0
    lines = [
        f"pictures   {len(pictures):,} from {pictures.path}, as {width}x{height} in {kind};"
        f" {held_out} held out{f', {double} are duplicates' if double else ''}",
        f"labels     {_counts(pictures)}",
        f"network    {sum(one.numel() for one in model.network.parameters()) / 1e6:.1f} million parameters,"
        f" predicts {model.predicts} on {model.schedule}",
        f"length     {f'{steps:,} steps' if minutes is None else f'{minutes:g} minutes'}{pace}",
        f"seen       {weights.parent / 'pictures.png'} shows some pictures as the network sees them",
        f"weights    {weights}",
    ]
    return "\n".join(lines)


def pace_of(trainer: "Trainer[Any]", draw: Draw, loss: Loss, steps: int, minutes: Optional[float]) -> str:
    """Seconds a step, memory, and when the run will be finished, by a few steps of a trainer that is then dropped."""
    walk = trainer.run(draw, loss)
    next(walk)
    began = time.perf_counter()
    for _ in range(_TRIED - 1):
        next(walk)
    seconds = (time.perf_counter() - began) / (_TRIED - 1)
    left = 60 * minutes if minutes is not None else seconds * steps
    about = "" if minutes is None else f" (about {left / seconds:,.0f} steps)"
    end = datetime.now() + timedelta(seconds=left)
    peak = peak_memory()
    memory = "" if peak is None else f", {peak / _GIB:.1f} GiB of memory"
    return f"{about}, {seconds:.2f} s a step here{memory}; finished {end:%Y-%m-%d %H:%M}"


def _counts(pictures: Pictures) -> str:
    if not pictures.classes:
        return "none"
    conditions = Conditions(pictures.classes)
    counts = [f"{name} {count:,}" for name, count in pictures.counts.items()]
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    several = f" combinations of {conditions}" if len(conditions.names) > 1 else ""
    return f"{len(counts)}{several}: {', '.join(counts[:_SHOWN])}{more}"
