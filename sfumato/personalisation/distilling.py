"""Latent consistency distillation into a LoRA (Luo et al. 2023, arXiv 2310.04378, section 4; 2311.05556, "LCM-LoRA").

    f(x, t) = c_skip x + c_out x0(x, t)                  the jump to the clean picture, see `samplers/lcm.py`
    x_s = DDIM from x_t to s = t - 20 of the frozen model, guided with scale w, which so is folded into the weights
    loss = sqrt((f(x_t, t) - f(x_s, s))^2 + c^2) - c     pseudo-Huber (Song & Dhariwal 2023, eq. 7); the target is f of
                                                         the same weights and has no gradient

What f says at a time is drawn to what it says one step nearer to the picture, and at time 0 it is the picture: so it
learns to jump from everywhere. t is one of 50 times of 1,000, those that `spacings["lcm"]` walks on.
"""

import contextlib
from typing import ContextManager, Dict, Iterator, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..diffusion import Denoiser, Guidance
from ..diffusion.samplers.lcm import boundary
from ..models.additions import Addition, Attachment
from ..stable_diffusion import StableDiffusion
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


class DistillLoss:
    """(what is learned, batch) -> the loss of each row [n]; its gradients reach the additions alone.

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
        """The batch: x0 [n, latent, h, w], t [n], eps like x0, ids [n, tokens]; what more there is counts for nothing.

        t is any of the schedule's times, and the noisiest of its twentieth is taken.
        """
        x0, t, eps, ids = batch[:4]
        t = torch.div(t, SPACED, rounding_mode="floor") * SPACED + SPACED - 1
        s = (t - SPACED).clamp(min=0)
        _, additions = network()
        with torch.no_grad():
            signal, noise = self._model.schedule.signal_noise(t, x0)
            x_t = signal * x0 + noise * eps
            with self._adding({}):
                states = self._model.states(ids)
                x_s = self._stepped(x_t, t, s, states)
            with self._adding(additions):
                target = jump(self._model.denoiser(states), x_s, s)
        # They stay: what a checkpointed U-Net computes again on the way back must be the same.
        self._attachment.values = additions
        apart = jump(self._model.denoiser(states), x_t, t) - target
        return ((apart.square() + self._huber**2).sqrt() - self._huber).flatten(1).mean(dim=1)

    def _stepped(self, x_t: Tensor, t: Tensor, s: Tensor, states: Tensor) -> Tensor:
        """The guided teacher's DDIM step."""
        nothing = self._model.denoiser(self._nothing(states.device).expand_as(states))
        x0, eps = Guidance(self._model.denoiser(states), nothing, self._scale)(x_t, t)
        signal, noise = self._model.schedule.signal_noise(s, x_t)
        return signal * x0 + noise * eps

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


def jump(denoiser: Denoiser, x: Tensor, t: Tensor) -> Tensor:
    """f(x, t), for x [n, ...] at times t [n] of a table."""
    skip, out = _like(x, *boundary(t.double() if t.device.type != "mps" else t.float()))
    return skip * x + out * denoiser(x, t).x0


def _like(x: Tensor, *numbers: Tensor) -> Tuple[Tensor, ...]:
    return tuple(one.to(x).reshape(-1, *[1] * (x.dim() - 1)) for one in numbers)
