"""Prompts to pictures, in memory: the sampling settings and the walk of one batch."""

from dataclasses import dataclass, field
from typing import Callable, Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from ..diffusion import (
    Guidance,
    Regions,
    ScaledLinearSchedule,
    SeededNoise,
    Step,
    columns,
)
from ..errors import UserError
from ..images import to_pixels
from ..sampler_options import SAMPLER_HELP, SamplerOptions
from .model import StableDiffusion


@dataclass(frozen=True)
class Sampling(SamplerOptions):
    """How a prompt becomes a picture."""

    sampler: str = field(default="dpmpp-2m", metadata=SAMPLER_HELP)
    """One of SAMPLERS."""
    steps: int = 25
    """Denoising steps, 1 ... 1000."""
    guidance_scale: float = 7.5
    """1 is no guidance; more follows the prompt closer, with less variety."""
    negative_prompt: str = ""
    """What the pictures are guided away from."""
    spacing: str = "trailing"
    """Where the steps are: trailing (from 999 down), leading (from 1 up, as CompVis), linspace, or karras (even in the
    seventh root of sigma)."""
    regions: bool = False
    """Part each prompt at every | and the picture into as many columns: each is told its own text, so that concepts do
    not merge. Every text should describe the whole layout."""
    height: Optional[int] = None
    """Of the pictures; what the checkpoint was trained on by default."""
    width: Optional[int] = None
    """Of the pictures; what the checkpoint was trained on by default."""

    def times(self) -> Sequence[float]:
        """The times to visit.

        Raises:
            ValueError: if there are no such times.
        """
        told = {"offset": 1} if self.spacing == "leading" else {}
        return ScaledLinearSchedule().times(self.steps, self.spacing, **told)

    def texts(self, prompt: str) -> List[str]:
        """What the parts of the picture are told, from left to right."""
        return [text.strip() for text in prompt.split("|")] if self.regions else [prompt]

    def check(self) -> None:
        """Refuse what cannot be sampled with.

        Raises:
            UserError: naming the setting.
        """
        try:
            self.made().check(ScaledLinearSchedule(), self.times())
        except ValueError as error:
            raise UserError(str(error)) from None


def walk(
    model: StableDiffusion, texts: Tensor, negative: Tensor, seeds: Sequence[int], sampling: Sampling
) -> Iterator[Step]:
    """The reverse process of a batch of latents, one Step at a time.

    Args:
        model: on some device.
        texts: text states, of as many parts for each picture [B, parts, tokens, width].
        negative: those of the negative prompt [1, tokens, width].
        seeds: one a picture.
        sampling: checked settings.
    """
    shape = model.latent_shape(sampling.height, sampling.width)
    noise = SeededNoise(seeds, shape, texts.device)
    parts = [model.denoiser(part) for part in texts.unbind(dim=1)]
    conditional = parts[0] if len(parts) == 1 else Regions(parts, columns(len(parts), *shape[1:]))
    unconditional = model.denoiser(negative.expand_as(texts[:, 0]))
    # One pass of a doubled batch where that fills the device better; on a CPU one picture fills it already.
    batched = texts.device.type != "cpu" and len(parts) == 1
    denoiser = Guidance(conditional, unconditional, sampling.guidance_scale, batched=batched)
    return sampling.made()(noise(), denoiser, sampling.times(), noise)


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


def encoded(model: StableDiffusion, texts: Sequence[str]) -> Tensor:
    """The text states of one picture, a text for each of its parts: [1, parts, tokens, width]."""
    tokenizer = model.tokenizer()
    return model.encode([tokenizer(text) for text in texts])[None]
