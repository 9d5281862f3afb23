"""Training a face model from scratch, with the pretrained one's objective: it predicts eps on the linear schedule."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..diffusion import NetworkDenoiser, make_loss, training_loss
from ..errors import UserError, in_range
from ..images import save_image, sheet, to_pixels
from ..model import Diffusion
from ..models.face_unet import FACE_64, FaceUNet, FaceUNetConfig
from ..runs import digest, file_identity
from ..training import LoopOptions, Loss, Trainer, check_intervals, resume, run_recorded, start
from .data import FaceBatches, read_faces
from .model import face_model, load_faces
from .noises import drawn_noises
from .painting import Sampling, paint

_SHOWN, _AT_ONCE = 16, 4


@dataclass
class TrainOptions:
    """Train a face model; run the same command again to go on with an interrupted run."""

    data: Path
    """A zip file or a folder of square pictures of the network's size."""
    out: Path
    """Folder of the run: states, log, sample sheets, and in the end faces.safetensors."""
    start: Optional[Path] = None
    """A faces.safetensors to begin from; random weights by default."""
    loop: LoopOptions = field(
        default_factory=lambda: LoopOptions(steps=6000, batch_size=64, warmup=200, ema=0.999, decay_share=0.4)
    )
    network: FaceUNetConfig = FACE_64
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions inside the network (Muon)."""
    adam_lr: float = 1e-3
    """Peak learning rate of everything else (AdamW)."""
    held_out: int = 200
    """Pictures that are not trained on: the loss on them is logged beside the sample sheets."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 1000
    """Steps between sample sheets; 0 for never."""

    def settings(self) -> Dict[str, Any]:
        """What is chosen here that decides the resulting weights; data and hardware decide them too."""
        chosen = dataclasses.asdict(self)
        names = ("loop", "network", "muon_lr", "adam_lr", "held_out")
        return {**{name: chosen[name] for name in names}, "start": file_identity(self.start)}


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_intervals(options)
    for name in ("muon_lr", "adam_lr"):
        in_range(options, name, 0)
    faces = read_faces(options.data, options.network.size)
    if not 0 <= options.held_out < len(faces):
        raise UserError(f"held_out must leave something of the {len(faces)} faces to train on, got {options.held_out}")
    torch.manual_seed(options.loop.seed)
    model = _first_model(options)
    trainer = start(
        model.network, options.loop, options.precision, options.muon_lr, options.adam_lr, ("down1.", "out.")
    )
    order = np.random.RandomState(0).permutation(len(faces))
    held_out, seen = faces[order[: options.held_out]], faces[order[options.held_out :]]
    chosen = {"data": digest(faces), "precision": trainer.accelerator.mixed_precision}
    settings = {**options.settings(), **chosen}
    resume(trainer, options.out, settings, "faces train")
    finished = options.out / "faces.safetensors"

    def finish(network: FaceUNet) -> Path:
        face_model(network).save(finished, note=json.dumps(settings))
        return finished

    run_recorded(
        trainer,
        FaceBatches(seen, options.loop.batch_size, model.schedule, options.loop.seed),
        _loss_of(model, trainer.accelerator.device),
        finish,
        out=options.out,
        settings=settings,
        what="faces",
        save_every=options.save_every,
        look=lambda step: _look(step, trainer, held_out, options),
        look_every=options.look_every,
    )
    return finished


def _first_model(options: TrainOptions) -> Diffusion:
    if options.start is None:
        return face_model(FaceUNet(options.network))
    model = load_faces(options.start)
    if model.network.config != options.network:
        raise UserError(f"{options.start}: is a network of {model.network.config}; give its shape as network options")
    model.network.train().requires_grad_(True)
    return model


def _loss_of(model: Diffusion, device: torch.device) -> Loss:
    def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, t, eps = (part.to(device) for part in batch)
        denoiser = NetworkDenoiser(network, model.schedule, model.predicts)
        return training_loss(denoiser, x0, t, eps, make_loss(model.loss))

    return loss


@torch.no_grad()
def _look(step: int, trainer: "Trainer[FaceUNet]", held_out: np.ndarray, options: TrainOptions) -> Dict[str, float]:
    """Paint with the mean weights, keep the sheet, and measure the loss on faces that were not trained on."""
    model, device = face_model(trainer.ema.network), trainer.accelerator.device
    noises = drawn_noises(_SHOWN, options.network.size, options.loop.seed).to(device)
    painted = torch.cat([paint(model, part, Sampling()) for part in noises.split(_AT_ONCE)])
    save_image(sheet(to_pixels(painted), 8), options.out / f"sheet-{step:08d}.png")
    if not len(held_out):
        return {}
    batch = FaceBatches(held_out, len(held_out), model.schedule, options.loop.seed)(0, slice(None))
    loss = _loss_of(model, device)
    # At 256x256 all at once would take 150 GiB.
    rows = [loss(model.network, part) for part in zip(*(whole.split(_SHOWN) for whole in batch))]
    return {"held_out_loss": float(torch.cat(rows).mean())}
