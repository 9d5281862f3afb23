"""Training a model on anybody's own pictures.

RUN/pictures.png            some pictures as the network sees them
RUN/sheet-00000500.png      what it paints, from the same noises at every look
RUN/model.safetensors       the finished model
and what every training leaves: states, log.jsonl, TensorBoard, run.json (`training/record.py`).
"""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Union

from torch import Tensor, nn

from ..checkpoints import load_state
from ..conditions import Conditions
from ..devices import Worker
from ..diffusion.schedules import described
from ..errors import UserError
from ..images import save_image
from ..model import Diffusion
from ..models.registry import name_of
from ..models.unet import UNet
from ..runs import open_folder, refuse_file
from ..training import ENDLESS, LoopOptions, Trainer, resume, run_recorded, start
from .batches import PictureBatches
from .data import Pictures, kept_apart
from .generate import MODEL, paint_command
from .looks import Looks
from .plan import pace_of, plan
from .training import Training

_OUTSIDE = ("network.enter.", "network.leave.")
"""The first and the last layer of a UNet, which are AdamW's."""


def train(
    model: Diffusion,
    pictures: Pictures,
    out: Union[str, Path],
    training: Optional[Training] = None,
    start: Any = None,
    plan_only: bool = False,
    **settings: Any,
) -> Diffusion:
    """Train a model, or go on with a run of the same settings in `out`.

    Args:
        model: whose shape and classes are the pictures'.
        pictures: to learn from; min(200, a tenth) are held out.
        out: the run's folder.
        training: how; Training's defaults otherwise.
        start: what the weights began from, for the note of the run.
        plan_only: whether only the plan is made and said.
        settings: of Training or LoopOptions by name, such as steps, minutes, batch_size or seed.

    Returns:
        The model, with the running mean of its weights, in eval mode; it lies in `out` too.

    Raises:
        UserError: for settings that cannot be trained with, or a folder that holds another run.
        TypeError: for settings that there are not.
    """
    training, out = _chosen(training or Training(), settings), Path(out)
    training.check()
    _match(model, pictures, training)
    refuse_file(out)
    steps = training.loop.steps if training.minutes is None else ENDLESS
    trainer, batches = _trainer(model, training, steps), _batches(model, pictures, training)
    note = _note(model, pictures, training, start, trainer.accelerator.mixed_precision)
    if plan_only:
        load_state(out, note)  # a folder of another run is refused
    else:
        resume(trainer, out, note, "pictures train")
    if trainer.accelerator.is_main_process:
        _say_plan(model, pictures, out, training)
    if plan_only:
        return model
    _run(trainer, batches, Looks(pictures, kept_apart(pictures)[1], training.loop.seed), out, training, note)
    model.load_state_dict(trainer.ema.network.state_dict())
    if trainer.accelerator.is_main_process:
        print(paint_command(model, out))
    return model.eval().requires_grad_(False)


def _run(
    trainer: "Trainer[Diffusion]",
    batches: PictureBatches,
    looks: Looks,
    out: Path,
    training: Training,
    note: Dict[str, Any],
) -> None:
    """Train to the end, looking on the way; the finished model is written."""

    def look(step: int) -> Dict[str, float]:
        mean = trainer.ema.network
        save_image(looks.sheet(mean), out / f"sheet-{step:08d}.png")
        return {"loss/held_out": looks.loss(mean, trainer.accelerator.device)}

    def finish(mean: Diffusion) -> Path:
        mean.save(out / MODEL, note=json.dumps(note, default=str))
        return out / MODEL

    intervals = {"save_every": training.save_every, "look_every": training.look_every}
    record = {"out": out, "settings": note, "what": "pictures", "look": look, **intervals}
    run_recorded(trainer, batches, _loss, finish, training.minutes, **record)


def _loss(wrapped: nn.Module, batch: Sequence[Tensor]) -> Tensor:
    device = next(wrapped.parameters()).device
    rows: Tensor = wrapped(*(part.to(device) for part in batch))
    return rows


def _match(model: Diffusion, pictures: Pictures, training: Training) -> None:
    shape, theirs = pictures.pixels.shape[1:], Conditions(pictures.classes)
    if model.shape != shape or str(model.conditions) != str(theirs):
        raise UserError(
            f"a model of pictures {model.shape} in {model.conditions} cannot learn {pictures.path}: pictures {shape} in"
            f" {theirs}"
        )
    if training.turn and pictures.size[0] != pictures.size[1]:
        raise UserError(f"turn is for squares, and pictures are {pictures.size[1]}x{pictures.size[0]}; leave it out")


def _note(model: Diffusion, pictures: Pictures, training: Training, start: Any, precision: str) -> Dict[str, Any]:
    """All that decides the weights."""
    name = name_of(model.network)
    made = {"network": name, "config": dataclasses.asdict(model.network.config) if name else {}, "loss": model.loss}
    from_what = {"pictures": pictures.identity, "start": start, "precision": precision}
    return {
        **training.settings(),
        **made,
        **from_what,
        "schedule": described(model.schedule),
        "predicts": model.predicts,
    }


def _batches(model: Diffusion, pictures: Pictures, training: Training) -> PictureBatches:
    null = model.null if model.classes else None
    views = (training.hidden, training.even, training.flip, training.turn)
    draws = (*views, training.time_focus, training.loop.seed)
    return PictureBatches(pictures, kept_apart(pictures)[0], training.loop.batch_size, model.schedule, null, *draws)


def _chosen(training: Training, settings: Dict[str, Any]) -> Training:
    loops = {one.name for one in dataclasses.fields(LoopOptions)}
    loop = {name: value for name, value in settings.items() if name in loops}
    rest = {name: value for name, value in settings.items() if name not in loops}
    return dataclasses.replace(training, loop=dataclasses.replace(training.loop, **loop), **rest)


def _trainer(model: Diffusion, training: Training, steps: int) -> "Trainer[Diffusion]":
    loop = dataclasses.replace(training.loop, steps=steps)
    # Which layers of a network of one's own are its first and last is not known, so all of it is AdamW's.
    ours = isinstance(model.network, UNet)
    model.train().requires_grad_(True)
    return start(model, loop, training.precision, training.muon_lr, training.adam_lr, _OUTSIDE, (4,) if ours else ())


def _say_plan(model: Diffusion, pictures: Pictures, out: Path, training: Training) -> None:
    """Print the plan, and leave the sheet of what the network will see."""
    held_out, pace = kept_apart(pictures)[1], ""
    save_image(
        Looks(pictures, held_out, training.loop.seed).seen(training.flip, training.turn),
        open_folder(out) / "pictures.png",
    )
    steps, minutes = training.loop.steps, training.minutes
    if Worker.here().world == 1:
        # A copy: what is tried must not be learned.
        tried = _trainer(copy.deepcopy(model), training, ENDLESS)
        pace = pace_of(tried, _batches(model, pictures, training), _loss, steps, minutes)
    print(plan(model, pictures, len(held_out), out / MODEL, steps, minutes, pace))
    print(paint_command(model, out))
