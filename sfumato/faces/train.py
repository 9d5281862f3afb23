"""Training a face model from scratch, with the pretrained one's objective: it predicts eps on the linear schedule."""

from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Optional

from ..models.face_unet import FACE_64, FaceUNet, FaceUNetConfig
from ..options import check_options
from ..outputs import refuse_file
from ..pictures.reading import Reading
from ..pictures.train import PictureWork, begun
from ..pictures.training import Training
from ..runs import file_identity
from ..training import AlignedLoop, in_turn, run
from .model import face_model, load_faces

_LOOP = AlignedLoop(steps=6000, batch_size=64, warmup=200, ema=0.999, decay_share=0.4)


@dataclass
class TrainOptions:
    """Train a face model; run the same command again to go on with an interrupted run."""

    data: Path
    """A zip file or a folder of pictures; the middle square of each is brought to the network's size."""
    out: Path
    """Folder of the run: states, log, sample sheets, and in the end faces.safetensors."""
    start: Optional[Path] = None
    """A faces.safetensors to begin from; random weights by default."""
    reading: Reading = field(default_factory=lambda: Reading(labels="none"))
    network: FaceUNetConfig = FACE_64
    training: Training = field(
        default_factory=lambda: Training(_LOOP, flip=True, time_focus=None, look_every=1000, even=False)
    )


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file; not there yet with `plan`.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_options(options)
    options.training.check()
    refuse_file(options.out)
    options.training.loop.seed_weights()
    model = face_model(FaceUNet(options.network))
    if options.start is not None:
        model = begun(options.start, load_faces(options.start), model, exactly=True)
    size = options.network.size
    faces = in_turn(lambda: options.reading.of(options.data, (size, size), channels=3))
    work = _FaceWork(model, faces, options.out, options.training, file_identity(options.start))
    return run(work, options.training, options.out)


class _FaceWork(PictureWork):
    command, what, file = "faces train", "faces", "faces.safetensors"

    def then(self) -> str:
        noise = f"sfumato faces noise noises --size {self.network.network.config.size}"
        return f"{noise}\nsfumato faces generate noises painted {quote(str(self.weights))}"
