"""Prompts to pictures, in memory: the sampling settings and the walk of one batch."""

from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..diffusion import (
    ClassifierFreeGuidance,
    NetworkDenoiser,
    NoiseSchedule,
    SeededNoise,
    Step,
    make_sampler,
    spaced_times,
)
from ..errors import UserError
from ..pictures import to_pixels
from .model import StableDiffusion


@dataclass(frozen=True)
class Sampling:
    """How a prompt becomes a picture."""

    sampler: str = "dpmpp-2m"
    """dpmpp-2m, unipc, ddim, dpm-2m, heun or ddpm."""
    steps: int = 25
    """Denoising steps, 1 ... 1000."""
    guidance_scale: float = 7.5
    """1 is no guidance; more follows the prompt closer, with less variety."""
    negative_prompt: str = ""
    """What the pictures are guided away from."""
    eta: float = 0.0
    """Noise added by ddim, 0 ... 1."""
    spacing: str = "trailing"
    """Where the steps are: trailing (from 999 down), leading (from 1 up, as CompVis) or linspace."""
    height: Optional[int] = None
    """Of the pictures; what the checkpoint was trained on by default."""
    width: Optional[int] = None
    """Of the pictures; what the checkpoint was trained on by default."""

    def times(self) -> Sequence[float]:
        """The times to visit.

        Raises:
            ValueError: if there are no such times.
        """
        return spaced_times(1000, self.steps, self.spacing, offset=1 if self.spacing == "leading" else 0)

    def check(self) -> None:
        """Refuse what cannot be sampled with.

        Raises:
            UserError: naming the setting.
        """
        try:
            make_sampler(self.sampler, NoiseSchedule.scaled_linear(), self.eta)
            self.times()
        except ValueError as error:
            raise UserError(str(error)) from None


def walk(
    model: StableDiffusion, texts: Tensor, negative: Tensor, seeds: Sequence[int], sampling: Sampling
) -> Iterator[Step]:
    """The reverse process of a batch of latents, one Step at a time.

    Args:
        model: on some device.
        texts: text states, one a picture [B, tokens, width].
        negative: those of the negative prompt [1, tokens, width].
        seeds: one a picture.
        sampling: checked settings.
    """
    noise = SeededNoise(seeds, model.latent_shape(sampling.height, sampling.width), texts.device)
    conditional = NetworkDenoiser(model.unet, model.schedule, "eps", (texts,))
    unconditional = NetworkDenoiser(model.unet, model.schedule, "eps", (negative.expand_as(texts),))
    # One pass of a doubled batch where that fills the device better; on a CPU one picture fills it already.
    denoiser = ClassifierFreeGuidance(
        conditional, unconditional, sampling.guidance_scale, batched=texts.device.type != "cpu"
    )
    sampler = make_sampler(sampling.sampler, model.schedule, sampling.eta)
    return sampler(noise(), denoiser, sampling.times(), noise)


@torch.no_grad()
def paint(
    model: StableDiffusion,
    texts: Tensor,
    negative: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
    after_step: Optional[Callable[[], object]] = None,
) -> Tensor:
    """The finished pictures of a batch: uint8 [B, H, W, 3]; `after_step` moves a bar, the rest is as in `walk`."""
    for step in walk(model, texts, negative, seeds, sampling):
        latents = step.x
        if after_step:
            after_step()
    # One at a time: decoding takes more memory than the whole walk.
    return torch.cat([to_pixels(model.vae.decode(one)) for one in latents.split(1)])


def encoded(model: StableDiffusion, prompts: Sequence[str]) -> Tuple[Tensor, Sequence[str]]:
    """The text states of prompts, and what of each did not fit the text encoder."""
    tokenizer = model.tokenizer()
    tokens = [tokenizer(prompt) for prompt in prompts]
    return model.encode(tokens), [one.cut for one in tokens]
