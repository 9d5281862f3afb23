"""What is asked of `concepts generate`: each prompt's pictures, and a model that knows every word of them."""

from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..checkpoints import GivenWord, given_words
from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..stable_diffusion import StableDiffusion
from .generate_options import GenerateOptions
from .prompts import Source, UnknownWordError
from .telling import (
    tell_added,
    tell_cut,
    tell_idle_guidance,
    tell_learned_for_another,
    tell_other_sampler,
    tell_prompts_without_token,
    tell_unknown_to_small_world,
    tell_words,
)
from .words import with_words


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


def wanted(options: GenerateOptions, sources: Sequence[Source]) -> List[Series]:
    """Each prompt's pictures, in the course's folders where an input.json asks for them.

    Args:
        options: what to paint.
        sources: of the input.json, if any.
    """
    if options.input is None:
        digits = max(3, len(str(options.count - 1)))
        return [Series(str(place), prompt, "", digits) for place, prompt in enumerate(options.prompt)]
    return [
        Series(str(Path(source.key, str(place))), prompt, f"source{source.key}_prompt{place}_", 1)
        for source in sources
        for place, prompt in enumerate(source.prompts)
    ]


def loaded(
    options: GenerateOptions,
    beside: Sequence[Path],
    series: Sequence[Series],
    sources: Sequence[Source],
    worker: Worker,
    left_out: Optional[List[UserError]],
) -> Tuple[StableDiffusion, List[GivenWord]]:
    """The model with its words, every prompt checked against them, and what there is to tell told.

    Args:
        options: what to paint, with what.
        beside: folders of learned words that the user did not name; see `given_words`.
        series: all that is painted.
        sources: of the input.json, if any.
        worker: whose device it is put on; the first of several tells.
        left_out: if given, an UnknownWordError for each word that a prompt lacks is added to it.

    Returns:
        The model, and the words that were given.

    Raises:
        UserError: for what cannot be used.
    """
    device = worker.device()
    dtype = DTYPES[choose_precision(device, options.precision)]
    words = given_words(options.embeddings, beside)
    model, given = with_words(options.checkpoint, dtype, words, options.lora, options.custom, options.vae)
    _check_prompts(options, sorted({one.prompt for one in series}), model, left_out)
    if worker.rank == 0:
        _tell(options, [one.prompt for one in series], sources, model, given)
    return (model.to(device).compile() if options.compile else model.to(device)), given


def _check_prompts(
    options: GenerateOptions, prompts: Sequence[str], model: StableDiffusion, left_out: Optional[List[UserError]]
) -> None:
    """Refuse, or leave out, prompts with words that nobody has learned, and refuse those of too many parts."""
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


def _tell(
    options: GenerateOptions,
    prompts: Sequence[str],
    sources: Sequence[Source],
    model: StableDiffusion,
    given: Sequence[GivenWord],
) -> None:
    """All that there is to say before painting."""
    tokenizer, negative, added = model.tokenizer(), options.sampling.negative_prompt, list(model.added.values())
    prompts = sorted(set(prompts))
    tell_added(added, tokenizer, [*prompts, negative])
    tell_words(given, tokenizer, prompts, negative)
    tell_idle_guidance(options.sampling)
    tell_other_sampler(added, options.sampling)
    tell_learned_for_another(model.name, added, given)
    if options.input is not None:
        tell_prompts_without_token(options.input, sources, tokenizer)
    tell_unknown_to_small_world(model.name, tokenizer, [*prompts, negative])
    tell_cut(tokenizer, {negative, *(text for prompt in prompts for text in options.sampling.texts(prompt))})
