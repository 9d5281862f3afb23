"""What a training run leaves behind, and going on from it.

RUN/state-*.safetensors     all that is needed to go on: weights, their mean, optimizers, position
RUN/run.json                the command and its settings
RUN/log.jsonl               loss, gradient norm, learning rate and speed; what the task measures now and then
RUN/tensorboard/            the same for TensorBoard
"""

import json
import re
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, Mapping, Optional, TypeVar

from torch import nn

from ..bars import Bar
from ..checkpoints import Saved, load_state, not_finite, save_state, write_text
from ..errors import UserError
from ..runs import read_log
from .clock import ENDLESS, timed
from .loop import Draw, LoopOptions, Loss, Progress, Trainer

LOG = "log.jsonl"
_LOG_EVERY = 20
_OF_A_STEP = re.compile(r"(?:sheet|preview|step)-(\d{6,})\.(?:png|safetensors)")
"""What looks leave."""

Network = TypeVar("Network", bound=nn.Module)

Look = Callable[[int], Mapping[str, float]]
"""step -> what the task measured then, by name; it may leave pictures beside."""


class RunRecord:
    """What a run leaves behind, written by one process.

    Args:
        out: the run's folder.
        trainer: the run.
        settings: those that decide the resulting weights.
        what: is being trained, in a word or two, for the bar.
        save_every: steps between saved states.
        look: called every `look_every` steps and after the last; never where that is 0.
        look_every: steps between looks.
    """

    def __init__(
        self,
        out: Path,
        trainer: "Trainer[Any]",
        settings: Mapping[str, Any],
        what: str,
        save_every: int,
        look: Look,
        look_every: int,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._out, self._trainer, self._settings, self._what = out, trainer, settings, what
        self._save_every, self._look, self._look_every = save_every, look, look_every
        self._scalars = SummaryWriter(str(out / "tensorboard"), purge_step=trainer.steps_done + 1)
        log = out / LOG
        self._began = time.monotonic() - _kept_log(log, trainer.steps_done)
        self._log: IO[str] = open(log, "a", encoding="utf-8")  # noqa: SIM115  closed in __exit__

    def __enter__(self) -> "RunRecord":
        return self

    def __exit__(self, *what: object) -> None:
        self._log.close()
        self._scalars.close()

    def watched(self, steps: Iterator[Progress]) -> Iterator[Progress]:
        """The same steps under a bar with the time left, everything kept that is due after each."""
        done, total = self._trainer.steps_done, self._trainer.expected_steps
        known = None if total == ENDLESS else total
        with Bar(steps, initial=done, total=known, desc=f"training {self._what}", unit="step", smoothing=0.02) as bar:
            for progress in bar:
                bar.total = self._trainer.expected_steps
                if progress.step % _LOG_EVERY == 0:
                    bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
                self._after(progress)
                yield progress

    def _after(self, progress: Progress) -> None:
        step, last = progress.step, progress.step == self._trainer.options.steps
        if step % _LOG_EVERY == 0 or last:
            self._write(step, dict(zip(Progress._fields[1:], progress[1:])))
        look = self._look_every and (step % self._look_every == 0 or last)
        save = step % self._save_every == 0 or last
        if (look or save) and not_finite(self._trainer.network.state_dict()):
            # Here and not at every step: the next loss would say it too, but what is saved must be sound.
            raise FloatingPointError(
                f"the weights are no longer finite after step {step}; lower the learning rate, or train in fp32"
            )
        if look:
            self._write(step, self._look(step))
        if save:
            steady = self._trainer.options.steady
            save_state(self._out, step, self._trainer.state(), self._settings, steady)

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        line: Dict[str, float] = {"step": step, "seconds": round(time.monotonic() - self._began, 1), **values}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()
        for name, value in values.items():
            self._scalars.add_scalar(name, value, step)


def _kept_log(path: Path, steps: int) -> float:
    """Leave in a log only the lines of the run's first steps: later ones come again. Returns their seconds.

    A run that was killed logged steps after its last saved state, and may have cut its last line off.
    """
    kept = _lines_of(path, steps)
    write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
    return seconds_of(path, steps)


def _lines_of(path: Path, steps: int) -> List[Dict[str, float]]:
    return [line for line in read_log(path) if line["step"] <= steps]


def seconds_of(path: Path, steps: int) -> float:
    """How long a run took for its first steps, by its log; looks and saving count."""
    kept = _lines_of(path, steps)
    return float(kept[-1].get("seconds", 0.0)) if kept else 0.0


def log_before(out: Path, seconds: float, values: Mapping[str, float]) -> None:
    """Log what was done before the first step: its time is the run's.

    Args:
        out: the run's folder, without a log.
        seconds: that it took.
        values: what it is worth, by name.
    """
    write_text(out / LOG, json.dumps({"step": 0, "seconds": round(seconds, 1), **values}) + "\n")


def resume(trainer: "Trainer[Any]", out: Path, settings: Mapping[str, Any]) -> None:
    """Stand where a run of the same settings in a folder stopped.

    A run of another length goes on as if its steps had been asked for at the start, where a state is there from before
    the two learning rates part; else it is said that it does not.

    Args:
        trainer: at its first step.
        out: the folder.
        settings: those that decide the resulting weights.

    Raises:
        UserError: if the folder holds a run of other settings, more steps than are asked for, or damaged states only.
    """
    steps = trainer.options.steps
    saved = load_state(out, settings, lambda one: _as_from_start(one, trainer.options))
    if saved is None:
        saved = load_state(out, settings)
        if saved and saved.step > steps:
            raise UserError(f"{out}: holds a run that is at step {saved.step:,}; give more --steps, or another folder")
        if saved:
            warnings.warn(
                f"{out}: no state is kept from before the learning rate fell, so this goes on from step {saved.step:,}"
                f" to other weights than {steps:,} steps from the start",
                stacklevel=2,
            )
    elif _steps_of(saved, steps) != steps and trainer.accelerator.is_main_process:
        print(f"goes on from step {saved.step:,}, as a run of {steps:,} steps from the start")
    if saved:
        trainer.load_state(saved.tensors, saved.step)
    if trainer.accelerator.is_main_process:
        _forget_later(out, saved.step if saved else 0)


def _forget_later(out: Path, step: int) -> None:
    """Remove what a run left after a step: it comes again, or another length has no such look."""
    for path in [*out.glob("*"), *out.glob("words/*")]:
        found = _OF_A_STEP.fullmatch(path.name)
        if found and int(found.group(1)) > step:
            path.unlink()


def _steps_of(saved: Saved, otherwise: int) -> int:
    """How many steps the run was to have that saved a state; of minutes, and of runs that do not say it, the other."""
    loop = saved.settings.get("loop")
    steps = loop.get("steps") if isinstance(loop, dict) else None
    return steps if isinstance(steps, int) else otherwise


def _as_from_start(saved: Saved, options: LoopOptions) -> bool:
    """Whether a run of these options would have come to the same state."""
    theirs = replace(options, steps=_steps_of(saved, options.steps))
    return theirs == options or saved.step <= min(theirs.steady, options.steady)


def run_recorded(
    trainer: "Trainer[Network]",
    draw: Draw,
    loss: Loss,
    finish: Callable[[Network], Path],
    minutes: Optional[float] = None,
    **record: Any,
) -> None:
    """Train to the end: one process keeps the record and finishes, the others only work.

    Args:
        trainer: where it stands.
        draw: see `Trainer.run`.
        loss: see there.
        finish: writes the finished model, given the mean weights' network; returns its path.
        minutes: that the run takes, in place of a number of steps; see `timed`.
        record: RunRecord's arguments but for the trainer.

    Raises:
        UserError: if the loss is no longer finite.
    """
    steps = trainer.run(draw, loss)
    if minutes is not None:
        out = record["out"]
        steps = timed(trainer, steps, minutes, seconds_of(out / LOG, trainer.steps_done), out / "clock.json")
    try:
        if trainer.accelerator.is_main_process:
            with RunRecord(trainer=trainer, **record) as kept:
                for _ in kept.watched(steps):
                    pass
            print(f"wrote {finish(trainer.ema.network)}")
        else:
            for _ in steps:
                pass
    except FloatingPointError as error:
        raise UserError(str(error)) from None
