"""Painting prompts, with learned words, into the course's folders or into one.

    OUT/{source}/{prompt}/source{source}_prompt{prompt}_{0 ... 24}.png      from an input.json
    OUT/{prompt}/{000 ...}.png                                              from prompts given one by one
    OUT/run.json                                                            the settings that made them

A picture is a function of the checkpoint, the settings, its prompt and its number: not of the batch or the process that
it was painted in. A run that was interrupted goes on with what is missing.
"""

import itertools
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor
from tqdm import tqdm

from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError, in_range
from ..pictures import save_png
from ..runs import digest, open_run, painted_by
from .model import StableDiffusion
from .painting import Sampling, encoded, paint
from .prompts import UnknownWordError, read_input, unknown_words
from .words import with_words


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
    """Files of learned words, or folders of such files."""
    count: int = 25
    """Pictures of each prompt."""
    seed: int = 0
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = 5
    """Pictures painted at once."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""


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


def generate(options: GenerateOptions) -> Path:
    """Paint what is asked for and not there yet; see GenerateOptions.

    Returns:
        The folder.

    Raises:
        UserError: for what cannot be used, before anything is painted.
    """
    worker = Worker.here()
    device = worker.device()
    pictures = _wanted(options)
    model = _loaded(options, device, {picture.prompt for picture in pictures})
    settings = _settings(options, model, pictures)
    run = open_run(options.out, "concepts generate", settings, worker, overwrite=options.overwrite)
    todo = [p for p in worker.share(pictures) if not painted_by(run, options.out / p.path)]
    for folder in sorted({(options.out / picture.path).parent for picture in todo}):
        folder.mkdir(parents=True, exist_ok=True)
    with tqdm(
        total=len(todo) * options.sampling.steps, desc="painting concepts", unit="step", disable=worker.rank > 0
    ) as bar:
        texts: Dict[str, Tensor] = {}
        began = time.monotonic()
        negative = encoded(model, [options.sampling.negative_prompt])[:, 0]
        done = 0
        for batch in _batches(todo, options):
            for prompt in sorted({picture.prompt for picture in batch} - set(texts)):
                texts[prompt] = encoded(model, options.sampling.texts(prompt))
            _paint_batch(model, batch, texts, negative, options, run, bar)
            done += len(batch)
            speed = done / (time.monotonic() - began)
            bar.set_postfix_str(f"{speed:.2f} pictures/s", refresh=False)
    return options.out


def _batches(todo: Sequence[Picture], options: GenerateOptions) -> Iterator[List[Picture]]:
    """Pictures to paint at once: those with as many parts."""
    for _, alike in itertools.groupby(todo, lambda picture: len(options.sampling.texts(picture.prompt))):
        rest = list(alike)
        for start in range(0, len(rest), options.batch_size):
            yield rest[start : start + options.batch_size]


def _paint_batch(
    model: StableDiffusion,
    batch: Sequence[Picture],
    texts: Dict[str, Tensor],
    negative: Tensor,
    options: GenerateOptions,
    run: str,
    bar: "tqdm[Any]",
) -> None:
    states = torch.cat([texts[picture.prompt] for picture in batch])
    seeds = [picture.seed(options.seed) for picture in batch]
    pixels = paint(model, states, negative, seeds, options.sampling, lambda: bar.update(len(batch)))
    for picture, seed, one in zip(batch, seeds, pixels):
        told = {"prompt": picture.prompt, "seed": seed, "checkpoint": model.name, "run": run}
        save_png(options.out / picture.path, one, {**told, **asdict(options.sampling)})


def _wanted(options: GenerateOptions) -> List[Picture]:
    options.sampling.check()
    for name in ("count", "batch_size"):
        in_range(options, name, 1)
    if bool(options.prompt) == (options.input is not None):
        raise UserError("give either --prompt, with at least one prompt, or --input with an input.json")
    numbers = range(options.count)
    if options.input is None:
        digits = max(3, len(str(options.count - 1)))
        return [
            Picture(Path(str(place), f"{number:0{digits}d}.png"), prompt, number)
            for place, prompt in enumerate(options.prompt)
            for number in numbers
        ]
    return [
        Picture(Path(source.key, str(place), f"source{source.key}_prompt{place}_{number}.png"), prompt, number)
        for source in read_input(options.input)
        for place, prompt in enumerate(source.prompts)
        for number in numbers
    ]


def _loaded(options: GenerateOptions, device: torch.device, prompts: Collection[str]) -> StableDiffusion:
    """The model with its words, every prompt checked against them; refuses what cannot be used."""
    dtype = DTYPES[choose_precision(device, options.precision)]
    model = with_words(options.checkpoint, dtype, options.embeddings)
    across = model.latent_shape(options.sampling.height, options.sampling.width)[2]
    for prompt in sorted(prompts):
        parts = len(options.sampling.texts(prompt))
        if parts > across:
            raise UserError(f"{prompt!r}: has {parts} parts, and a picture of this width no more than {across} columns")
        unknown = unknown_words(prompt, list(model.words))
        if unknown:
            raise UnknownWordError(prompt, unknown, model.words)
    tokenizer = model.tokenizer()
    texts = [text for prompt in prompts for text in options.sampling.texts(prompt)]
    for text in sorted({*texts, options.sampling.negative_prompt}):
        cut = tokenizer(text).cut
        if cut:
            limit = model.text.config.tokens
            warnings.warn(f"a prompt is longer than {limit} tokens; this is left out: {cut!r}", stacklevel=2)
    return model.to(device)


def _settings(options: GenerateOptions, model: StableDiffusion, pictures: Sequence[Picture]) -> Dict[str, Any]:
    """What decides each picture."""
    words = {word: digest(vectors.numpy()) for word, vectors in model.words.items()}
    prompts = sorted({(str(picture.path.parent), picture.prompt) for picture in pictures})
    return {
        "checkpoint": model.name,
        "words": words,
        "prompts": prompts,
        "seed": options.seed,
        "sampling": asdict(options.sampling),
    }
