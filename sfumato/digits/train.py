"""Training the digit model from scratch.

RUN/state-*.safetensors     all that is needed to go on: weights, their mean, optimizers, position
RUN/log.jsonl               loss, gradient norm, learning rate and speed; judged accuracy now and then
RUN/tensorboard/            the same for TensorBoard
RUN/sheet-*.png             what the mean weights paint
RUN/digits.safetensors      the finished model
"""

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Dict, Iterator, Optional, Sequence, Tuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoints import atomic_path, load_state, save_state
from ..devices import Worker, choose_precision
from ..diffusion import training_loss
from ..errors import UserError
from ..models.digit_unet import DigitUNet, DigitUNetConfig
from ..training import LoopOptions, Loss, Muon, Progress, Trainer
from .batches import DigitBatches, seed_of
from .data import read_digits
from .evaluate import accuracies
from .figures import sheet
from .generate import Sampling, paint
from .labels import DATASETS, DIGITS, label_of
from .model import KIND, DigitModel, digit_schedule

_LOG_EVERY = 20


@dataclass
class TrainOptions:
    """Train the two-dataset digit model; run the same command again to go on with an interrupted run."""

    data: Path
    """Folder that holds mnistm/ and svhn/, each with train.csv and data/."""
    out: Path
    """Folder of the run: states, log, sample sheets, and in the end digits.safetensors."""
    start: Optional[Path] = None
    """A digits.safetensors to begin from, to train it further or on other digits; random weights by default."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    loop: LoopOptions = field(default_factory=LoopOptions)
    network: DigitUNetConfig = field(default_factory=DigitUNetConfig)
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions inside the network (Muon)."""
    adam_lr: float = 2e-3
    """Peak learning rate of everything else (AdamW)."""
    svhn_share: float = 0.7
    """Share of SVHN in each batch; it is the harder one."""
    hidden: float = 0.1
    """Share of labels hidden, for guidance."""
    time_focus: Tuple[float, float] = (0.3, 1.1)
    """Mean and standard deviation of the logit of the training times' share of 1,000."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 500
    """Steps between sample sheets and judged accuracy; 0 for never."""
    look_count: int = 10
    """Pictures of each digit and dataset in a look."""

    def settings(self) -> Dict[str, Any]:
        """What decides the resulting weights: a run goes on only with the same."""
        names = ("loop", "network", "muon_lr", "adam_lr", "svhn_share", "hidden", "time_focus", "precision")
        chosen = dataclasses.asdict(self)
        return {**{name: chosen[name] for name in names}, "start": str(self.start) if self.start else None}


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    sets = {name: read_digits(options.data / name, options.cache) for name in DATASETS}
    try:
        precision = choose_precision(Worker.here().device(), options.precision)
        accelerator = Accelerator(mixed_precision="no" if precision == "fp32" else precision)
        torch.manual_seed(options.loop.seed)
        model = _first_model(options)
        trainer = Trainer(model.network, lambda network: make_optimizers(network, options), options.loop, accelerator)
    except ValueError as error:
        raise UserError(str(error)) from None
    batches = DigitBatches(
        sets,
        options.loop.batch_size,
        options.svhn_share,
        options.hidden,
        len(model.schedule),
        options.time_focus,
        options.loop.seed,
    )
    _resume(trainer, options)
    if accelerator.is_main_process:
        with _Record(options, trainer) as record:
            for progress in record.watched(trainer.run(batches, _loss_of(model, accelerator.device))):
                record.after(progress)
        finished = options.out / "digits.safetensors"
        DigitModel(trainer.ema.network, model.schedule).save(finished, note=json.dumps(options.settings()))
        print(f"wrote {finished}")
    else:
        for _ in trainer.run(batches, _loss_of(model, accelerator.device)):
            pass
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return options.out / "digits.safetensors"


def make_optimizers(network: nn.Module, options: TrainOptions) -> Sequence[torch.optim.Optimizer]:
    """Muon for the convolutions between the first and the last, AdamW for the rest."""
    inside = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.dim() == 4 and not name.startswith(("enter", "leave"))
    ]
    taken = {id(parameter) for parameter in inside}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in taken]
    adam = torch.optim.AdamW(rest, lr=options.adam_lr, betas=(0.9, 0.99), weight_decay=0.01)
    return [Muon(inside, lr=options.muon_lr), adam]


def _first_model(options: TrainOptions) -> DigitModel:
    if options.start is None:
        return DigitModel.new(options.network)
    model = DigitModel.load(options.start)
    if model.network.config != options.network:
        raise UserError(f"{options.start}: is a network of {model.network.config}; give its shape as network options")
    model.network.train().requires_grad_(True)
    return model


def _loss_of(model: DigitModel, device: torch.device) -> Loss:
    def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, label, t, eps = (part.to(device) for part in batch)
        return training_loss(network, model.schedule, x0, t, eps, (label,), KIND)

    return loss


def _resume(trainer: Trainer[DigitUNet], options: TrainOptions) -> None:
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{options.out}: cannot be made a folder ({error.strerror}); give another output path"
        ) from None
    saved = load_state(options.out, options.settings())
    if saved:
        step, tensors = saved
        trainer.load_state(tensors, step)


class _Record:
    """What a run leaves behind, written by one process: states, log, scalars, sheets."""

    def __init__(self, options: TrainOptions, trainer: Trainer[DigitUNet]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._options, self._trainer = options, trainer
        self._scalars = SummaryWriter(str(options.out / "tensorboard"), purge_step=trainer.steps_done + 1)
        self._log: IO[str] = open(options.out / "log.jsonl", "a", encoding="utf-8")  # noqa: SIM115  closed in __exit__
        self._began = time.monotonic()

    def __enter__(self) -> "_Record":
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
