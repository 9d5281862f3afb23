"""Training for so many minutes instead of so many steps.

How many steps that is, is decided once, by the pace until then: when the share of the time that comes before the
learning rate's fall is over. The number is written down, so that a run that was killed goes on to the same end, and to
the same bits, whatever its clock says then.
"""

import json
import time
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional

import torch
from accelerate.utils import broadcast

from ..checkpoints import read_json, write_text
from ..errors import UserError
from .loop import Progress, Trainer

ENDLESS = 10**9
"""LoopOptions.steps of a run whose end is not decided yet."""
_ASK_EVERY = 10
"""Steps between looks at the clock, which all processes take together."""


class _Decision(NamedTuple):
    steps: int
    """Of the whole run."""
    at: int
    """The step after which it holds: those before know of no end."""


def timed(
    trainer: "Trainer[Any]",
    steps: Iterator[Progress],
    minutes: float,
    spent: float,
    path: Path,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """The same steps, of which the trainer takes as many as the minutes allow.

    Args:
        trainer: whose options have ENDLESS steps.
        steps: of its `run`.
        minutes: of the whole run.
        spent: seconds of the run that an earlier process took.
        path: where the decision is kept.
        now: a clock in seconds.

    Raises:
        UserError: if what is kept there is no decision.
    """
    decision = _shared(trainer, _kept(path))
    if decision and trainer.steps_done >= decision.at:
        trainer.end_at(decision.steps)
    began, before = now() - spent, 1 - trainer.options.decay_share
    for progress in steps:
        elapsed = now() - began
        pace = max(progress.step, round(progress.step * 60 * minutes / max(elapsed, 1e-3)))
        if decision is None:
            trainer.expected_steps = pace
            if progress.step % _ASK_EVERY == 0 and _agreed(trainer, elapsed >= 60 * minutes * before):
                decision = _Decision(first_says(trainer, pace), progress.step)
                if trainer.accelerator.is_main_process:
                    write_text(path, json.dumps(decision._asdict()) + "\n")
        if decision and progress.step >= decision.at:
            trainer.end_at(decision.steps)
        yield progress


def _agreed(trainer: "Trainer[Any]", yes: bool) -> bool:
    return bool(first_says(trainer, int(yes)))


def _shared(trainer: "Trainer[Any]", decision: Optional[_Decision]) -> Optional[_Decision]:
    """The first process's decision: others may not see its folder as it is now."""
    steps, at = (first_says(trainer, number) for number in decision or (0, 0))
    return _Decision(steps, at) if steps else None


def first_says(trainer: "Trainer[Any]", number: int) -> int:
    """What the first process says."""
    if trainer.accelerator.num_processes == 1:
        return number
    return int(broadcast(torch.tensor(number, device=trainer.accelerator.device)).item())


def _kept(path: Path) -> Optional[_Decision]:
    if not path.exists():
        return None
    advice = "remove the file, to decide anew"
    content = read_json(path, advice, ours=True)
    steps, at = (content.get(name) for name in _Decision._fields) if isinstance(content, dict) else (None, None)
    if type(steps) is not int or type(at) is not int or not 0 < at <= steps < ENDLESS:
        raise UserError(f"{path}: says no number of steps; {advice}")
    return _Decision(steps, at)
