"""What a model is distilled by, into a LoRA, so that it paints in few passes. Two ways.

Latent consistency (Luo et al. 2023, arXiv 2310.04378, section 4; 2311.05556, "LCM-LoRA"), for 1 to 8 steps:

    f(x, t) = c_skip x + c_out x0(x, t)                  the jump to the clean picture, see `samplers/lcm.py`
    x_s = DDIM from x_t to s = t - 20 of the frozen model, guided with scale w, which so is folded into the weights
    loss = sqrt((f(x_t, t) - f(x_s, s))^2 + c^2) - c     pseudo-Huber (Song & Dhariwal 2023, eq. 7); the target is f of
                                                         the same weights and has no gradient

What f says at a time is drawn to what it says one step nearer to the picture, and at time 0 it is the picture: so it
learns to jump from everywhere. t is one of 50 times of 1,000, those that `spacings["lcm"]` walks on.

A walk of N steps (Salimans & Ho 2022, arXiv 2202.00512, section 3; with guidance Meng et al. 2023, 2210.03142, section
3.2; but at once, and not by halves), for just these:

    t_0 = 999 > t_1 > ... > t_N = clean                  the times of N trailing steps
    x_s = from x_t at t = t_i to s = t_(i+1) in M steps of DDIM of the frozen model, guided with scale w
    y_s = in one step of DDIM of the weights that learn, with no guidance
    loss = sqrt((y_s - x_s)^2 + c^2) - c

The target is exact from the first step on, and costs 2 M passes in place of 3.
"""

import abc
import contextlib
from typing import ContextManager, Dict, Iterator, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..diffusion import Denoiser, Guidance, Prediction
from ..diffusion.samplers.lcm import boundary
from ..errors import UserError
from ..models.additions import Addition, Attachment
from ..stable_diffusion import SCHEDULE, StableDiffusion
from .methods import ATTENTIONS, Method

