"""Painting prompts, with learned words, into the course's folders or into one.

    OUT/{source}/{prompt}/source{source}_prompt{prompt}_{0 ... 24}.png      from an input.json
    OUT/{prompt}/{000 ...}.png                                              from prompts given one by one
    OUT/sheet-prompts.webp                                                  the first of each prompt, with its words

A picture is a function of the checkpoint, the settings, its prompt and its number; see `pictures/painting.py`.
"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import GivenWord, given_words
from ..devices import DTYPES, PRECISIONS, Worker, choose_precision, refuse_to_compile
from ..diffusion import seed_of
from ..errors import UserError, unwritable
from ..images import PARAMETERS
from ..options import check_options, choice, number
from ..pictures.filming import FILM, check_filming
from ..pictures.painting import AfterStep, Painting, paint_all
from ..pictures.words_beneath import MOST, Asked, leave_sheet
from ..runs import digest
from ..stable_diffusion import VAE_OPTION, StableDiffusion
from .noting import PaintedFrom
from .painting import Sampling, decoded, encoded, paint
from .prompts import Source, UnknownWordError, read_input
from .telling import (
    tell_added,
    tell_idle_guidance,
    tell_other_sampler,
    tell_prompts_without_token,
    tell_unknown_to_small_world,
    tell_words,
)
from .words import with_words

SHEET = "sheet-prompts.webp"
"""The first pictures of each prompt, with its words beneath."""


@dataclass
class GenerateOptions:
    """Paint prompts with Stable Diffusion v1; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    checkpoint: Optional[Path] = None
    """A .ckpt or .safetensors with CompVis' keys, or a diffusers folder; the small one that ships by default, which
    knows digits."""
    prompt: Tuple[str, ...] = ()
    """What to paint."""
    input: Optional[Path] = None
    """The course's input.json, in place of prompts."""
    embeddings: Tuple[Path, ...] = ()
    """Files of learned words, or folders of such files; "FILE=<dog>" calls a file's word <dog>."""
    lora: Tuple[str, ...] = ()
    """Files of LoRAs (kohya's, diffusers' or peft's names), each FILE, FILE:0.8 for as much of it, or
    FILE:unet=0.8,text=0.3 for as much in each network; "small" for the one that ships, with which the small model
    paints in four passes (--sampler ddim --steps 4 --guidance-scale 1)."""
    custom: Tuple[str, ...] = ()
    """Files of `concepts learn --method custom`, or diffusers' Custom Diffusion, each FILE or FILE:0.8."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    count: int = number(25, 1)
    """Pictures of each prompt."""
    seed: int = number(0)
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = number(5, 1)
    """Pictures painted at once."""
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""
    compile: bool = False
    """Compile the U-Net first, which takes minutes; pictures then differ a little by what is painted beside them."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""
    film: Optional[Path] = field(default=None, metadata=FILM)


class Series(NamedTuple):
    """The pictures of one prompt, which are counted and not listed: there may be millions."""

    folder: str
    """Below OUT."""
    prompt: str
    begin: str
    """Of the pictures' names, before their numbers."""
    digits: int
    """Of the numbers, at least."""

    def picture(self, number: int) -> "Picture":
        """One of them, by its number from 0."""
        return Picture(Path(self.folder, f"{self.begin}{number:0{self.digits}d}.png"), self.prompt, number)


class Picture(NamedTuple):
    """One picture to paint."""

    path: Path
    """Below OUT."""
    prompt: str
    number: int
    """From 0."""

    def seed(self, run_seed: int) -> int:
        """Of its noise."""
        return seed_of(run_seed, self.prompt, self.number)


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
    sources = _checked(options)
    series = _wanted(options, sources)
    model, given = _loaded(options, beside, series, sources, Worker.here(), left_out)
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


def _checked(options: GenerateOptions) -> List[Source]:
    """Refuse bad settings; the sources of an input.json."""
    check_options(options)
    options.sampling.check()
    check_filming(options.film, options.out)
    if options.compile:
        refuse_to_compile(Worker.here().device())
    if bool(options.prompt) == (options.input is not None):
        raise UserError("give either --prompt, with at least one prompt, or --input with an input.json")
    for text in (*options.prompt, options.sampling.negative_prompt):
        if unwritable(text):
            raise UserError(f"{text!a}: has half a character or a NUL in it; give the prompt as UTF-8 text")
    return read_input(options.input) if options.input is not None else []


def _wanted(options: GenerateOptions, sources: Sequence[Source]) -> List[Series]:
    if options.input is None:
        digits = max(3, len(str(options.count - 1)))
        return [Series(str(place), prompt, "", digits) for place, prompt in enumerate(options.prompt)]
    return [
        Series(str(Path(source.key, str(place))), prompt, f"source{source.key}_prompt{place}_", 1)
        for source in sources
        for place, prompt in enumerate(source.prompts)
    ]


def _loaded(
    options: GenerateOptions,
    beside: Sequence[Path],
    series: Sequence[Series],
    sources: Sequence[Source],
    worker: Worker,
    left_out: Optional[List[UserError]],
) -> Tuple[StableDiffusion, List[GivenWord]]:
    """The model with its words, and those that were given, every prompt checked against them; refuses what cannot be
    used, tells the rest."""
    device = worker.device()
    dtype = DTYPES[choose_precision(device, options.precision)]
    words = given_words(options.embeddings, beside)
    model, given = with_words(options.checkpoint, dtype, words, options.lora, options.custom, options.vae)
    prompts, negative = sorted({one.prompt for one in series}), options.sampling.negative_prompt
    tokenizer = model.tokenizer()
    across = model.latent_shape(options.sampling.height, options.sampling.width)[2]
    for prompt in prompts:
        parts = len(options.sampling.texts(prompt))
        if parts > across:
            raise UserError(f"{prompt!r}: has {parts} parts, and a picture of this width no more than {across} columns")
        for word in tokenizer.unknown(prompt):
            unknown = UnknownWordError(prompt, word, model.words)
            if left_out is None:
                raise unknown
            left_out.append(unknown)
    if worker.rank == 0:
        tell_added(list(model.added.values()), tokenizer, [*prompts, negative])
        tell_words(given, tokenizer, prompts, negative)
        tell_idle_guidance(options.sampling)
        tell_other_sampler(list(model.added.values()), options.sampling)
        if options.input is not None:
            tell_prompts_without_token(options.input, sources, tokenizer)
        tell_unknown_to_small_world(model.name, tokenizer, [*prompts, negative])
    for text in sorted({negative, *(text for prompt in prompts for text in options.sampling.texts(prompt))}):
        cut = tokenizer(text).cut
        if cut:
            limit = model.text.config.tokens
            warnings.warn(f"a prompt is longer than {limit} tokens; this is left out: {cut!r}", stacklevel=2)
    return (model.to(device).compile() if options.compile else model.to(device)), given


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
