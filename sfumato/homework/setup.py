"""What all parts of the work share: the folders, the data, the judges, and how fast this machine is."""

from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from ..checkpoints import read_json
from ..clip import Clip
from ..concepts.evaluate import PICTURES, photos_of
from ..concepts.prompts import Source, read_input
from ..devices import DTYPES, Worker, choose_precision
from ..errors import UserError
from ..personalisation.learn import prepared
from ..pictures.course_judges import load_course_classifier
from ..stable_diffusion import SMALL_WORLD, StableDiffusion
from ..training import pace_of
from .found import Materials, find_materials, known_by
from .options import CourseOptions
from .pace import PromptPace, clip_seconds, digit_seconds, face_seconds, prompt_pace
from .word_learning import LOOKS, WordLearning, extra_sources
from .words import Words

SMALL = "small"
"""The word that stands for the checkpoint that ships."""


class Setup:
    """What is there, and what it can be used for.

    Args:
        options: checked.

    Raises:
        UserError: for what cannot be used.
    """

    def __init__(self, options: CourseOptions) -> None:
        self.options, self.out, self.runs = options, options.out, options.out / "runs"
        self.found: Materials = find_materials(options.data, options.classifier)
        self.problems = options.problems()
        self.checkpoint_file = SMALL_WORLD if str(options.checkpoint) == SMALL else options.checkpoint
        if options.train_digits and self.found.digits is None:
            raise UserError(f"{options.data}: holds no digits to train on; leave out --train-digits, or get them")
        # What was given is read now, whichever problems are done: files that are something else are refused here.
        if self.found.classifier is not None:
            load_course_classifier(self.found.classifier)
        self.small = self._is_small()
        self.clip = Clip(options.clip) if self.judges else None

    def _is_small(self) -> bool:
        """Whether the checkpoint is the one that ships, under whatever name; what is no Stable Diffusion v1 is refused
        here."""
        if self.checkpoint_file is None or self.checkpoint_file == SMALL_WORLD:
            return self.checkpoint_file is not None
        return StableDiffusion.load(self.checkpoint_file).name == StableDiffusion.load(SMALL_WORLD).name

    @property
    def checkpoint(self) -> Optional[Path]:
        """As the commands of concepts take it: None for the one that ships."""
        return None if self.small else self.checkpoint_file

    @property
    def judges(self) -> bool:
        """Whether a CLIP is there that knows what is painted: the small one knows the small checkpoint's digits."""
        return self.options.clip is not None or self.small

    @cached_property
    def sources(self) -> List[Source]:
        """Of the input.json; none without it."""
        return read_input(self.found.input) if self.found.input is not None else []

    @cached_property
    def extra(self) -> List[Source]:
        """Concepts that no prompt is about."""
        return extra_sources(self.found.photos, self.sources) if self.found.photos is not None else []

    @property
    def all_sources(self) -> List[Source]:
        """Of all words that are learned."""
        return [*self.sources, *self.extra]

    @cached_property
    def entries(self) -> Mapping[str, Any]:
        """The same as they stand in the file."""
        told = read_json(self.found.input, "") if self.found.input is not None else {}
        return dict(told)

    @cached_property
    def learning(self) -> WordLearning:
        """What words are learned with."""
        options = self.options
        made_from = known_by(self.checkpoint_file, self.found.photos) + str(options.clip)
        return WordLearning(
            self.runs / "words", self.checkpoint, self.clip, options.clip, options.word_steps, made_from
        )

    @cached_property
    def words(self) -> Words:
        """Learned and to be learned."""
        assert self.found.photos is not None
        return Words(self.learning, self.sources, self.extra, self.found.photos, self.entries, self.candidate_seconds)

    @cached_property
    def digit(self) -> float:
        """Seconds of a digit."""
        return digit_seconds()

    @cached_property
    def face(self) -> float:
        """Seconds of a face."""
        assert self.found.unet is not None
        return face_seconds(self.found.unet)

    @cached_property
    def prompt(self) -> PromptPace:
        """Of a picture of Stable Diffusion."""
        dtype = DTYPES[choose_precision(Worker.here().device(), "auto")]
        return prompt_pace(StableDiffusion.load(self.checkpoint or SMALL_WORLD, dtype))

    @cached_property
    def look(self) -> float:
        """Seconds of a CLIP's look at a picture."""
        assert self.clip is not None
        return clip_seconds(self.clip)

    @cached_property
    def learned_photo(self) -> float:
        """Seconds that learning from a photo once takes."""
        assert self.found.photos is not None
        source = self.sources[0]
        candidate = next(self.learning.candidates_of(source))
        photos = photos_of(source, self.found.photos)[0].parent
        pace = pace_of(*prepared(self.learning.options_of(source, photos, candidate)))
        return (pace or 0.0) / candidate.batch_size

    def candidate_seconds(self, source: Source) -> float:
        """Of learning a word the first way, with its looks, and of judging it whole."""
        candidate = next(self.learning.candidates_of(source))
        seconds = candidate.steps * candidate.batch_size * self.learned_photo
        if not self.judges:
            return seconds
        pictures = (1 + LOOKS) * self.learning.previews(source)  # also of the word before it is learned
        pictures += 0 if source in self.extra else PICTURES * len(source.prompts)
        return seconds + pictures * (self.prompt.picture + self.look)

    def settings(self) -> Dict[str, Any]:
        """What decides the whole, for the note of the grade."""
        options = self.options
        names = ("student_id", "only", "hours", "train_digits", "digit_steps", "word_steps", "clip")
        return {name: getattr(options, name) for name in names}
