"""The training loop: a generator that yields after every optimizer step.

All randomness of step n comes from generators made from (seed, n), so a run's position is one number: there is no
random state to save, a resumed run repeats the uninterrupted one exactly, several processes draw the same global batch
and take their own share of it, and what the next step learns from is drawn while this one runs.
"""

import contextlib
import copy
import math
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Generic, Iterator, NamedTuple, Optional, Sequence, Tuple, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ..diffusion import generator_seed
from ..options import check_options, number
from .ema import EMA
from .prefetch import Draw, DrawnAhead, Place
from .together import Together

Network = TypeVar("Network", bound=nn.Module)

_SCALING = ("scale", "_growth_tracker")
"""What changes in a gradient scaler."""

Loss = Callable[[nn.Module, Sequence[Tensor]], Tensor]
"""(network, drawn tensors) -> the loss of each row [rows]."""


@dataclass
class LoopOptions:
    """How long and how fast to train."""

    steps: int = number(11000, 1)
    """Optimizer steps in the whole run; the learning rate falls to zero at the end."""
    batch_size: int = number(64, 1)
    """Pictures a step, over all processes and accumulated parts together."""
    accumulate: int = number(1, 1)
    """Parts that a batch is computed in, to save memory; the result is the same but for rounding."""
    warmup: int = number(100, 0)
    """Steps in which the learning rate rises from zero."""
    decay_share: float = number(0.45, 0, 1)
    """The last share of the run, in which the learning rate falls linearly to zero."""
    clip: float = number(1.0, 0, above=True)
    """The largest norm of the gradient; a larger one is scaled down to it."""
    ema: float = number(0.9985, 0, 1)
    """Decay of the running mean of the weights, a step."""
    compile: bool = False
    """Compile the network first: a minute's wait, then a quarter faster on CPUs; needs a C++ compiler."""
    seed: int = number(0)
    """Of the initial weights and of everything drawn."""

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)

    @property
    def steady(self) -> int:
        """Of how many steps from the first the learning rate is the same for every longer run."""
        return min(self.steps, math.floor(self.steps - max(self.decay_share * self.steps, 1.0)) + 1)

    def seed_weights(self) -> None:
        """Have the networks that are made next begin with this seed's weights, whatever whole number it is."""
        torch.manual_seed(generator_seed(self.seed))

    def rate(self, step: int) -> float:
        """The learning rate of a step (from 0) as a share of its peak."""
        rising = min(1.0, (step + 1) / max(self.warmup, 1))
        falling = min(1.0, (self.steps - step) / max(self.decay_share * self.steps, 1.0))
        return rising * falling


class Progress(NamedTuple):
    """What is known after a step."""

    step: int
    """Steps done, from 1."""
    loss: float
    """The mean over the process's share of the batch."""
    gradient_norm: float
    """Before clipping."""
    rate: float
    """The learning rate as a share of its peak."""
    pictures_per_second: float
    """Of this step, over all processes."""


