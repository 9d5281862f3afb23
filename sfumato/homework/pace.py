"""How long the parts of the work take on this machine, by a step or two of each."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

import torch
from PIL import Image

from ..clip import Clip
from ..concepts.painting import Sampling as PromptSampling
from ..concepts.painting import encoded
from ..concepts.painting import paint as paint_prompts
from ..devices import Worker
from ..diffusion import SeededNoise
from ..digits.model import SHIPPED, load_digits
from ..digits.painting import Sampling as DigitSampling
from ..digits.painting import paint as paint_digits
from ..faces.model import load_faces
from ..faces.painting import Sampling as FaceSampling
from ..faces.painting import paint as paint_faces
from ..pictures.memory import batch_that_fits
from ..stable_diffusion import StableDiffusion

_DIGITS_AT_ONCE = 50
_CLIP_TRIED = 8


_TRIES = 2


def _seconds(work: Callable[[], object]) -> float:
    """The least of several, since other work disturbs."""
    found = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def _step_and_rest(paint: Callable[[int], object]) -> List[float]:
    """Seconds of one more step, and of all that is not a step; `paint` is told how many steps."""
    paint(1)  # the first walk is slower than all others
    one, two = _seconds(lambda: paint(1)), _seconds(lambda: paint(2))
    step = max(two - one, 0.0)
    return [step, max(one - step, 0.0)]


def digit_seconds(weights: Optional[Path] = None) -> float:
    """Of painting a digit."""
    model, device = load_digits(weights or SHIPPED), Worker.here().device()
    model.to(device)
    labels = [number % model.network.config.classes for number in range(_DIGITS_AT_ONCE)]
    seeds = list(range(_DIGITS_AT_ONCE))
    sampling = DigitSampling()
    step, rest = _step_and_rest(
        lambda steps: paint_digits(model, labels, seeds, replace(sampling, steps=steps), device)
    )
    return (sampling.steps * step + rest) / _DIGITS_AT_ONCE


def face_seconds(unet: Path) -> float:
    """Of painting a face with a network; the network is checked on the way.

    Raises:
        UserError: if the file is none.
    """
    model, device = load_faces(unet), Worker.here().device()
    model.to(device)
    size, count = model.network.config.size, batch_that_fits(model)
    noise, sampling = SeededNoise(list(range(count)), (3, size, size), device)(), FaceSampling()
    step, rest = _step_and_rest(lambda steps: paint_faces(model, noise, replace(sampling, steps=steps)))
    return (sampling.steps * step + rest) / count


class PromptPace(NamedTuple):
    """Of Stable Diffusion."""

    picture: float
    """Seconds that one takes."""
    bytes: int
    """That its file has, about."""


def prompt_pace(model: StableDiffusion) -> PromptPace:
    """Of painting prompts.

    Args:
        model: on the CPU; moved to the best device.
    """
    device = Worker.here().device()
    model.to(device)
    # A CPU is full with one picture.
    count = 1 if device.type == "cpu" else 5
    states = torch.cat([encoded(model, ["a photo"])] * count)
    negative, sampling = encoded(model, [""])[:, 0], PromptSampling()

    def paint(steps: int) -> object:
        return paint_prompts(model, states, negative, list(range(count)), replace(sampling, steps=steps))

    step, rest = _step_and_rest(paint)
    # A photo's PNG takes some two bytes a pixel.
    return PromptPace((sampling.steps * step + rest) / count, 2 * model.size**2)


def clip_seconds(clip: Clip) -> float:
    """Of looking at a picture."""
    pictures = [Image.new("RGB", (64, 64))] * _CLIP_TRIED
    clip.pictures(pictures)
    return _seconds(lambda: clip.pictures(pictures)) / _CLIP_TRIED
