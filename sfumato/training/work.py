"""One training from its first step to its finished weights, whatever is trained.

A job says what is its own, as a Work: the network, what a step learns from, the loss, what is looked at on the way, and
how the finished weights are written. All else is the same for all jobs and stands here once.
"""

import contextlib
import copy
import dataclasses
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Dict, Generic, List, Mapping, Optional, Sequence, TypeVar

import torch
from torch import Tensor, nn

from ..checkpoints import but_length, load_state
from ..devices import Worker, placed
from ..outputs import holding, open_folder, refuse_file
from ..runs import open_run, shown_by
from .alignment import Aligned, Alignment, aligned, aligned_loss, with_features
from .alignment_options import AlignedLoop
from .clock import ENDLESS
from .loop import Draw, Loss, Trainer
from .options import TrainingOptions
from .pace import pace_in_words, seconds_a_step
from .processes import agreed, company
from .record import LOG, resume, run_recorded, seconds_of
from .setup import make_optimizers, start

Network = TypeVar("Network", bound=nn.Module)


class Work(ABC, Generic[Network]):
    """What a training learns, and what it leaves.

    Attributes:
        command: that trains, such as "digits train".
        what: is trained, in a word or two, for the bar.
        network: with its first weights.
        weights: where the finished ones will lie, in the folder of the run.
        made: all that decides them but for the training's options.
        ends: how the names of the network's first and last layers begin, which are AdamW's.
        dims: of the weights inside that are Muon's: 4 are convolutions, 2 the matrices of transformers.
        seen: what the sheet of what is learned is called, in the folder of the run; empty where there is nothing yet.
        keep_at: the step whose mean weights are kept beside the last ones; 0 for none.
        mean: the network of the mean weights, once it is trained.
        kept: that of the mean weights after keep_at steps, once it is trained; None where there were not so many.
        alignment: what the network is drawn to while it learns, if anything.
    """

    command: str
    what: str
    network: Network
    weights: Path
    made: Dict[str, Any]
    ends: Sequence[str] = ()
    dims: Sequence[int] = (4,)
    seen: str = "pictures.png"
    keep_at: int = 0
    mean: Optional[Network] = None
    kept: Optional[Network] = None
    alignment: Optional[Alignment] = None

    def optimizers(self, network: Network, training: TrainingOptions, dtype: torch.dtype) -> Sequence[Any]:
        """Of the network's parameters, or of an `Aligned` one's; see `make_optimizers`."""
        ends = self.ends if self.alignment is None else ["projection.", *(f"model.{end}" for end in self.ends)]
        return make_optimizers(network, training.muon_lr, training.adam_lr, ends, dtype, self.dims)

    @abstractmethod
    def prepared(self, device: torch.device) -> Draw:
        """What each step learns from; what takes long is done here, under a bar."""

    def tried(self, device: torch.device) -> Draw:
        """The same for the few steps that measure the pace; only the shapes matter."""
        return self.prepared(device)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Of each row [rows]; what the network answers, as a Diffusion does.

        Args:
            network: that learns, as the processes share it.
            batch: what was drawn, on the network's device.
        """
        rows: Tensor = network(*batch)
        return rows

    @abstractmethod
    def look(self, step: int, mean: Network) -> Mapping[str, float]:
        """What the mean weights are worth, by name; pictures are left in the folder of the run."""

    @abstractmethod
    def finish(self, mean: Network, settings: Mapping[str, Any]) -> Path:
        """Write the finished weights; the path."""

    def settings(self, training: TrainingOptions, precision: str) -> Dict[str, Any]:
        """All that decides the weights, as the run's note has it."""
        return {**training.settings(), **self.made, "precision": precision}

    @abstractmethod
    def about(self) -> List[str]:
        """Lines on what is learned from."""

    @abstractmethod
    def leave_sheet(self, path: Path) -> None:
        """Leave a sheet of what the network will see."""

    def then(self) -> str:
        """What uses the finished weights, as one types it; empty where that takes more than them."""
        return ""


def run(work: "Work[Network]", training: TrainingOptions, out: Path) -> Path:
    """Train, or go on with a run of the same settings in a folder; `work.mean` is then the network that it came to.

    Args:
        work: what is learned.
        training: how.
        out: the folder.

    Returns:
        The file of the finished weights; not there yet where only the plan was asked for.

    Raises:
        UserError: for what cannot be used, before the first step; if the loss is no longer finite.
    """
    training.check()
    refuse_file(out)
    with company() as others:
        agreed(work.settings(training, training.precision))
        trainer = _trainer(work, work.network, training)
        others.steps_done = lambda: trainer.steps_done
        settings = work.settings(training, trainer.accelerator.mixed_precision)
        (_plan if training.plan else _train)(work, training, trainer, settings, out)
    for network in (trainer.network, trainer.ema.network, trainer.kept):
        if isinstance(network, Aligned):
            network.release()
    trainer.accelerator.end_training()
    if work.mean is not None and trainer.accelerator.is_main_process:
        print(work.then() or shown_by(out))
    return work.weights


