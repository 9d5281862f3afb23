"""Training the digit model from scratch, or from a finished one."""

import json
from pathlib import Path
from typing import Dict, Mapping, Sequence

import torch
from torch import Tensor, nn

from ..checkpoints import atomic_path
from ..diffusion import NetworkDenoiser, Schedule, make_loss, seed_of, training_loss
from ..errors import UserError
from ..images import from_pixels, sheet
from ..model import Diffusion
from ..models.digit_unet import DigitUNet
from ..runs import digest, refuse_file
from ..training import Loss, Trainer, resume, run_recorded, start
from .batches import DigitBatches
from .data import DigitSet, read_digits
from .evaluate import accuracies
from .labels import DATASETS, DIGITS, label_of
from .model import digit_model, load_digits
from .painting import Sampling, paint
from .train_options import TrainOptions


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    options.check()
    torch.manual_seed(options.loop.seed)
    model = _first_model(options)
    trainer = start(
        model.network, options.loop, options.precision, options.muon_lr, options.adam_lr, ("enter", "leave")
    )
    refuse_file(options.out)
    sets = {name: read_digits(options.data / name, options.cache) for name in DATASETS}
    data = {name: digest(one.pixels, one.labels) for name, one in sets.items()}
    settings = {**options.settings(), "data": data, "precision": trainer.accelerator.mixed_precision}
    batches = _batches(sets, options, model.schedule)
    resume(trainer, options.out, settings, "digits train")
    finished = options.out / "digits.safetensors"

    def finish(network: DigitUNet) -> Path:
        digit_model(network).save(finished, note=json.dumps(settings))
        return finished

    run_recorded(
        trainer,
        batches,
        _loss_of(model, trainer.accelerator.device),
        finish,
        out=options.out,
        settings=settings,
        what="digits",
        save_every=options.save_every,
        look=lambda step: _look(step, trainer, options),
        look_every=options.look_every,
    )
    return finished


def _batches(sets: Mapping[str, DigitSet], options: TrainOptions, schedule: Schedule) -> DigitBatches:
    shares = (options.svhn_share, options.hidden)
    return DigitBatches(sets, options.loop.batch_size, *shares, schedule, options.time_focus, options.loop.seed)


def _first_model(options: TrainOptions) -> Diffusion:
    if options.start is None:
        return digit_model(DigitUNet(options.network))
    model = load_digits(options.start)
    if model.network.config != options.network:
        raise UserError(f"{options.start}: is a network of {model.network.config}; give its shape as network options")
    model.network.train().requires_grad_(True)
    return model


def _loss_of(model: Diffusion, device: torch.device) -> Loss:
    def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, label, t, eps = (part.to(device) for part in batch)
        denoiser = NetworkDenoiser(network, model.schedule, model.predicts, (label,))
        return training_loss(denoiser, x0, t, eps, make_loss(model.loss))

    return loss


def _look(step: int, trainer: "Trainer[DigitUNet]", options: TrainOptions) -> Dict[str, float]:
    """Paint with the mean weights, judge, and keep the sheet."""
    model = digit_model(trainer.ema.network)
    painted, sheets = {}, []
    for dataset in DATASETS:
        digits = [digit for digit in range(DIGITS) for _ in range(options.look_count)]
        labels = [label_of(dataset, digit) for digit in digits]
        seeds = [seed_of(options.loop.seed, label, i) for i, label in enumerate(labels)]
        pixels = paint(model, labels, seeds, Sampling(), trainer.accelerator.device)
        painted[dataset] = (from_pixels(pixels.permute(0, 3, 1, 2)), torch.tensor(digits))
        sheets.append(pixels.reshape(DIGITS, options.look_count, *pixels.shape[1:]))
    with atomic_path(options.out / f"sheet-{step:08d}.png") as beside:
        sheet(torch.cat(sheets, dim=1).flatten(0, 1), 2 * options.look_count).save(beside)
    return {f"accuracy/{name}": value for name, value in accuracies(painted).items()}
