"""Schedules: how much picture and how much noise there is at each time. One kind a file; `base.py` says what one is."""

from typing import Any, Callable, Dict

import torch

from ..names import named
from .base import Schedule, Spacing, Time
from .edm import EDMSchedule
from .flow import FlowSchedule
from .tables import CLEAN, CosineSchedule, LinearSchedule, ScaledLinearSchedule, TableSchedule

SCHEDULES: Dict[str, Callable[..., Schedule]] = {
    "linear": LinearSchedule,
    "scaled-linear": ScaledLinearSchedule,
    "cosine": CosineSchedule,
    "flow": FlowSchedule,
    "edm": EDMSchedule,
}
"""Schedules by the names that commands and files take; tests run over all of them."""


def described(schedule: Schedule) -> Dict[str, Any]:
    """A schedule as JSON can hold it: its name, and what `make_schedule` needs beside it."""
    name = next((name for name, make in SCHEDULES.items() if schedule == make()), None)
    return schedule.content() if name is None else {"name": name}


def make_schedule(name: str, **options: Any) -> Schedule:
    """The schedule of that name; "table" is one of any alpha_bar, a list of numbers.

    Raises:
        ValueError: for an unknown name, or options that it does not have.
    """
    if name == "table" and set(options) == {"alpha_bar"}:
        return TableSchedule(torch.tensor(options["alpha_bar"], dtype=torch.float64))
    make = named(SCHEDULES, name, "schedule")
    try:
        return make(**options)
    except TypeError:
        raise ValueError(f"the schedule {name} has no {' or '.join(options)}") from None
