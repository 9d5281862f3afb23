"""Painting prompts, with learned words, into the course's folders or into one.

    OUT/{source}/{prompt}/source{source}_prompt{prompt}_{0 ... 24}.png      from an input.json
    OUT/{prompt}/{000 ...}.png                                              from prompts given one by one
    OUT/sheet-prompts.webp                                                  the first of each prompt, with its words

A picture is a function of the checkpoint, the settings, its prompt and its number; see `pictures/painting.py`.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
from torch import Tensor

from ..devices import Worker
from ..errors import UserError
from ..images import PARAMETERS
from ..pictures.painting import AfterStep, Painting, paint_all
from ..pictures.words_beneath import MOST, Asked, leave_sheet
from ..runs import digest
from ..stable_diffusion import StableDiffusion
from .asked import Picture, Series, loaded, wanted
from .generate_options import GenerateOptions
from .noting import PaintedFrom
from .painting import decoded, encoded, paint
from .prompts import UnknownWordError, read_input

SHEET = "sheet-prompts.webp"
"""The first pictures of each prompt, with its words beneath."""


def generate(options: GenerateOptions, beside: Sequence[Path] = (), left_out: Optional[List[UserError]] = None) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions.

    Args:
        options: what to paint, with what.
        beside: folders of learned words that the user did not name; see `given_words`.
        left_out: see `paint_all`; given, an UnknownWordError for each word that a prompt lacks is added to it, and the
            other prompts are painted.

    Returns:
        The folder.

    Raises:
        UserError: for what cannot be used, before anything is painted.
    """
    painting = painting_of(options, beside, left_out)
    if not painting.series:
        return options.out
    inside = [one.folder for one in painting.series]
    return paint_all(painting, options.out, options.batch_size, options.overwrite, inside, left_out, options.film)


def painting_of(
    options: GenerateOptions, beside: Sequence[Path] = (), left_out: Optional[List[UserError]] = None
) -> "_ConceptPainting":
    """What `generate` paints, all checked and nothing painted; see there.

    Raises:
        UserError: for what cannot be used.
    """
    options.check()
    sources = read_input(options.input) if options.input is not None else []
    series = wanted(options, sources)
    model, given = loaded(options, beside, series, sources, Worker.here(), left_out)
    lacking = {fault.prompt for fault in left_out or () if isinstance(fault, UnknownWordError)}
    series = [one for one in series if one.prompt not in lacking]
    files = PaintedFrom(options.checkpoint, model, len(options.lora), given, options.vae)
    return _ConceptPainting(options, series, model, files)


class _ConceptPainting(Painting[Picture]):
    command, what = "concepts generate", "concepts"

    def __init__(
        self, options: GenerateOptions, series: Sequence[Series], model: StableDiffusion, files: PaintedFrom
    ) -> None:
        self._options, self.series, self._model, self.steps = options, series, model, options.sampling.steps
        self._files = files
        self.settings, self.schedule = _settings(options, model, series), model.schedule
        self._negative = encoded(model, [options.sampling.negative_prompt])[:, 0]
        self._texts: Dict[str, Tensor] = {}

    def wanted(self) -> Iterator[Picture]:
        return (one.picture(number) for one in self.series for number in range(self._options.count))

    def count(self) -> int:
        return len(self.series) * self._options.count

    def path(self, asked: Picture) -> Path:
        return asked.path

    def alike(self, asked: Picture) -> int:
        return len(self._options.sampling.texts(asked.prompt))

    def name(self, run: str, asked: Picture) -> str:
        # Not the run's: its other prompts, and words that are not said in this one, decide nothing here.
        options, model = self._options, self._model
        said = [model.said(text) for text in (*options.sampling.texts(asked.prompt), options.sampling.negative_prompt)]
        return digest({**model.identity(), "seed": options.seed, "sampling": options.sampling.told()}, said)

    def drawn(self, asked: Picture) -> Dict[str, int]:
        return {"run_seed": self._options.seed, "count": asked.number + 1}

    def note(self, asked: Picture) -> Dict[str, Any]:
        told = {"prompt": asked.prompt, "seed": asked.seed(self._options.seed)}
        sampling = self._options.sampling
        return {**told, **self._files.note(asked.prompt, sampling), **sampling.told()}

    def texts(self, asked: Picture) -> Dict[str, str]:
        seed = asked.seed(self._options.seed)
        return {PARAMETERS: self._files.parameters(asked.prompt, seed, self._options.sampling)}

    def finish(self, out: Path) -> None:
        numbers = range(min(self._options.count, MOST))
        shown = (Asked(one.prompt, [out / one.picture(number).path for number in numbers]) for one in self.series)
        leave_sheet(list(shown), out / SHEET)

    def caption(self, asked: Picture) -> str:
        return asked.prompt

    def seen(self, x: Tensor) -> Tensor:
        # Noisy ones too: a linear map of latents to colours, which is quicker, shows squares that do not end in the
        # painted picture.
        return decoded(self._model, x)

    def paint(self, batch: List[Picture], after_step: AfterStep) -> Tensor:
        sampling = self._options.sampling
        for prompt in sorted({asked.prompt for asked in batch} - set(self._texts)):
            self._texts[prompt] = encoded(self._model, sampling.texts(prompt))
        states = torch.cat([self._texts[asked.prompt] for asked in batch])
        seeds = [asked.seed(self._options.seed) for asked in batch]
        return paint(self._model, states, self._negative, seeds, sampling, after_step)


def _settings(options: GenerateOptions, model: StableDiffusion, series: Sequence[Series]) -> Dict[str, Any]:
    """What decides each picture."""
    words = {word: digest(vectors.numpy()) for word, vectors in model.words.items()}
    spelled = {"any_case": sorted(model.any_case), "also": model.also} if model.any_case or model.also else {}
    return {
        **model.identity(),
        "words": words,
        **spelled,
        "prompts": sorted({(one.folder, one.prompt) for one in series}),
        "seed": options.seed,
        "sampling": options.sampling.told(),
    }