class Trainer(Generic[Network]):
    """A network in training: its weights, their running mean, its optimizers, and how many steps were done.

    Args:
        network: on any device; moved to the accelerator's.
        make_optimizers: called with the network.
        options: see LoopOptions.
        accelerator: one process or many, in any precision.

    Raises:
        UserError: for options that cannot be trained with.
        ValueError: if the batch cannot be shared evenly among processes and parts.
    """

    def __init__(
        self,
        network: Network,
        make_optimizers: Callable[[Network], Sequence[torch.optim.Optimizer]],
        options: LoopOptions,
        accelerator: Accelerator,
    ) -> None:
        options.check()
        parts = options.accumulate * accelerator.num_processes
        if options.batch_size % parts:
            raise ValueError(
                f"a batch of {options.batch_size} cannot be shared evenly by {accelerator.num_processes} process(es)"
                f" in {options.accumulate} part(s); choose a multiple of {parts}"
            )
        self.options = options
        self.accelerator = accelerator
        self.network = network.to(accelerator.device)
        self.ema = EMA(self.network, options.ema)
        self._together = Together(make_optimizers(self.network))
        self._peaks = [group["lr"] for group in self._together.param_groups]
        self._wrapped, self._optimizer = accelerator.prepare(self.network, self._together)
        if options.compile:
            self._wrapped = torch.compile(self._wrapped)
        self.keep_at = 0
        """The step whose mean weights are kept; 0 for none."""
        self.kept: Optional[Network] = None
        """Their network, once there is one."""
        self.steps_done = 0
        self.expected_steps = options.steps
        """How many there will be; an estimate while that is not decided."""

    def end_at(self, steps: int) -> None:
        """Have the whole run so many steps; the learning rate falls accordingly."""
        self.options = replace(self.options, steps=steps)
        self.expected_steps = steps

    def run(self, draw: Draw, loss: Loss) -> Iterator[Progress]:
        """Train from where the run stands to its end, yielding after each step.

        Args:
            draw: makes a part of a step's batch, in a thread of its own and one part ahead; see `DrawnAhead`.
            loss: judges it.

        Raises:
            FloatingPointError: if the loss is no longer finite.
        """
        with DrawnAhead(draw) as drawn:
            while self.steps_done < self.options.steps:
                began = time.perf_counter()
                value, norm = self._step(drawn, loss)
                self.steps_done += 1
                speed = self.options.batch_size / (time.perf_counter() - began)
                yield Progress(self.steps_done, value, norm, self.options.rate(self.steps_done - 1), speed)

    def _step(self, drawn: DrawnAhead, loss: Loss) -> Tuple[float, float]:
        options, total = self.options, 0.0
        rate = options.rate(self.steps_done)
        for group, peak in zip(self._together.param_groups, self._peaks):
            group["lr"] = peak * rate
        self._optimizer.zero_grad()
        for part in range(options.accumulate):
            # Of several processes the gradients are summed once a step, after the last part.
            last = part == options.accumulate - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self._wrapped):
                rows = loss(self._wrapped, drawn.take((self.steps_done, self._rows(part)), self._after(part)))
                mean = rows.mean() / options.accumulate
                self.accelerator.backward(mean)
            total += float(mean.detach())
        if not math.isfinite(total):
            raise FloatingPointError(
                f"the loss is {total} at step {self.steps_done + 1}; lower the learning rate, or train in fp32"
            )
        norm = float(self.accelerator.clip_grad_norm_(self.network.parameters(), options.clip))
        # In fp16 a step with such a gradient is left out, and the next one scaled down.
        if not math.isfinite(norm) and self.accelerator.mixed_precision != "fp16":
            raise FloatingPointError(
                f"the gradient is {norm} at step {self.steps_done + 1}; lower the learning rate, or train in fp32"
            )
        self._optimizer.step()
        self.ema.update(self.network, self.steps_done)
        if self.steps_done + 1 == self.keep_at:
            self.kept = copy.deepcopy(self.ema.network)
        return total, norm

    def _rows(self, part: int) -> slice:
        """Every process takes every n-th row, so that each share has all noise levels in it."""
        stride = self.options.accumulate * self.accelerator.num_processes
        return slice(part * self.accelerator.num_processes + self.accelerator.process_index, None, stride)

    def _after(self, part: int) -> Optional[Place]:
        """What is learned from after a part of the present step; None at the end."""
        if part + 1 < self.options.accumulate:
            return self.steps_done, self._rows(part + 1)
        return (self.steps_done + 1, self._rows(0)) if self.steps_done + 1 < self.options.steps else None

    def state(self) -> Dict[str, Tensor]:
        """All tensors of the run, by name, for `load_state`."""
        tensors = {f"network.{key}": value for key, value in self.network.state_dict().items()}
        tensors.update({f"ema.{key}": value for key, value in self.ema.network.state_dict().items()})
        kept = {} if self.kept is None else self.kept.state_dict()
        tensors.update({f"kept.{key}": value for key, value in kept.items()})
        for index, optimizer in enumerate(self._together.optimizers):
            for parameter, values in optimizer.state_dict()["state"].items():
                for name, value in values.items():
                    tensors[f"optimizer.{index}.{parameter}.{name}"] = torch.as_tensor(value)
        # In fp16 what gradients are scaled by, and for how many steps it was right.
        scaler = self.accelerator.scaler
        scaling = scaler.state_dict() if scaler is not None else {}
        tensors.update({f"scaler.{key}": torch.tensor(scaling[key]) for key in _SCALING if key in scaling})
        return tensors

    def load_state(self, tensors: Dict[str, Tensor], steps_done: int) -> None:
        """Stand where a saved run stood.

        Args:
            tensors: from `state`, of the same network and optimizers.
            steps_done: its number of steps.

        Raises:
            RuntimeError, KeyError: if they are not.
        """
        self.network.load_state_dict(_below(tensors, "network."))
        self.ema.network.load_state_dict(_below(tensors, "ema."))
        kept = _below(tensors, "kept.")
        if kept:
            self.kept = copy.deepcopy(self.ema.network)
            self.kept.load_state_dict(kept)
        for index, optimizer in enumerate(self._together.optimizers):
            state: Dict[int, Dict[str, Any]] = {}
            for key, value in _below(tensors, f"optimizer.{index}.").items():
                parameter, name = key.split(".", 1)
                state.setdefault(int(parameter), {})[name] = value.clone()
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        self._together.share_groups()
        scaling = {key: value.item() for key, value in _below(tensors, "scaler.").items()}
        # Older states have none of it, and it begins anew.
        if self.accelerator.scaler is not None and scaling:
            self.accelerator.scaler.load_state_dict({**self.accelerator.scaler.state_dict(), **scaling})
        self.steps_done = steps_done


def _below(tensors: Dict[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
