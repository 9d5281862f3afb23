"""The concepts' section: learned words, their scores, zero-shot classification, several concepts."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .found import Found, Note, short
from .learned import Word, known_words, words_in
from .learning import learning_part
from .parts import Figure, Part, Section, Table, of, some_of
from .section import Kind, section
from .shots import cells, picture
from .training import training
from .words import in_a_row, words
from .zero_shot import zero_shot_part

_SHOWN = 8
_BEST = 5
_MOST_PROMPTS = 25
"""Whose best pictures are shown; the numbers of all are."""
_RESULT = {True: "pass", False: "fail"}


def concepts_section(found: Found) -> Section:
    """Learning, scores, zero-shot and several concepts, of what is there."""
    learning = "learning a word: `sfumato concepts learn PHOTOS RUN --token '<new1>' --init digit`"
    scores = "scores against the baselines: `sfumato concepts evaluate --json-path input.json --input-dir PHOTOS"
    known, painted = known_words(found.all("concepts learn")), found.all("concepts generate")
    kinds = [
        Kind("concepts learn", learning_part, learning),
        Kind(
            "concepts evaluate",
            lambda note: _scores(note, beside(note, painted), known),
            f"{scores} --output-dir OUT`",
            measures="concepts generate",
        ),
        Kind("concepts generate", lambda note: _painted(note, known)),
        Kind(
            "zero-shot", zero_shot_part, "zero-shot classification: `sfumato zero-shot IMAGES id2label.json --out OUT`"
        ),
        Kind("world evaluate", _world, "several concepts on the small model: `sfumato world evaluate OUT`"),
        *[Kind(f"world {what}", training) for what in ("autoencoder", "clip", "train")],
    ]
    return section("Concepts: words learned from photos", [words("concepts")], kinds, found)


def beside(note: Note, painted: Sequence[Note]) -> Optional[Note]:
    """The run whose pictures a note in the same folder measures."""
    return next((one for one in painted if one.folder == note.folder), None)


def _scores(note: Note, painted: Optional[Note], known: Mapping[str, Word]) -> Part:
    prompts, count, total = note.content["prompts"], note.content["passed"], note.content["of"]
    judged = [words("passed", passed=count, of=total, clip=note.settings.get("clip", "CLIP"))] if total else []
    said = words_in(in_a_row([one["prompt"] for one in prompts]), painted, known)
    figures = [best_pictures(note, one, prompts, words_in(one["prompt"], painted, known)) for one in prompts]
    return Part(
        "Scores of the prompts",
        words=[*judged, *(word.told for word in said)],
        tables=[scores_table(note)],
        figures=[figure for some in figures[:_MOST_PROMPTS] for figure in some],
        glance=[("prompts that reach the baselines", of(count, total))] if total else [],
    )


def scores_table(note: Note) -> Table:
    """What each prompt scores."""
    prompts = note.content["prompts"]
    header = ["source", "prompt", "image", "text"]
    rows = [[one["source"], one["prompt"], f"{one['image']:.2f}", f"{one['text']:.2f}"] for one in prompts]
    if note.content["of"]:
        header += ["baselines", "result"]
        for row, one in zip(rows, prompts):
            asked = one["baseline"]
            row += ["none", "-"] if asked is None else ["{:g} / {:g}".format(*asked), _RESULT[one["passed"]]]
    return Table("CLIP scores of each prompt: means of the best five of its pictures.", header, rows)


def best_pictures(note: Note, one: Dict[str, Any], prompts: List[Dict[str, Any]], said: Sequence[Word]) -> List[Figure]:
    """The best five pictures of a prompt, where they still are, behind the photos of the words that it says."""
    number = [other["prompt"] for other in prompts if other["source"] == one["source"]].index(one["prompt"])
    found = [note.file(f"{one['source']}/{number}/{name}") for name in one["best"][:_BEST]]
    paths = [path for path in found if path is not None]
    if len(paths) < len(found) or not paths:
        return []
    shots = cells(paths, f"picture of the prompt {one['prompt']}", note)
    caption = words("caption.best", count=len(paths), prompt=one["prompt"], image=one["image"], text=one["text"])
    return [Figure([*(photo for word in said for photo in word.photos), *shots], caption, "row", key="best")]


def _painted(note: Note, known: Mapping[str, Word]) -> Part:
    """The first pictures of each prompt."""
    figures: List[Figure] = []
    prompts = note.settings["prompts"]
    for folder, prompt in prompts[:_SHOWN]:
        paths = note.pictures(folder)
        shots = cells(paths[:_BEST], f"picture of the prompt {prompt}", note)
        if shots:
            photos = [photo for word in words_in(prompt, note, known) for photo in word.photos]
            caption = words("caption.prompt", prompt=prompt, shown=some_of(len(shots), len(paths)))
            figures.append(Figure([*photos, *shots], caption, "row"))
    said = words_in(in_a_row([prompt for _, prompt in prompts]), note, known)
    return Part(f"Prompts in {short(note.folder)}", [word.told for word in said], figures)


_WORLD = {
    "one digit": "one digit in one look",
    "two digits": "two digits in one look",
    "two digits in two looks": "two digits, each in a look of its own",
    "street digits alone": "one street number",
    "object before": "the digit of `<new1>`, asked for in plain words",
    "object": "the digit of `<new1>`, asked for by the learned word",
    "object on a street": "the same as a street number",
    "style before": "the look of `<new2>`, not asked for",
    "style": "the look of `<new2>`, asked for by the learned word",
    "style in one half": "the look of `<new2>` in the left half, another in the right one",
    "both said apart": "both learned words, each at its own digit",
    "both in one prompt": "both learned words in one prompt",
    "both by regions": "both learned words, a region of the picture each",
}
"""What `world evaluate` calls its measurements -> what they are."""
_SHEETS = ("one digit", "object", "style", "both in one prompt", "both by regions")


def _world(note: Note) -> Part:
    measured: Dict[str, Dict[str, float]] = note.content["measured"]
    asked: Dict[str, str] = note.content["examples"]
    count = note.settings["count"]
    rows = [
        [_WORLD.get(name, name).replace("`", ""), asked[name], *(of(share, count) for share in shares.values())]
        for name, shares in measured.items()
    ]
    figures: List[Figure] = []
    for name, shares in measured.items():
        path = note.file(f"{name.replace(' ', '-')}.png")
        if path and ("both" in name or name in _SHEETS):
            what = _WORLD.get(name, name)
            caption = words(
                "caption.world",
                what=f"{what[:1].upper()}{what[1:]}",
                example=asked[name],
                right=of(shares["both right"], count),
            )
            figures.append(picture(path, f"pictures of the small model: {name}", caption, note, name.replace(" ", "-")))
    first, *_ = measured.values()
    header = [
        "asked for",
        "for example",
        *(f"{name} as asked" for name in (one.replace(" right", "") for one in first)),
    ]
    return Part(
        "The small model, and several concepts",
        words=[words("world")],
        tables=[Table("In how many pictures a judge reads what was asked for.", header, rows)],
        figures=figures,
        reasons=[words("merging"), words("regions.method"), words("survey")],
        glance=[
            (
                f"small model: {_WORLD[name].replace('`', '')}, digit and look as asked",
                of(measured[name]["both right"], count),
            )
            for name in _SHEETS
            if name in measured
        ],
    )