def _plan(
    work: "Work[Network]", training: TrainingOptions, trainer: "Trainer[Network]", settings: Dict[str, Any], out: Path
) -> None:
    """Only say what would be done; a folder of another run is refused."""
    load_state(out, settings)
    if trainer.accelerator.is_main_process:
        with holding(out):
            _say_plan(work, training, trainer, out)


def _train(
    work: "Work[Network]", training: TrainingOptions, trainer: "Trainer[Network]", settings: Dict[str, Any], out: Path
) -> None:
    """Train from where the run in a folder stands to its end; the first process holds the folder."""
    accelerator = trainer.accelerator

    def finish(mean: Network) -> Path:
        work.kept = _model(trainer.kept)
        return work.finish(_model(mean), settings)

    with contextlib.ExitStack() as held:
        if accelerator.is_main_process:
            held.enter_context(open_run(out, work.command, settings, Worker.here(), compared=but_length))
        accelerator.wait_for_everyone()
        resume(trainer, out, settings)
        agreed({"precision": accelerator.mixed_precision, "saved steps": trainer.steps_done})
        if accelerator.is_main_process:
            _say_plan(work, training, trainer, out)
        drawn_to, draw = work.alignment, work.prepared(accelerator.device)
        loss = _on(accelerator.device, work) if drawn_to is None else aligned_loss(work.loss, drawn_to, trainer, out)
        run_recorded(
            trainer,
            draw,
            loss,
            finish,
            training.minutes,
            out=out,
            settings=settings,
            what=work.what,
            save_every=training.save_every,
            look=lambda step: work.look(step, _model(trainer.ema.network)),
            look_every=training.look_every,
        )
    work.mean, work.kept = _model(trainer.ema.network), _model(trainer.kept)


def pace_of(work: "Work[Any]", training: TrainingOptions) -> Optional[float]:
    """Seconds that a step of a training takes on this machine, by a few that are not kept; see `seconds_a_step`."""
    if isinstance(training.loop, AlignedLoop):
        # The few steps are all like the first ones, which take longest.
        training = dataclasses.replace(training, loop=dataclasses.replace(training.loop, align_share=1.0))
    # A copy: what is tried must not be learned.
    tried = _trainer(work, copy.deepcopy(work.network), training)
    device = tried.accelerator.device
    loss = _on(device, work)
    if work.alignment is not None:
        loss = with_features(work.loss, work.alignment.untrained(), tried)
    return seconds_a_step(tried, work.tried(device), loss)


def _trainer(work: "Work[Network]", network: Network, training: TrainingOptions) -> "Trainer[Network]":
    steps = training.loop.steps if training.minutes is None else ENDLESS
    loop = dataclasses.replace(training.loop, steps=steps)
    learning: Any = network
    if work.alignment is not None:
        assert isinstance(loop, AlignedLoop)
        learning = aligned(network, work.alignment, work.tried(torch.device("cpu"))(0, slice(0, 1)), loop)
    trainer = start(learning, loop, training.precision, lambda one, dtype: work.optimizers(one, training, dtype))
    trainer.keep_at = work.keep_at
    return trainer


def _on(device: torch.device, work: "Work[Any]") -> Loss:
    return lambda network, batch: work.loss(network, [placed(part, device) for part in batch])


def _model(network: Any) -> Any:
    """What an `Aligned` holds; other networks as they are."""
    return network.model if isinstance(network, Aligned) else network


def _say_plan(work: "Work[Any]", training: TrainingOptions, trainer: "Trainer[Any]", out: Path) -> None:
    """Print what will be done, and leave the sheet of what the network will see."""
    lines = work.about()
    parameters = sum(one.numel() for one in work.network.parameters() if one.requires_grad)
    lines.append(f"learned    {parameters:,} parameters")
    done, minutes = trainer.steps_done, training.minutes
    left = training.loop.steps - done if minutes is None else minutes - seconds_of(out / LOG, done) / 60
    length = f"{training.loop.steps:,} steps" if minutes is None else f"{minutes:g} minutes"
    if trainer.accelerator.num_processes == 1 and left > 0:
        length += pace_in_words(pace_of(work, training), left, minutes is not None)
    lines.append(f"length     {length}")
    if work.seen:
        sheet = open_folder(out) / work.seen
        work.leave_sheet(sheet)
        lines.append(f"seen       {sheet} shows some as the network sees them")
    print("\n".join([*lines, f"weights    {work.weights}", *filter(None, [work.then()])]))
