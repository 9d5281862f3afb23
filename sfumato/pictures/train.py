"""Training a model on pictures: anybody's own, and those of the jobs.

RUN/pictures.png            some pictures as the network sees them
RUN/sheet-00000500.png      what it paints, from the same noises at every look
RUN/model.safetensors       the finished model
and what every training leaves: states, log.jsonl, TensorBoard, run.json (`training/record.py`).
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

import torch
from torch import nn

from ..conditions import Conditions
from ..diffusion.schedules import described
from ..errors import UserError
from ..images import save_image
from ..model import Diffusion
from ..models.picture_encoder import EncoderConfig
from ..models.registry import NETWORKS, name_of
from ..runs import file_identity
from ..training import AlignedLoop, Alignment, Draw, Work, run
from ..training.alignment import module_of
from .batches import PictureBatches
from .data import Pictures, kept_apart
from .encoders import Drawn, alignment_of
from .generate import MODEL, paint_command
from .given_encoder import GivenAlignment, encoder_identity
from .looks import Looks
from .plan import about
from .train_classifier import BATCH
from .training import Training

_SEEN_AT_ONCE = 32
"""Pictures that an encoder of one's own sees together before the first step."""


class PictureWork(Work[Diffusion]):
    """A model and the pictures that it learns; a job says in what else it differs.

    Args:
        model: with its first weights.
        pictures: to learn from.
        out: the run's folder.
        training: how.
        start: what the first weights came from, for the note of the run.
        encoder: a module to align to, in place of `training.encoder`; see `GivenAlignment`.

    Attributes:
        kind: makes the batches; a job has its own where it draws otherwise.
    """

    kind: Callable[..., PictureBatches] = PictureBatches
    command, what = "pictures train", "pictures"
    file = MODEL
    """The finished model in the run's folder."""

    def __init__(
        self,
        model: Diffusion,
        pictures: Pictures,
        out: Path,
        training: Training,
        start: Any = None,
        encoder: Optional[nn.Module] = None,
    ) -> None:
        shape, theirs = pictures.pixels.shape[1:], Conditions(pictures.classes)
        if model.shape != shape or str(model.conditions) != str(theirs):
            raise UserError(
                f"a model of pictures {model.shape} in {model.conditions} cannot learn {pictures.path}: pictures"
                f" {shape} in {theirs}"
            )
        if training.turn and pictures.size[0] != pictures.size[1]:
            height, width = pictures.size
            raise UserError(f"turn is for squares, and pictures are {width}x{height}; leave it out")
        # What is trained has no weak network; that of a model to begin from stays one, where no other is kept.
        self.weak, self.keep_at = model.weak, training.weak_at
        self.network, self.weights = model.with_weak(None).train().requires_grad_(True), out / self.file
        self.pictures, self.training = pictures, training
        self.places, held_out = kept_apart(pictures, training.held_out)
        self.looks = Looks(pictures, held_out, training.loop.seed)
        name = name_of(model.network)
        # Which layers of a network of one's own are its first and last is not known, so all of it is AdamW's.
        self.ends = [f"network.{end}" for end in NETWORKS[name].ends] if name else []
        self.dims = (4,) if name else ()
        config = dataclasses.asdict(model.network.config) if name else {}
        of_model = {"schedule": described(model.schedule), "predicts": model.predicts, "loss": model.loss}
        self.made = {"network": name, "config": config, **of_model, "pictures": pictures.identity, "start": start}
        self.made["encoder"] = file_identity(training.encoder) if encoder is None else encoder_identity(encoder)
        self.alignment = self._alignment(name, encoder)

    def _alignment(self, name: str, encoder: Optional[nn.Module]) -> Optional[Alignment]:
        """With the block in the middle of a network of ours, or the one that is named."""
        training, model = self.training, self.network
        if not training.loop.align:
            if encoder is not None:
                raise UserError("encoder: does nothing without alignment; give align too, such as align=0.5")
            return None
        block = training.align_block or (NETWORKS[name].middle(model.network.config) if name else "")
        if not block:
            raise UserError("--align-block: say which block of your network is to be aligned, or leave --align at 0")
        module_of(model.network, block)
        assert model.shape is not None, "it is the pictures'"
        block, folder = f"network.{block}", self.weights.parent
        if encoder is not None:
            return GivenAlignment(block, encoder, tuple(model.shape), self._clean(_SEEN_AT_ONCE), training.loop.seed)
        config = EncoderConfig(model.shape[0], model.shape[1:], tuple(map(len, model.conditions.names)))
        return alignment_of(training, folder, block, config, self._clean(BATCH))

    def _clean(self, count: int) -> Drawn:
        # A job says what its batches are once all else is made.
        return lambda source: self.batches(count).clean(source)

    def prepared(self, device: torch.device) -> Draw:
        """Batches of the pictures that are not held out."""
        return self.batches()

    def batches(self, batch_size: Optional[int] = None) -> PictureBatches:
        """As the training says, or of another size."""
        model, training = self.network, self.training
        return self.kind(
            self.pictures,
            self.places,
            batch_size or training.loop.batch_size,
            model.schedule,
            model.null if model.classes else None,
            training.hidden,
            training.even,
            training.flip,
            training.turn,
            training.time_focus,
            training.loop.seed,
        )

    def look(self, step: int, mean: Diffusion) -> Mapping[str, float]:
        """A sheet from the same noises, and the loss of the held-out pictures."""
        save_image(self.looks.sheet(mean), self.weights.parent / f"sheet-{step:08d}.png")
        return self.looks.loss(mean)

    def finish(self, mean: Diffusion, settings: Mapping[str, Any]) -> Path:
        """Write the model, with its weak network if it has one."""
        if self.keep_at and self.kept is None:
            print(f"it took fewer than the {self.keep_at:,} steps of --weak-at, and keeps no weak network of its own")
        self.finished(mean).save(self.weights, note=json.dumps(settings, default=str))
        return self.weights

    def finished(self, mean: Diffusion) -> Diffusion:
        """The trained model with its weak network: the one that was kept, or that of the model it began from."""
        return mean.with_weak(self.weak if self.kept is None else self.kept)

    def about(self) -> List[str]:
        """On the pictures and the network."""
        return about(self.pictures, len(self.pictures) - len(self.places), self.network)

    def leave_sheet(self, path: Path) -> None:
        """Some pictures, the classes in turn."""
        save_image(self.looks.seen(self.training.flip, self.training.turn), path)

    def then(self) -> str:
        """What paints with the weights."""
        return paint_command(self.network, self.weights.parent)


