"""Prompts to pictures, in memory: the sampling settings and the walk of one batch."""

from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from ..diffusion import Guidance, Regions, Schedule, SeededNoise, Step, columns
from ..images import to_pixels
from ..options import number
from ..pictures.painting import AfterStep, walked
from ..sampling import GuidedSampling, sampler_choice
from ..stable_diffusion import SCHEDULE, StableDiffusion

_DEFAULTS: Dict[str, Any] = {"guidance_scale": 7.5, "spacing": "trailing"}
_OF_LCM: Dict[str, Any] = {"guidance_scale": 1.0, "spacing": "lcm"}
"""The same for the sampler of distilled weights, into which guidance was folded."""


@dataclass(frozen=True)
class Sampling(GuidedSampling):
    """How a prompt becomes a picture."""

    sampler: str = sampler_choice("dpmpp-2m")
    """One of SAMPLERS."""
    guidance_scale: Optional[float] = number(None, 0)
    """1 is no guidance; more follows the prompt closer, with less variety. 7.5 by default, and 1 with lcm, for whose
    weights guidance was folded in."""
    negative_prompt: str = ""
    """What the pictures are guided away from."""
    spacing: str = ""
    """Where the steps are: trailing (from 999 down), leading (from 1 up, as CompVis), linspace, karras (even in the
    seventh root of sigma), or lcm (of the 50 times that distilled weights know). lcm for lcm, else trailing by
    default."""
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
        spacing = self.settled().spacing
        return schedule.times(self.steps, spacing, **({"offset": 1} if spacing == "leading" else {}))

    def settled(self) -> "Sampling":
        """With the sampler's defaults where nothing was given."""
        own = _OF_LCM if self.sampler == "lcm" else _DEFAULTS
        return replace(self, **{name: value for name, value in own.items() if getattr(self, name) in (None, "")})

    @property
    def scale(self) -> float:
        """Of the guidance."""
        settled = self.settled().guidance_scale
        assert settled is not None
        return settled

    def told(self) -> Dict[str, Any]:
        """The settings as notes have them, defaults settled."""
        return GuidedSampling.told(self.settled())

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
    denoiser = Guidance(conditional, unconditional, sampling.scale, sampling.intervals()["guide"], batched)
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
