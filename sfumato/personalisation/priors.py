"""Prior preservation (Ruiz et al. 2022, "DreamBooth"): pictures that the model paints by itself, learned beside photos.

    E_photos | eps - eps_theta(z_t, t, tau(text)) |^2  +  E_priors | eps - eps_theta(z_t, t, tau(its own prompt)) |^2

What learns from five photos alone forgets what else its words meant: every dog becomes that dog. Pictures of the
untouched model for plain prompts, each learned with the prompt that it was painted for, hold it there.

    OUT/run.json         the settings that made them
    OUT/{0000 ...}.png   one picture each, with its prompt in it; the prompts in turn

A picture is a function of the checkpoint, the settings, its prompt and which one of its prompt's it is: an interrupted
painting goes on, and more of them begin with those that are there.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checkpoints import some, visible_files
from ..concepts.painting import Sampling, encoded, paint
from ..devices import Worker
from ..diffusion import seed_of
from ..errors import UserError, in_one_line, unwritable
from ..images import note_in, open_picture, pictures_among
from ..pictures.painting import AfterStep, Painting, paint_all
from ..runs import digest
from ..stable_diffusion import StableDiffusion
from .recipes import SMALL_PROMPTS

COUNT = 200
"""As Custom Diffusion and DreamBooth take for a concept."""
_AT_ONCE = 5


class Priors(NamedTuple):
    """Pictures that hold a model to what it knew, each with its prompt."""

    pictures: Tuple[Image.Image, ...]
    """RGB."""
    prompts: Tuple[str, ...]
    """Of each picture."""

    def crops(self, size: int) -> Tensor:
        """Their middle squares, uint8 [N, 3, size, size]; a painted one, which is such a square, whole and as it is."""
        return torch.stack([_square(picture, size) for picture in self.pictures])


def prior_prompts(given: Sequence[str], templates: Sequence[str], plain: str, small: bool) -> Tuple[str, ...]:
    """The plain prompts of a run.

    Args:
        given: by the user; they are taken where there are any.
        templates: that the photos are shown with, with {}.
        plain: the concept in plain words, which takes the word's place in them: "dog".
        small: whether the small world learns, whose prompts are a table.

    Returns:
        Each once, in order.

    Raises:
        UserError: for a prompt that is empty or cannot be written into a file.
    """
    for prompt in given:
        if not prompt.strip() or unwritable(prompt):
            raise UserError(f"--prior {prompt!a}: is no prompt; say what the model knows, such as 'a photo of a dog'")
    by_default = SMALL_PROMPTS if small else [template.replace("{}", plain) for template in templates]
    return tuple(dict.fromkeys(given or by_default))


def paint_priors(
    model: StableDiffusion,
    prompts: Sequence[str],
    out: Path,
    count: int = COUNT,
    seed: int = 0,
    sampling: Sampling = Sampling(),
    batch_size: int = _AT_ONCE,
) -> Priors:
    """Paint what is not there yet, and read all of it back.

    Args:
        model: on its device, as the checkpoint has it: nothing is added to its weights.
        prompts: plain ones, in turn.
        out: the folder; made if missing.
        count: of pictures.
        seed: other seeds give other pictures.
        sampling: how they are painted.
        batch_size: pictures at once.

    Raises:
        UserError: for a prompt with a word in angle brackets, more prompts than pictures, or a folder that holds what
            other settings made.
    """
    painting = _PriorPainting(model, prompts, count, seed, sampling)
    paint_all(painting, out, batch_size)
    if Worker.here().world > 1:
        # Imported here: one process paints without Accelerate.
        from ..training import wait_for_all

        wait_for_all()
    paths = [out / painting.path(asked) for asked in painting.wanted()]
    return Priors(tuple(open_picture(path) for path in paths), tuple(asked.prompt for asked in painting.wanted()))


def read_priors(folder: Path, captions: Mapping[Path, str] = {}, prompts: Sequence[str] = ()) -> Priors:
    """A folder of the user's own in place of painted pictures, by the files' names.

    Args:
        folder: with all folders in it, such as one that `concepts generate` painted into.
        captions: what pictures show, which counts more than the prompt that a painted picture has in it.
        prompts: of which each must have a picture.

    Raises:
        UserError: naming the folder, the picture without caption or prompt, or the prompt without pictures.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds the prior pictures")
    files = [
        path for path in pictures_among(visible_files(folder, deep=True), folder) if not path.name.startswith("sheet-")
    ]
    if not files:
        raise UserError(f"{folder}: holds no prior picture; paint some with `sfumato concepts generate`")
    told = {path: captions.get(path) or note_in(path).get("prompt") for path in files}
    silent = [str(path.relative_to(folder)) for path, prompt in told.items() if not isinstance(prompt, str)]
    if silent:
        raise UserError(f"{folder}: nothing says what {some(silent)} shows; give each prior picture a caption")
    _refuse_without_pictures(prompts, [str(prompt) for prompt in told.values()], str(folder))
    return Priors(tuple(open_picture(path) for path in files), tuple(str(prompt) for prompt in told.values()))


