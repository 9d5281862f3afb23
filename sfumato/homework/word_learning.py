"""How a word is learned and judged for the homework.

OUT/runs/words/{source}/{candidate}/       the run that learned it, and painted/, what was judged
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Optional

from ..checkpoints import write_text
from ..clip import Clip
from ..concepts.evaluate import PromptScore, photos_of, score_prompt
from ..concepts.generate import GenerateOptions, generate
from ..concepts.prompts import Source
from ..images import graders_picture, picture_files
from ..outputs import open_folder
from ..personalisation.learn import learn
from ..personalisation.learn_options import LearnOptions
from .candidates import Candidate, candidates, kind_of, plain_words

WORD = "word.safetensors"
LOOKS = 4
"""Times that a word is looked at while it is learned, the best of which is kept."""
_PREVIEWS = 2
"""Pictures of each prompt at a look."""


@dataclass
class WordLearning:
    """What words are learned with.

    Attributes:
        folder: runs/words.
        checkpoint: None for the small one that ships.
        clip: the judge, None where there is none.
        clip_name: as it was given; None for the small one that ships.
        steps: of each learning; the recipe's by default.
        made_from: a digest of photos, prompts, checkpoint and judge.
    """

    folder: Path
    checkpoint: Optional[Path]
    clip: Optional[Clip]
    clip_name: Optional[str]
    steps: Optional[int]
    made_from: str

    def candidates_of(self, source: Source) -> Iterator[Candidate]:
        """What is tried for a source, the most promising first."""
        return candidates(kind_of(source), plain_words(source), self.checkpoint is None, self.steps)

    def run_of(self, source: Source, candidate: Candidate) -> Path:
        """The folder of a learning."""
        return self.folder / source.key / candidate.name(self.made_from)

    def previews(self, source: Source) -> int:
        """Pictures that a look paints."""
        return _PREVIEWS * len(source.prompts)

    def options_of(self, source: Source, photos: Path, candidate: Candidate) -> LearnOptions:
        """What a candidate is learned with; the prompts that are graded are its previews."""
        told = [prompt.replace(source.token, "{}") for prompt in source.prompts if source.token in prompt]
        judged = self.clip is not None and bool(told)
        return LearnOptions(
            photos=photos,
            out=self.run_of(source, candidate),
            token=(source.token,),
            checkpoint=self.checkpoint,
            preset=(("small-" if self.checkpoint is None else "") + candidate.kind,),
            init=(candidate.init,),
            vectors=candidate.vectors,
            steps=candidate.steps,
            batch_size=candidate.batch_size,
            lr=candidate.lr,
            plain=tuple(filter(None, [plain_words(source)])),
            clip=self.clip_name if judged else None,
            preview=tuple(told),
            preview_count=_PREVIEWS,
            preview_every=max(1, candidate.steps // LOOKS) if judged else 0,
            seed=candidate.seed,
        )


class SourceLearning:
    """One source's learning and judging.

    Args:
        learning: what it is done with.
        source: of the input.json.
        photos: folder of the textual_inversion data.
        entry: of the source in the file, as it stands there.
    """

    def __init__(self, learning: WordLearning, source: Source, photos: Path, entry: Any) -> None:
        self._learning, self._source, self._entry = learning, source, entry
        self._files = photos_of(source, photos)

    def learn(self, candidate: Candidate) -> None:
        """Learn a candidate, or go on with it."""
        learn(self._learning.options_of(self._source, self._files[0].parent, candidate))

    def judge(self, candidate: Candidate, count: int) -> List[PromptScore]:
        """Paint so many pictures of each prompt with a candidate, and score them as the course does."""
        clip, source = self._learning.clip, self._source
        assert clip is not None
        told = open_folder(self._learning.folder / source.key) / "input.json"
        write_text(told, json.dumps({source.key: self._entry}))
        run = self._learning.run_of(source, candidate)
        painted = generate(
            GenerateOptions(
                out=run / "painted",
                checkpoint=self._learning.checkpoint,
                input=told,
                embeddings=(run / WORD,),
                count=count,
                overwrite=True,
            )
        )
        references = clip.pictures([graders_picture(path) for path in self._files])
        best = max(1, count // 5)
        return [
            score_prompt(clip, source, number, pictures_of(painted, source, number, count), references, best)
            for number in range(len(source.prompts))
        ]


def pictures_of(painted: Path, source: Source, number: int, count: int) -> List[Path]:
    """The first pictures of a prompt: more may be there."""
    folder = painted / source.key / str(number)
    return [folder / f"source{source.key}_prompt{number}_{place}.png" for place in range(count)]


def extra_sources(photos: Path, sources: List[Source]) -> List[Source]:
    """Folders of photos that no prompt is about, such as the course's cat: the second of two concepts in one prompt."""
    taken = {name for source in sources for name in (source.key, Path(source.photos).name)}
    free = [path for path in sorted(photos.iterdir()) if path.is_dir() and path.name not in taken]
    names = [path.name for path in free if path.name.isalpha() and picture_files(path)]
    return [
        Source(name, f"<{name}>", name, (f"a photo of a <{name}>",), (f"a photo of a {name}",), ()) for name in names
    ]
