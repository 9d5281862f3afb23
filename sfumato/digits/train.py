"""Training the digit model from scratch, or from a finished one."""

import json
from pathlib import Path
from typing import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ..checkpoints import load_state
from ..devices import Worker, choose_precision
from ..diffusion import training_loss
from ..errors import UserError
from ..models.digit_unet import DigitUNet
from ..training import Loss, Muon, Trainer
from .batches import DigitBatches
from .data import read_digits
from .labels import DATASETS
from .model import KIND, DigitModel
from .train_options import TrainOptions
from .train_record import RunRecord


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished model's file.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    sets = {name: read_digits(options.data / name, options.cache) for name in DATASETS}
    try:
        device = Worker.here().device()
        precision = choose_precision(device, options.precision)
        # Accelerate joins processes without GPUs only when told that it is to use the CPU.
        accelerator = Accelerator(mixed_precision="no" if precision == "fp32" else precision, cpu=device.type == "cpu")
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
        with RunRecord(options, trainer) as record:
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