def prior_hashes(priors: Priors) -> str:
    """A short name of pictures and prompts, for the run's settings."""
    return digest(*(np.asarray(picture) for picture in priors.pictures), list(priors.prompts))


class _Prior(NamedTuple):
    """One picture to paint."""

    number: int
    prompt: str
    turn: int
    """How many of its prompt's stand before it."""


class _PriorPainting(Painting[_Prior]):
    # Not the command's own name, after which a whole command says what to type next.
    command, what = "prior pictures of concepts learn", "prior pictures"

    def __init__(
        self, model: StableDiffusion, prompts: Sequence[str], count: int, seed: int, sampling: Sampling
    ) -> None:
        self._model, self._prompts, self._count, self._seed, self._sampling = model, prompts, count, seed, sampling
        _refuse_words(model, prompts)
        _refuse_without_pictures(prompts, prompts[:count], f"--prior-count {count}")
        self.steps, self.schedule = sampling.steps, model.schedule
        # Not the count: what is there stays when more are asked for.
        self.settings = {**model.identity(), "prompts": list(prompts), "seed": seed, "sampling": sampling.told()}
        self._negative = encoded(model, [sampling.negative_prompt])[:, 0]

    def wanted(self) -> Iterator[_Prior]:
        each = len(self._prompts)
        return (_Prior(n, self._prompts[n % each], n // each) for n in range(self._count))

    def count(self) -> int:
        return self._count

    def path(self, asked: _Prior) -> Path:
        return Path(f"{asked.number:04d}.png")

    def note(self, asked: _Prior) -> Dict[str, Any]:
        told = {"prompt": asked.prompt, "seed": self._seed_of(asked), "checkpoint": self._model.name}
        return {**told, **self._sampling.told()}

    def caption(self, asked: _Prior) -> str:
        return asked.prompt

    def paint(self, batch: List[_Prior], after_step: AfterStep) -> Tensor:
        states = torch.cat([encoded(self._model, [asked.prompt]) for asked in batch])
        seeds = [self._seed_of(asked) for asked in batch]
        return paint(self._model, states, self._negative, seeds, self._sampling, after_step)

    def _seed_of(self, asked: _Prior) -> int:
        return seed_of(self._seed, "prior", asked.prompt, asked.turn)


def _refuse_words(model: StableDiffusion, prompts: Sequence[str]) -> None:
    tokenizer = model.tokenizer()
    for prompt in prompts:
        learned = [*tokenizer.words(prompt), *tokenizer.unknown(prompt)]
        if learned:
            raise UserError(
                f"--prior {in_one_line(prompt)!r}: {learned[0]} is no plain word; prior pictures show what the model"
                " knew before"
            )


def _refuse_without_pictures(prompts: Sequence[str], pictured: Sequence[str], where: str) -> None:
    lacking = [prompt for prompt in prompts if prompt not in pictured]
    if lacking:
        raise UserError(
            f"{where}: {len(lacking)} prior prompt(s) without a picture, such as {in_one_line(lacking[0])!r}; have at"
            " least one for each, or leave the prompt out"
        )


def _square(picture: Image.Image, size: int) -> Tensor:
    if picture.size != (size, size):
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        picture = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).contiguous()
