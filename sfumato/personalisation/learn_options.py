"""What `concepts learn` can be told."""

import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..errors import UserError
from ..options import check_options, choice, number
from ..runs import file_identity
from ..stable_diffusion import VAE_OPTION
from ..training import TrainingOptions
from .beside_options import BesideOptions
from .concept import LEARNED, Concept, refuse_token
from .methods import METHODS
from .options import PhotoOptions
from .photos import Photos
from .recipes import KINDS, RECIPES, TEMPLATES, Recipe
from .running import RunningOptions
from .texts import read_templates

KEEP = ("auto", "clip", "loss", "last")
"""How the stage is chosen that is kept."""
_RANK = 8


@dataclass
class LearnOptions:
    """Learn a word, or more than a word, from a few photos; run the same command again to go on with an interrupted
    run."""

    photos: Path
    """Folder of about five photos of one thing, or in one style."""
    out: Path
    """Folder of the run: states, log, previews from step 0 on, all in word.png and word.webp, what was learned at each,
    and in the end one of them as word.safetensors, custom.safetensors or lora.safetensors."""
    method: str = choice("word", METHODS)
    """word (the vectors of a word: the smallest file), custom (and the keys and values of the text attention) or lora
    (and low-rank additions to all attentions)."""
    also: Tuple[Path, ...] = ()
    """Folders of photos of more concepts, which are learned together, each with a word of its own."""
    token: Tuple[str, ...] = ("<new1>",)
    """The word, as it will stand in prompts; one for each folder of photos."""
    word: bool = True
    """Learn a word too. Without one photos are shown with the words of --init, and what they look like goes into the
    weights alone."""
    checkpoint: Optional[Path] = None
    """A Stable Diffusion v1 (.ckpt, .safetensors or a diffusers folder); the shipped small one by default."""
    start: Optional[Path] = None
    """A word, LoRA or custom file to go on from, of the same method."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    preset: Tuple[str, ...] = choice((), RECIPES)
    """object, style, course-dog, course-style, small-object or small-style: the settings below that are not given. By
    default the kind's, small- for the shipped model."""
    kind: Tuple[str, ...] = choice((), KINDS)
    """object or style: which texts the photos are shown with."""
    init: Tuple[str, ...] = ()
    """Words that say about what it is, such as dog: the new vectors begin as theirs. Words of more tokens than vectors
    are averaged in groups; those of fewer are repeated."""
    vectors: Optional[int] = number(None, 1)
    """Length of the word in tokens; more hold more, and follow the rest of the prompt less."""
    steps: Optional[int] = number(None, 1)
    """Optimizer steps; the preset's by default, which in the small- ones depends on the method."""
    batch_size: Optional[int] = number(None, 1)
    """Photos a step, over all processes and accumulated parts together."""
    lr: Optional[float] = number(None, 0, above=True)
    """Peak learning rate of the word's vectors (AdamW without weight decay); the preset's by default."""
    weights_lr: Optional[float] = number(None, 0, above=True)
    """Peak learning rate of what is added to the weights (AdamW); the method's own by default."""
    rank: Optional[int] = number(None, 1)
    """Of a LoRA: the width of its matrices; 8 by default."""
    alpha: Optional[float] = number(None, 0, above=True)
    """Of a LoRA, which counts alpha / rank times; its rank by default."""
    text_encoder: bool = False
    """Whether a LoRA is added to the text encoder's attentions too."""
    flip: Optional[bool] = None
    """Whether photos are shown mirrored too."""
    reading: PhotoOptions = field(default_factory=PhotoOptions)
    beside: BesideOptions = field(default_factory=BesideOptions)
    templates: Optional[Path] = None
    """A file of texts to show the photos with, one a line, with {} for the word; ours for the kind by default."""
    plain: Tuple[str, ...] = ()
    """The concept in plain words, which CLIP compares previews with; init by default."""
    clip: Optional[str] = None
    """The CLIP that scores previews: a folder or a name on the hub; for the shipped model the shipped one, for another
    none by default."""
    keep: str = choice("auto", KEEP)
    """Which stage is kept in the end: clip (whose previews score best), loss (the lowest loss of the photos at noises
    and times that are the same for all) or last. auto takes clip where --clip is given, else last."""
    preview: Tuple[str, ...] = ()
    """Prompts to preview, with {} where the first word goes; two for each kind by default."""
    preview_count: int = number(2, 1)
    """Pictures of each."""
    preview_every: int = number(100, 0)
    """Steps between previews; 0 for never."""
    seed: int = number(0)
    """Of everything drawn."""
    running: RunningOptions = field(default_factory=RunningOptions)

    def concepts(self) -> List[Concept]:
        """What is learned, in the order of the folders.

        Raises:
            UserError: for an unknown preset or kind, a number out of its range, an init that is no word, a token that
                prompts could not use, options that do not belong together, or texts that cannot be read.
        """
        check_options(self)
        self.reading.check()
        self.settled()
        folders = [self.photos, *self.also]
        self._refuse_what_does_not_fit(len(folders))
        recipes = [self._recipe(place, len(folders)) for place in range(len(folders))]
        if self.word:
            for token in self.token:
                refuse_token(token)
        return [
            Concept(
                folder,
                self.token[place] if self.word else "",
                recipe,
                _given(self.plain, place, len(folders)) or recipe.init,
                read_templates(self.templates) if self.templates else TEMPLATES[recipe.texts or recipe.kind],
            )
            for place, (folder, recipe) in enumerate(zip(folders, recipes))
        ]

    def _refuse_what_does_not_fit(self, folders: int) -> None:
        if self.word and len(self.token) != folders:
            given = ", ".join(str(folder) for folder in (self.photos, *self.also))
            raise UserError(f"--token: {len(self.token)} word(s) for {given}; give one word each")
        if len(set(self.token)) < len(self.token):
            raise UserError(
                f"--token: two concepts with one word ({' '.join(self.token)}); give each a word of its own"
            )
        for name in ("preset", "kind", "init", "plain"):
            given = getattr(self, name)
            if len(given) not in (0, 1, folders):
                raise UserError(f"--{name}: {len(given)} for {folders} folder(s) of photos; give one, or one for each")
        if not self.word and self.method == "word":
            raise UserError("--no-word: --method word learns nothing else; give --method lora or custom")
        if not self.word and (self.lr is not None or self.vectors is not None):
            raise UserError("--lr and --vectors are a word's, and --no-word learns none")
        if self.method == "word" and self.weights_lr is not None:
            raise UserError("--weights-lr is for --method custom and lora; a word's learning rate is --lr")
        if self.method != "lora" and (self.rank is not None or self.alpha is not None or self.text_encoder):
            raise UserError("--rank, --alpha and --text-encoder are a LoRA's: give --method lora")
        if self.keep in ("clip", "loss") and not self.preview_every:
            raise UserError(f"--keep {self.keep}: chooses among previews, and --preview-every 0 makes none")
        if self.keep == "clip" and self.clip is None and self.checkpoint is not None:
            raise UserError("--keep clip: no CLIP is known for this checkpoint; give one with --clip")

    def _recipe(self, place: int, folders: int) -> Recipe:
        """A concept's preset with what was given in its place."""
        kind = _given(self.kind, place, folders)
        small = "small-" if self.checkpoint is None else ""
        preset = RECIPES[_given(self.preset, place, folders) or small + (kind or KINDS[0])]
        own: Dict[str, Any] = {"kind": kind, "init": _given(self.init, place, folders)}
        given = {field: own[field] if field in own else getattr(self, field, None) for field in asdict(preset)}
        recipe = replace(preset, **{field: value for field, value in given.items() if value is not None})
        recipe = self._of_method(recipe, folders)
        if not recipe.init.strip():
            raise UserError("give --init, a word that says about what it is, such as dog, or painting for a style")
        if re.search(LEARNED, recipe.init):
            raise UserError(f"--init {recipe.init!r}: a learned word cannot be the beginning; give plain words")
        return recipe

    def _of_method(self, recipe: Recipe, folders: int) -> Recipe:
        """A recipe, which is a word's, with what learning weights needs otherwise."""
        if self.method == "word":
            return recipe
        method = METHODS[self.method]
        if recipe.weights_lr is None:
            recipe = replace(recipe, weights_lr=method.small_lr if recipe.small else method.lr)
        return replace(recipe, steps=method.small_steps * folders) if recipe.small and self.steps is None else recipe

    def sizes(self) -> Tuple[int, float]:
        """Rank and alpha of a LoRA."""
        rank = self.rank or _RANK
        return rank, self.alpha or float(rank)

    def settled(self) -> BesideOptions:
        """What is learned beside the photos, the method's defaults included.

        Raises:
            UserError: for what does not belong together.
        """
        method = METHODS[self.method]
        mix = method.mix_share if self.also else 0.0
        return self.beside.settled(method.prior_share, mix, self.checkpoint is None)

    def training(self, recipe: Recipe) -> TrainingOptions:
        """How the loop runs, by the first concept's recipe."""
        return self.running.training(recipe.steps, recipe.batch_size, self.preview_every, self.seed)

    def settings(self, concepts: Sequence[Concept], photos: Sequence[Photos]) -> Dict[str, Any]:
        """What decides what is learned, and which stage is kept, beside the checkpoint and the loop.

        Args:
            concepts: see `concepts`.
            photos: of each.
        """
        names = ["clip", "keep", "preview", "preview_count", "preview_every"]
        told = {"method": self.method, **asdict(self.reading), **{name: getattr(self, name) for name in names}}
        if self.method == "lora":
            rank, alpha = self.sizes()
            told.update(rank=rank, alpha=alpha, text_encoder=self.text_encoder)
        if self.start is not None:
            told["start"] = file_identity(self.start)
        first, *others = [{**one.settings(), "photos": some.settings()} for one, some in zip(concepts, photos)]
        return {**told, **first, **({"also": others} if others else {})}


def _given(values: Sequence[str], place: int, count: int) -> Optional[str]:
    """What one of some concepts was given: its own, or what is for all."""
    return values[place if len(values) == count else 0] if values else None
