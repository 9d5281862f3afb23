"""The command that learns anybody's own pictures: it makes the network and the model, and trains them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from ..conditions import Classes
from ..diffusion import LOSSES, PREDICTIONS, SCHEDULES, make_schedule
from ..errors import UserError
from ..model import Diffusion
from ..models.unet import LARGEST, SMALLEST, UNet
from ..options import check_options, choice, number
from ..outputs import refuse_file
from ..runs import file_identity
from ..training import in_turn
from .generate import MODEL, weights_path
from .reading import Reading
from .train import begun, refuse_other_shape, train
from .training import Training


@dataclass
class LearnOptions:
    """Learn to paint pictures like those of a folder; run the same command again to go on with an interrupted run."""

    source: Path
    """A folder of pictures (the names of folders inside it are the labels), a .zip, or an .npz."""
    out: Path
    """Folder of the run: states, log, sheets, and in the end model.safetensors."""
    size: Tuple[int, ...] = number((64,), SMALLEST, LARGEST)
    """Side of the squares that all pictures are brought to, or height and width."""
    reading: Reading = field(default_factory=Reading)
    grey: bool = False
    """Learn grey pictures."""
    width: int = number(64, 1)
    """Channels of the network's first level, a multiple of 8."""
    blocks: int = number(2, 1)
    """Residual blocks at each level of the network, on each side."""
    start: Optional[Path] = None
    """A run or model.safetensors to begin from, whose network, schedule and prediction are taken; random weights by
    default."""
    schedule: str = choice("flow", SCHEDULES, help=f"{', '.join(SCHEDULES)}.")
    predicts: str = choice("velocity", PREDICTIONS, help=f"{', '.join(PREDICTIONS)}.")
    loss: str = choice("uniform", LOSSES, help=f"{', '.join(LOSSES)}.")
    training: Training = field(default_factory=Training)


def learn(options: LearnOptions) -> Path:
    """The command; see LearnOptions.

    Returns:
        The finished model's file; not there yet with `plan`.

    Raises:
        UserError: for pictures or settings that cannot be used.
    """
    check_options(options)
    options.training.check()
    refuse_file(options.out)
    if len(options.size) not in (1, 2):
        raise UserError(f"--size must be one side, or height and width, got {len(options.size)} numbers")
    size = (options.size[0], options.size[-1])
    options.training.loop.seed_weights()
    try:
        # What cannot be is told before anything is decoded.
        model = _model(options, size, ())
        first = None
        if options.start is not None:
            first = Diffusion.load(weights_path(options.start), what="model of pictures")
            refuse_other_shape(options.start, first, model)
        pictures = in_turn(lambda: options.reading.of(options.source, size, 1 if options.grey else 3))
        model = _model(options, size, pictures.classes)
    except ValueError as error:
        raise UserError(str(error)) from None
    if options.start is not None and first is not None:
        model = begun(options.start, first, model)
    train(model, pictures, options.out, options.training, file_identity(options.start))
    return options.out / MODEL


def _model(options: LearnOptions, size: Tuple[int, int], classes: Classes) -> Diffusion:
    network = UNet(size, classes, 1 if options.grey else 3, options.width, options.blocks)
    return Diffusion(network, make_schedule(options.schedule), options.predicts, loss=options.loss)