def train(
    model: Diffusion,
    pictures: Pictures,
    out: Union[str, Path],
    training: Optional[Training] = None,
    start: Any = None,
    encoder: Union[str, Path, nn.Module, None] = None,
    **settings: Any,
) -> Diffusion:
    """Train a model, or go on with a run of the same settings in `out`.

    Args:
        model: whose shape and classes are the pictures'.
        pictures: to learn from; some are held out.
        out: the run's folder.
        training: how; Training's defaults otherwise.
        start: what the weights began from, for the note of the run.
        encoder: what to align to with `align` above 0: the encoder.safetensors of an earlier run, or a module from
            pictures [B, C, H, W] in [-1, 1] to a feature map [B, F, h, w] of any size, which is put into eval mode and
            whose weights stay as they are. By default training's, or one that is trained first.
        settings: of Training or AlignedLoop by name, such as steps, minutes, batch_size, seed, or plan.

    Returns:
        The model, with the running mean of its weights, in eval mode; it lies in `out` too.

    Raises:
        UserError: for settings that cannot be trained with, or a folder that holds another run.
        TypeError: for settings that there are not.
    """
    given = encoder if isinstance(encoder, nn.Module) else None
    if encoder is not None:
        settings["encoder"] = None if isinstance(encoder, nn.Module) else Path(encoder)
    training, out = _chosen(training or Training(), settings), Path(out)
    work = PictureWork(model, pictures, out, training, start, given)
    run(work, training, out)
    if work.mean is None:
        return model
    mean = work.finished(work.mean)
    model.network.load_state_dict(mean.network.state_dict())
    return model.with_weak(mean.weak).eval().requires_grad_(False)


def begun(path: Path, model: Diffusion, fresh: Diffusion, exactly: bool = False) -> Diffusion:
    """A finished model to train further.

    Args:
        path: of its file.
        model: read from there.
        fresh: what would be trained without it.
        exactly: whether the networks must be of one shape too, because that can be told; else the file's is taken.

    Raises:
        UserError: if it is of other pictures, or another network.
    """
    refuse_other_shape(path, model, fresh)
    for known, asked in zip(model.conditions.names, fresh.conditions.names):
        new, gone = ([one for one in some if one not in others] for some, others in ((asked, known), (known, asked)))
        if new or gone:
            what = f"does not know their label {new[0]!r}" if new else f"knows {gone[0]!r}, of which there is none"
            raise UserError(f"{path}: is of other pictures than these: it {what}; give weights of the same labels")
    if model.classes != fresh.classes:
        there, here = model.conditions, fresh.conditions
        raise UserError(f"{path}: is of {there}, and these pictures are of {here}; give weights of the same labels")
    if exactly and model.network.config != fresh.network.config:
        raise UserError(f"{path}: is a network of {model.network.config}; give its shape as network options")
    return model


def refuse_other_shape(path: Path, model: Diffusion, fresh: Diffusion) -> None:
    """Refuse a finished model of pictures of another shape, which can be told before any is decoded.

    Raises:
        UserError: naming both shapes.
    """
    if model.shape != fresh.shape:
        raise UserError(f"{path}: is of pictures {model.shape}, these are {fresh.shape}; give weights of the same")


def _chosen(training: Training, settings: Dict[str, Any]) -> Training:
    loops = {one.name for one in dataclasses.fields(AlignedLoop)}
    loop = {name: value for name, value in settings.items() if name in loops}
    rest = {name: value for name, value in settings.items() if name not in loops}
    return dataclasses.replace(training, loop=dataclasses.replace(training.loop, **loop), **rest)
