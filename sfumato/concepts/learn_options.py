"""What `concepts learn` can be told."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from ..devices import PRECISIONS
from ..errors import UserError
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..options import check_options, choice, number
from ..training import LoopOptions, TrainingOptions
from .recipes import KINDS, RECIPES, Recipe

_LEARNED = r"<[^<>\s]+>"


@dataclass
class LearnOptions:
    """Learn a word from a few photos; run the same command again to go on with an interrupted run."""

    photos: Path
    """Folder of about five photos of one thing, or in one style."""
    out: Path
    """Folder of the run: states, log, previews from step 0 on, all in word.png and word.webp, the word at each, and in
    the end the best one as word.safetensors."""
    token: str = "<new1>"
    """The word, as it will stand in prompts."""
    checkpoint: Optional[Path] = None
    """A Stable Diffusion v1 (.ckpt, .safetensors or a diffusers folder); the shipped small one by default."""
    preset: Optional[str] = choice(None, RECIPES)
    """object, style, course-dog, course-style, small-object or small-style: the settings below that are not given. By
    default the kind's, small- for the shipped model."""
    kind: Optional[str] = choice(None, KINDS)
    """object or style: which texts the photos are shown with."""
    init: Optional[str] = None
    """Words that say about what it is, such as dog: the new vectors begin as theirs. Words of more tokens than vectors
    are averaged in groups; those of fewer are repeated."""
    vectors: Optional[int] = number(None, 1)
    """Length of the word in tokens; more hold more, and follow the rest of the prompt less."""
    steps: Optional[int] = number(None, 1)
    """Optimizer steps."""
    batch_size: Optional[int] = number(None, 1)
    """Photos a step, over all processes and accumulated parts together."""
    accumulate: int = number(1, 1)
    """Parts that a batch is computed in, to save memory."""
    lr: Optional[float] = number(None, 0, above=True)
    """Peak learning rate (AdamW without weight decay)."""
    flip: Optional[bool] = None
    """Whether photos are shown mirrored too."""
    crops: int = number(1, 1)
    """Squares of each photo: 1 is the middle, more are at random places."""
    templates: Optional[Path] = None
    """A file of texts to show the photos with, one a line, with {} for the word; ours for the kind by default."""
    plain: Optional[str] = None
    """The concept in plain words, which CLIP compares previews with; init by default."""
    clip: Optional[str] = None
    """The CLIP that chooses among previews: a folder or a name on the hub; for the shipped model the shipped one, for
    another none by default: then the last word is kept."""
    preview: Tuple[str, ...] = ()
    """Prompts to preview, with {} where the word goes; two for the kind by default."""
    preview_count: int = number(2, 1)
    """Pictures of each."""
    preview_every: int = number(100, 0)
    """Steps between previews; 0 for never."""
    minutes: Optional[float] = number(None, 0, above=True)
    """Of learning, in place of steps."""
    plan: bool = False
    """Only say what would be done, and how long it takes on this machine."""
    save_every: int = number(100, 1)
    """Steps between saved states."""
    save_memory: Optional[bool] = None
    """Compute the U-Net's insides twice instead of keeping them: a third slower, a fraction of the memory. By default
    for pictures larger than 256."""
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""
    seed: int = number(0)
    """Of everything drawn."""

    def recipe(self) -> Recipe:
        """The preset with what was given in its place.

        Raises:
            UserError: for an unknown preset or kind, a number out of its range, or an init that is no word.
        """
        check_options(self)
        name = self.preset or ("small-" if self.checkpoint is None else "") + (self.kind or KINDS[0])
        given = {field: getattr(self, field, None) for field in asdict(RECIPES[name])}
        recipe = Recipe(**{**asdict(RECIPES[name]), **{k: v for k, v in given.items() if v is not None}})
        if not recipe.init.strip():
            raise UserError("give --init, a word that says about what it is, such as dog, or painting for a style")
        if re.search(_LEARNED, recipe.init):
            raise UserError(f"--init {recipe.init!r}: a learned word cannot be the beginning; give plain words")
        return recipe

    def training(self, recipe: Recipe) -> TrainingOptions:
        """How the loop runs."""
        warmup = min(50, recipe.steps // 10)
        loop = LoopOptions(
            recipe.steps, recipe.batch_size, self.accumulate, warmup, decay_share=0.5, ema=0.98, seed=self.seed
        )
        return TrainingOptions(
            loop, self.minutes, save_every=self.save_every, look_every=self.preview_every, plan=self.plan
        )

    def check_token(self) -> None:
        """Refuse a word that prompts could not use.

        Raises:
            UserError: saying why.
        """
        if Tokenizer().known(self.token):
            raise UserError(f"{self.token}: is in the vocabulary already; learned words look like <new1>")
        if not re.fullmatch(_LEARNED, self.token):
            raise UserError(
                f"{self.token}: has no angle brackets around it, so prompts would split it or find it inside other"
                f" words; learned words look like <new1>"
            )

    def settings(self, recipe: Recipe, templates: Tuple[str, ...], photos: Mapping[str, str]) -> Dict[str, Any]:
        """What decides the learned vectors, and which are kept, beside the checkpoint and the loop.

        Args:
            recipe: see `recipe`.
            templates: texts with {}.
            photos: see `photo_hashes`.
        """
        names = ("token", "crops", "plain", "clip", "preview", "preview_count", "preview_every")
        chosen = {name: getattr(self, name) for name in names}
        of_loop = ("steps", "batch_size")
        learned = {name: value for name, value in asdict(recipe).items() if name not in of_loop}
        return {**learned, **chosen, "templates": templates, "photos": dict(photos)}