EVERYWHERE = Method(
    (
        *(*ATTENTIONS, "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
        *("in_layers.2", "out_layers.3", "skip_connection", "emb_layers.1", ".op", ".conv"),
    ),
    thin=True,
)
"""All layers inside the U-Net, as LCM-LoRA has them; its first and last ones stay."""
SPACED = 20
"""Of 1,000 times: k of eq. 12, and the distance of the times that are learned."""


class DistillLoss(abc.ABC):
    """(what is learned, batch) -> the loss of each row [n]; its gradients reach the additions alone.

    The batch: x0 [n, latent, h, w], t [n], eps like x0, ids [n, tokens]; what more there is counts for nothing. t is
    any of the schedule's times, and a near one that is learned is taken.

    Args:
        model: frozen, on its device.
        layers: that have additions.
        scale: w of the guidance that is folded in.
        huber: c of the loss.
    """

    def __init__(self, model: StableDiffusion, layers: Sequence[str], scale: float, huber: float) -> None:
        self._model, self._scale, self._huber = model, scale, huber
        self._attachment = Attachment(model.networks(), layers)
        self._empty: Dict[torch.device, Tensor] = {}

    def __call__(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """See the class."""
        x0, t, eps, ids = batch[:4]
        t = self._learned_time(t)
        _, additions = network()
        with torch.no_grad():
            signal, noise = self._model.schedule.signal_noise(t, x0)
            x_t = signal * x0 + noise * eps
            with self._adding({}):
                states = self._model.states(ids)
            target = self._target(x_t, t, states, additions)
        # They stay: what a checkpointed U-Net computes again on the way back must be the same.
        self._attachment.values = additions
        apart = self._answer(self._model.denoiser(states), x_t, t) - target
        return ((apart.square() + self._huber**2).sqrt() - self._huber).flatten(1).mean(dim=1)

    @abc.abstractmethod
    def _learned_time(self, t: Tensor) -> Tensor:
        """The time that is learned near any time."""

    @abc.abstractmethod
    def _target(self, x_t: Tensor, t: Tensor, states: Tensor, additions: Mapping[str, Addition]) -> Tensor:
        """What should be answered; without gradients."""

    @abc.abstractmethod
    def _answer(self, denoiser: Denoiser, x_t: Tensor, t: Tensor) -> Tensor:
        """What is answered with the additions."""

    def _stepped(self, x_t: Tensor, t: Tensor, s: Tensor, states: Tensor) -> Tensor:
        """The guided teacher's DDIM step."""
        nothing = self._model.denoiser(self._nothing(states.device).expand_as(states))
        with self._adding({}):
            predicted = Guidance(self._model.denoiser(states), nothing, self._scale)(x_t, t)
        return self._moved(predicted, s)

    def _moved(self, predicted: Prediction, s: Tensor) -> Tensor:
        """DDIM's step to times s."""
        signal, noise = self._model.schedule.signal_noise(s, predicted.x0)
        return signal * predicted.x0 + noise * predicted.eps

    def _nothing(self, device: torch.device) -> Tensor:
        """The states of the empty prompt [1, tokens, width]."""
        if device not in self._empty:
            self._empty[device] = self._model.encode([self._model.tokenizer()("")])
        return self._empty[device]

    @contextlib.contextmanager
    def _adding(self, additions: Mapping[str, Addition]) -> Iterator[None]:
        kept, self._attachment.values = self._attachment.values, additions
        try:
            yield
        finally:
            self._attachment.values = kept

    def resting(self) -> ContextManager[None]:
        """The model is the checkpoint's until the block ends."""
        return self._adding({})


class ConsistencyLoss(DistillLoss):
    """Latent consistency; the noisiest time of each twentieth is learned."""

    def _learned_time(self, t: Tensor) -> Tensor:
        return torch.div(t, SPACED, rounding_mode="floor") * SPACED + SPACED - 1

    def _target(self, x_t: Tensor, t: Tensor, states: Tensor, additions: Mapping[str, Addition]) -> Tensor:
        s = (t - SPACED).clamp(min=0)
        x_s = self._stepped(x_t, t, s, states)
        with self._adding(additions):
            return jump(self._model.denoiser(states), x_s, s)

    def _answer(self, denoiser: Denoiser, x_t: Tensor, t: Tensor) -> Tensor:
        return jump(denoiser, x_t, t)


class StepsLoss(DistillLoss):
    """A walk of just so many steps; its times are learned.

    Args:
        model, layers, scale, huber: see DistillLoss.
        steps: N.
        teacher_steps: M.

    Raises:
        UserError: for more of the model's steps in all than its schedule has times.
    """

    def __init__(
        self, model: StableDiffusion, layers: Sequence[str], scale: float, huber: float, steps: int, teacher_steps: int
    ) -> None:
        super().__init__(model, layers, scale, huber)
        if steps * teacher_steps > SCHEDULE.start + 1:
            raise UserError(
                f"--passes {steps} of --teacher-steps {teacher_steps} each: are more than {SCHEDULE.start + 1:,} times"
            )
        self._steps, self._teacher_steps = steps, teacher_steps
        self._times = torch.tensor(SCHEDULE.spacings["trailing"](SCHEDULE, steps * teacher_steps))

    def _learned_time(self, t: Tensor) -> Tensor:
        step = torch.div((SCHEDULE.start - t) * self._steps, SCHEDULE.start + 1, rounding_mode="floor")
        return self._times.to(t)[step.long() * self._teacher_steps]

    def _walk(self, t: Tensor) -> Tensor:
        """The model's times [M + 1, n] from learned ones to those that follow, both included."""
        times = self._times.to(t)
        first = (times[None] == t[:, None]).long().argmax(dim=1)
        return torch.stack([times[first + step] for step in range(self._teacher_steps + 1)])

    def _target(self, x_t: Tensor, t: Tensor, states: Tensor, additions: Mapping[str, Addition]) -> Tensor:
        walk = self._walk(t)
        for here, following in zip(walk, walk[1:]):
            x_t = self._stepped(x_t, here, following, states)
        return x_t

    def _answer(self, denoiser: Denoiser, x_t: Tensor, t: Tensor) -> Tensor:
        return self._moved(denoiser(x_t, t), self._walk(t)[-1])


def jump(denoiser: Denoiser, x: Tensor, t: Tensor) -> Tensor:
    """f(x, t), for x [n, ...] at times t [n] of a table."""
    skip, out = _like(x, *boundary(t.double() if t.device.type != "mps" else t.float()))
    return skip * x + out * denoiser(x, t).x0


def _like(x: Tensor, *numbers: Tensor) -> Tuple[Tensor, ...]:
    return tuple(one.to(x).reshape(-1, *[1] * (x.dim() - 1)) for one in numbers)
