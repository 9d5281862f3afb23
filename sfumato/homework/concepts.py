"""Problem 3: the words, their pictures and grade, two concepts at once, and classification by names."""

from pathlib import Path
from typing import List, Optional, Tuple

from ..concepts.evaluate import PICTURES, EvaluateOptions, evaluate, photos_of
from ..concepts.prompts import Source
from ..course import hw2_3
from ..images import picture_entries
from ..outputs import open_folder
from ..zero_shot import ZeroShotOptions, zero_shot
from .candidates import kind_of, plain_words
from .found import known_by
from .handing_in import copy
from .setup import Setup
from .stages import Stage, refuse_left_out
from .two_concepts import COUNT, Concept, TwoConcepts


def concept_stages(setup: Setup) -> List[Stage]:
    """What problem 3 takes, of what can be done."""
    stages = []
    if setup.checkpoint_file is not None and setup.sources:
        stages += _word_stages(setup)
        pair = _pair(setup)
        if pair is not None:
            stages.append(_two_concepts(setup, *pair))
    if setup.judges and setup.found.classes is not None and setup.found.labels is not None:
        stages.append(_zero_shot(setup, setup.found.classes, setup.found.labels))
    return stages


def _word_stages(setup: Setup) -> List[Stage]:
    options, tokens = setup.options, ", ".join(source.token for source in setup.all_sources)
    pictures, scores = setup.out / "pictures" / "concepts", setup.runs / "concepts" / "scores.json"
    count = PICTURES * sum(len(source.prompts) for source in setup.sources)
    words = setup.words  # now, since photos that are missing are missed here
    search = f", then better ones for {options.hours:g} h while a prompt fails" if setup.judges else ""
    stages = [
        Stage(
            "words",
            "3",
            f"learn {tokens}{search}",
            lambda: sum(map(setup.candidate_seconds, setup.all_sources)),
            [setup.learning.made_from, options.word_steps, options.hours],
            lambda: words.search(options.hours * 3600),
            made=[setup.learning.folder / "table.json"],
        ),
        Stage(
            "concepts",
            "3",
            f"paint {count} pictures with the best words",
            # What was judged is painted already.
            lambda: 0.0 if setup.judges else count * setup.prompt.picture,
            None,
            lambda: _paint(setup, pictures),
            made=[pictures, _embeddings(setup)],
            after=["words"],
        ),
    ]
    if setup.judges:
        stages.append(
            Stage(
                "concept-scores",
                "3",
                "judge them as the course does",
                lambda: count * setup.look,
                None,
                lambda: _judge(setup, pictures, scores),
                made=[scores],
                after=["concepts"],
            )
        )
    return stages


def _embeddings(setup: Setup) -> Path:
    return setup.out / "embeddings"


def _word_file(setup: Setup, source: Source) -> Path:
    return _embeddings(setup) / f"{source.token.strip('<>')}.safetensors"


def _paint(setup: Setup, pictures: Path) -> None:
    """Put the best words where the script finds them, and do what the script does."""
    words = setup.words
    for source in setup.all_sources:
        copy(words.best_word(source), _word_file(setup, source))
    for source in setup.sources:
        # What was judged need not be painted again: each picture tells what it was painted with.
        for path in words.judged_pictures(source):
            copy(path, pictures / source.key / path.parent.name / path.name)
    assert setup.found.input is not None and setup.checkpoint_file is not None
    refuse_left_out(hw2_3.paint(setup.found.input, pictures, setup.checkpoint_file, [_embeddings(setup)]))


def _judge(setup: Setup, pictures: Path, scores: Path) -> None:
    assert setup.found.input is not None and setup.found.photos is not None
    open_folder(scores.parent)
    evaluate(EvaluateOptions(setup.found.input, setup.found.photos, pictures, clip=setup.options.clip, json=scores))


def _pair(setup: Setup) -> Optional[Tuple[Source, Source]]:
    """The first thing and another one: the extra photos' where there are such, else the next source's."""
    things = [source for source in setup.sources if kind_of(source) == "object"]
    one = (things or setup.sources)[0]
    others = [source for source in [*setup.extra, *things, *setup.sources] if source.token != one.token]
    return (one, others[0]) if others else None


def _two_concepts(setup: Setup, one: Source, other: Source) -> Stage:
    folder = setup.runs / "two-concepts"

    def concept(source: Source) -> Concept:
        assert setup.found.photos is not None
        plain = plain_words(source) or "thing"
        photos = photos_of(source, setup.found.photos)
        return Concept(source.token, kind_of(source), plain, photos, _word_file(setup, source))

    def work() -> None:
        TwoConcepts(folder, setup.checkpoint, setup.clip, [concept(one), concept(other)]).paint_and_measure()

    return Stage(
        "two-concepts",
        "3",
        f"paint {one.token} and {other.token} in one picture, named and by regions",
        lambda: 5 * COUNT * setup.prompt.picture,  # regions are a pass each
        setup.learning.made_from,
        work,
        made=[folder],
        after=["concepts"],
    )


def _zero_shot(setup: Setup, pictures: Path, labels: Path) -> Stage:
    out, clip = setup.runs / "zero-shot", setup.options.clip
    count = sum(1 for _ in picture_entries(pictures))
    return Stage(
        "zero-shot",
        "3",
        f"classify {count:,} pictures by names",
        lambda: count * setup.look,
        [known_by(pictures, labels), clip],
        lambda: zero_shot(ZeroShotOptions(pictures, labels, clip=clip, out=out)),
        made=[out / "zero-shot.json"],
    )
