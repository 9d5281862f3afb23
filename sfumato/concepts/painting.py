"""Prompts to pictures, in memory: the sampling settings and the walk of one batch."""

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from .. import sampling
from ..diffusion import Guidance, Regions, Schedule, SeededNoise, Step, columns
from ..images import to_pixels
from ..options import number
from ..pictures.painting import AfterStep, walked
from ..sampling import sampler_choice
from ..stable_diffusion import SCHEDULE, StableDiffusion


@dataclass(frozen=True)
class Sampling(sampling.Sampling):
    """How a prompt becomes a picture."""

    sampler: str = sampler_choice("dpmpp-2m")
    """One of SAMPLERS."""
    guidance_scale: float = number(7.5, 0)
    """1 is no guidance; more follows the prompt closer, with less variety."""
    negative_prompt: str = ""
    """What the pictures are guided away from."""
    spacing: str = "trailing"
    """Where the steps are: trailing (from 999 down), leading (from 1 up, as CompVis), linspace, or karras (even in the
    seventh root of sigma)."""
    regions: bool = False
    """Part each prompt at every | and the picture into as many columns: each is told its own text, so that concepts do
    not merge. Every text should describe the whole layout."""
    height: Optional[int] = number(None, 1)
    """Of the pictures; what the checkpoint was trained on by default."""
    width: Optional[int] = number(None, 1)
    """Of the pictures; what the checkpoint was trained on by default."""

    def times(self, schedule: Schedule = SCHEDULE) -> List[float]:
        """The times to visit.

        Raises:
            ValueError: if there are no such times.
        """
        return schedule.times(self.steps, self.spacing, **({"offset": 1} if self.spacing == "leading" else {}))

    def texts(self, prompt: str) -> List[str]:
        """What the parts of the picture are told, from left to right."""
        return [text.strip() for text in prompt.split("|")] if self.regions else [prompt]

    def check(self, schedule: Schedule = SCHEDULE) -> None:
        """Refuse what cannot be sampled with; see there."""
        super().check(schedule)


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
    return sampling.walk(denoiser, noise(), noise)


@torch.no_grad()
def paint(
    model: StableDiffusion,
    texts: Tensor,
    negative: Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
    after_step: Optional[AfterStep] = None,
) -> Tensor:
    """The finished pictures of a batch: uint8 [B, H, W, 3]; `after_step` is as in `walked`, the rest as in `walk`."""
    steps = walk(model, texts, negative, seeds, sampling)
    return decoded(model, walked(steps, model.unet, after_step=after_step))


def decoded(model: StableDiffusion, latents: Tensor) -> Tensor:
    """The pictures of latents, clean or noisy: uint8 [B, H, W, 3]."""
    # One at a time: decoding takes more memory than the whole walk.
    return torch.cat([to_pixels(model.vae.decode(one)) for one in latents.split(1)])


def encoded(model: StableDiffusion, texts: Sequence[str]) -> Tensor:
    """The text states of one picture, a text for each of its parts: [1, parts, tokens, width]."""
    tokenizer = model.tokenizer()
    return model.encode([tokenizer(text) for text in texts])[None]
