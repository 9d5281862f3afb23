"""From a network and options to a trainer on this machine: device, precision, processes, optimizers."""

import contextlib
import os
from typing import Callable, Iterator, Sequence, TypeVar

import torch
from accelerate import Accelerator
from torch import nn

from ..devices import Worker, choose_precision, keep_freed_memory, refuse_to_compile
from ..errors import UserError
from .loop import LoopOptions, Trainer
from .muon import Muon

Network = TypeVar("Network", bound=nn.Module)

Optimizers = Callable[[Network, torch.dtype], Sequence[torch.optim.Optimizer]]
"""(network, the type that Muon iterates in) -> what trains it."""

_SHARING = tuple(f"ACCELERATE_USE_{name}" for name in ("DEEPSPEED", "FSDP", "MEGATRON_LM", "PARALLELISM_CONFIG"))
_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


def start(
    network: Network, options: LoopOptions, precision: str, optimizers: Optimizers[Network]
) -> "Trainer[Network]":
    """A trainer at its first step.

    Args:
        network: with its first weights.
        options: see LoopOptions.
        precision: see `choose_precision`. Frozen networks that a loss goes through are in a precision by themselves.
        optimizers: makes them.

    Raises:
        UserError: for options, a precision or a batch that cannot be used.
    """
    device = Worker.here().device()
    if options.compile:
        refuse_to_compile(device)
    keep_freed_memory()
    chosen = choose_precision(device, precision)
    dtype = torch.bfloat16 if chosen == "bf16" else torch.float32
    try:
        with only_our_settings():
            # Accelerate joins processes without GPUs only when told that it is to use the CPU.
            accelerator = Accelerator(mixed_precision="no" if chosen == "fp32" else chosen, cpu=device.type == "cpu")
        return Trainer(network, lambda net: optimizers(net, dtype), options, accelerator)
    except ValueError as error:
        raise UserError(str(error)) from None


@contextlib.contextmanager
def only_our_settings() -> Iterator[None]:
    """Hide what Accelerate would read from the environment: a training is what its options say.

    ACCELERATE_GRADIENT_ACCUMULATION_STEPS would divide gradients, ACCELERATE_DYNAMO_BACKEND compile the network, and an
    empty RANK end all.

    Raises:
        UserError: where it asks for what shares a network among machines, which trainings here cannot.
    """
    for name in _SHARING:
        if os.environ.get(name, "").lower() == "true":
            raise UserError(f"{name}=true: trainings here do not share a network; `unset {name}`")
    empty = [name for name in _RANKS if os.environ.get(name) == ""]
    hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("ACCELERATE_") or key in empty}
    try:
        yield
    finally:
        os.environ.update(hidden)


def make_optimizers(
    network: nn.Module,
    muon_lr: float,
    adam_lr: float,
    ends: Sequence[str],
    dtype: torch.dtype = torch.float32,
    dims: Sequence[int] = (4,),
) -> Sequence[torch.optim.Optimizer]:
    """Muon for the convolutions inside the network, AdamW for the rest.

    Args:
        network: to be trained.
        muon_lr: peak learning rate of Muon.
        adam_lr: peak learning rate of AdamW.
        ends: how the names of the first and the last layers begin; they are AdamW's.
        dtype: of Muon's iterations.
        dims: of the weights that are Muon's: 4 are convolutions, 2 the matrices of transformers.
    """
    named = list(network.named_parameters())
    inside = {name for name, value in named if value.dim() in dims and not name.startswith(tuple(ends))}
    adam = torch.optim.AdamW(
        [value for name, value in named if name not in inside], lr=adam_lr, betas=(0.9, 0.99), weight_decay=0.01
    )
    if not inside:
        return [adam]
    return [Muon([value for name, value in named if name in inside], lr=muon_lr, dtype=dtype), adam]
