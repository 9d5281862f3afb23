"""How long a training will take on this machine, by a few steps of it."""

import time
from datetime import datetime, timedelta
from typing import Any, Optional

from ..devices import peak_memory
from .loop import Draw, Loss, Trainer

_TRIED = 3
"""Steps; the first one warms up and does not count."""
_GIB = 2**30


def seconds_a_step(trainer: "Trainer[Any]", draw: Draw, loss: Loss) -> Optional[float]:
    """How long a step takes, by a few of a trainer that is then dropped; None where the loss explodes at once.

    Args:
        trainer: at its first step.
        draw, loss: see `Trainer.run`.
    """
    # Of a run that is shorter than what is tried too.
    trainer.end_at(_TRIED)
    walk = trainer.run(draw, loss)
    try:
        next(walk)
        began = time.perf_counter()
        for _ in walk:
            pass
    except FloatingPointError:
        return None  # which the run will tell, with what to do
    return (time.perf_counter() - began) / (_TRIED - 1)


def pace_in_words(seconds: Optional[float], left: float, in_minutes: bool) -> str:
    """Seconds a step, memory, and when a run will be finished.

    Args:
        seconds: see `seconds_a_step`.
        left: steps that the run will still take, or minutes.
        in_minutes: which of them.
    """
    if seconds is None:
        return ""
    ahead = 60 * left if in_minutes else seconds * left
    about = f" (about {ahead / seconds:,.0f} steps)" if in_minutes else ""
    end = datetime.now() + timedelta(seconds=ahead)
    peak = peak_memory()
    memory = "" if peak is None else f", {peak / _GIB:.1f} GiB of memory"
    return f"{about}, {seconds:.2f} s a step here{memory}; finished {end:%Y-%m-%d %H:%M}"
