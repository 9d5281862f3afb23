"""What a training run leaves behind.

RUN/state-*.safetensors     all that is needed to go on: weights, their mean, optimizers, position
RUN/log.jsonl               loss, gradient norm, learning rate and speed; judged accuracy now and then
RUN/tensorboard/            the same for TensorBoard
RUN/sheet-*.png             what the mean weights paint
"""

import json
import time
from typing import IO, Dict, Iterator

import torch
from tqdm import tqdm

from ..checkpoints import atomic_path, save_state
from ..models.digit_unet import DigitUNet
from ..training import Progress, Trainer
from .batches import seed_of
from .evaluate import accuracies
from .figures import sheet
from .labels import DATASETS, DIGITS, label_of
from .model import DigitModel, digit_schedule
from .painting import Sampling, paint
from .train_options import TrainOptions

_LOG_EVERY = 20


class RunRecord:
    """What a run leaves behind, written by one process: states, log, scalars, sheets."""

    def __init__(self, options: TrainOptions, trainer: Trainer[DigitUNet]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._options, self._trainer = options, trainer
        self._scalars = SummaryWriter(str(options.out / "tensorboard"), purge_step=trainer.steps_done + 1)
        self._log: IO[str] = open(options.out / "log.jsonl", "a", encoding="utf-8")  # noqa: SIM115  closed in __exit__
        self._began = time.monotonic()

    def __enter__(self) -> "RunRecord":
        return self

    def __exit__(self, *what: object) -> None:
        self._log.close()
        self._scalars.close()

    def watched(self, steps: Iterator[Progress]) -> Iterator[Progress]:
        """The same steps under a bar with the time left."""
        done, total = self._trainer.steps_done, self._options.loop.steps
        with tqdm(steps, initial=done, total=total, desc="training digits", unit="step", smoothing=0.02) as bar:
            for progress in bar:
                if progress.step % _LOG_EVERY == 0:
                    bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
                yield progress

    def after(self, progress: Progress) -> None:
        """Keep what is due after a step."""
        options, last = self._options, progress.step == self._options.loop.steps
        if progress.step % _LOG_EVERY == 0 or last:
            self._write(progress.step, dict(zip(Progress._fields[1:], progress[1:])))
        if options.look_every and (progress.step % options.look_every == 0 or last):
            self._look(progress.step)
        if progress.step % options.save_every == 0 or last:
            save_state(options.out, progress.step, self._trainer.state(), options.settings())

    def _write(self, step: int, values: Dict[str, float]) -> None:
        line = {"step": step, "seconds": round(time.monotonic() - self._began, 1), **values}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()
        for name, value in values.items():
            self._scalars.add_scalar(name, value, step)

    def _look(self, step: int) -> None:
        """Paint with the mean weights, judge, and keep the sheet."""
        options = self._options
        model = DigitModel(self._trainer.ema.network, digit_schedule())
        painted, sheets = {}, []
        for dataset in DATASETS:
            digits = [digit for digit in range(DIGITS) for _ in range(options.look_count)]
            labels = [label_of(dataset, digit) for digit in digits]
            seeds = [seed_of(options.loop.seed, label, i) for i, label in enumerate(labels)]
            pixels = paint(model, labels, seeds, Sampling(), self._trainer.accelerator.device)
            painted[dataset] = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0, torch.tensor(digits))
            sheets.append(pixels.reshape(DIGITS, options.look_count, *pixels.shape[1:]))
        with atomic_path(options.out / f"sheet-{step:08d}.png") as beside:
            sheet(torch.cat(sheets, dim=1).flatten(0, 1), 2 * options.look_count).save(beside)
        self._write(step, {f"accuracy/{name}": value for name, value in accuracies(painted).items()})
