"""Problem 3: CLIP, and words that are learned from photos."""

from typing import Any, Dict, List, Optional

from ..concepts import best_pictures, scores_table
from ..equations import equation
from ..found import Note
from ..learned import Word, known_words, words_in
from ..parts import Figure, Table, some_of
from ..section import reading
from ..shots import cells
from ..words import in_a_row, words
from ..zero_shot import zero_shot_figure, zero_shot_words
from .questions import Question, Runs, homely

_CLIP = (
    r"p(k\,|\,x) = \frac{\exp(\cos(f(x), g(y_k)) / \tau)}{\sum_j \exp(\cos(f(x), g(y_j)) / \tau)}, \quad"
    r" \cos(u, v) = \frac{u \cdot v}{|u|\,|v|}"
)
_CONTRASTIVE = (
    r"L = -\frac{1}{2N} \sum_i \left( \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ij}/\tau}}"
    r" + \log \frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ji}/\tau}} \right), \quad s_{ij} = \cos(f(x_i), g(y_j))"
)
_INVERSION = (
    r"v_* = \mathrm{argmin}_v\;"
    r"\mathrm{E}_{z, t, \epsilon, y}\,\Vert \epsilon - \epsilon_\theta(z_t, t, c(y, v)) \Vert^2"
)
_CUSTOM = r"L(W^K, W^V, v_*) = \mathrm{E}_{z, c, t, \epsilon}\,\Vert \epsilon - \epsilon_\theta(z_t, c, t) \Vert^2"
_MERGED = (
    r"\hat{W} = \mathrm{argmin}_W\,\Vert W C_{reg}^T - W_0 C_{reg}^T \Vert_F \quad \mathrm{with} \quad W C^T = V",
    r"\hat{W} = W_0 + v^T d, \quad d = C (C_{reg}^T C_{reg})^{-1}, \quad v^T = (V - W_0 C^T)(d\,C^T)^{-1}",
)
_REGIONS = r"\hat{x}_0 = \sum_i \frac{m_i}{\sum_j m_j}\,\hat{x}_0(x_t, t, y_i) \quad (m_i = 1\ \mathrm{in\ region}\ i)"
_SHOWN, _TABLED = 5, 24
_HEADER = ("", "first words", "rate", "batch", "vectors", "steps", "texts", "kept at", "margin, of pictures", "in full")


def concept_questions(runs: Runs) -> List[Question]:
    """P3.1, P3.2, and the words that were learned for the score."""
    return [_zero_shot(runs), _several(runs), _learned(runs)]


def _zero_shot(runs: Runs) -> Question:
    question = Question(
        "P3.1",
        "Zero-shot classification with CLIP",
        'Classify clip_zeroshot/val with "A photo of {object}.": how does CLIP do it, how accurate is it? Show five'
        " right and five wrong predictions.",
    )
    question.say("zero-shot.method")
    question.write(_CONTRASTIVE)

    def tell(note: Note) -> None:
        told = zero_shot_words(note)
        question.add(told["classifier"], equation(_CLIP), told["measured"])
        question.add(zero_shot_figure(note))
        question.add(*(told[name] for name in ("why", "small") if name in told))

    question.of(runs.note("zero-shot", "zero-shot"), runs.why("P3.1", "zero-shot"), tell)
    return question


def _several(runs: Runs) -> Question:
    question = Question(
        "P3.2",
        "Several concepts in one prompt",
        'What happens with several concepts in one prompt ("a <new1> next to a <new2>")? Survey one paper on it, and'
        " tell its method.",
    )
    question.say("merging")
    note = runs.note("course two-concepts", "two-concepts/scores.json")
    named, regions = (runs.note("concepts generate", f"two-concepts/{way}") for way in ("named", "regions"))
    question.add(*_painted(named, "Both named in one prompt"))
    question.of(note, runs.why("P3.2", "two-concepts"), lambda note: _compared(question, note))
    question.blocks.append(words("custom.paper"))
    question.say("custom.idea")
    question.say("custom.loss")
    question.write(_CUSTOM)
    question.say("custom.several")
    question.write(*_MERGED)
    for name in ("custom.several.terms", "custom.figure", "custom.limits", "regions.method"):
        question.say(name)
    question.write(_REGIONS)
    question.add(*_painted(regions, "By regions, each taking the prediction of its own prompt"))
    if note is not None:
        with reading(note):
            question.add(_regions(note))
    question.say("regions.compared")
    question.say("survey")
    question.notes += [one for one in (named, regions) if one is not None]
    return question


def _painted(note: Optional[Note], caption: str) -> List[Figure]:
    """The first pictures of a run's first prompt."""
    if note is None:
        return []
    with reading(note):
        folder, prompt = note.settings["prompts"][0]
        paths = note.pictures(folder)
        shots = cells(paths[:_SHOWN], f"picture of the prompt {prompt}", note)
    told = words("caption.named", way=caption, prompt=prompt, shown=some_of(len(shots), len(paths)))
    return [Figure(shots, told, "row")] if shots else []


def _scores(scores: Dict[str, float]) -> str:
    return in_a_row([f"{score:.1f} for `{token}`" for token, score in scores.items()])


def _ways(note: Note) -> Dict[str, Dict[str, Any]]:
    return {row["way"]: row for row in note.content["rows"]}


def _compared(question: Question, note: Note) -> None:
    alone, named = note.content["alone"], _ways(note)["named"]["image"]
    told = {"prompt": note.content["prompt"], "named": _scores(named), "clip": homely(note.content["clip"])}
    lost = {token: alone[token] - score for token, score in named.items() if token in alone}
    worst = max(lost, key=lambda token: lost[token]) if lost else ""
    seen = ""
    if lost:
        others = in_a_row([f"{token} {points:.1f}" for token, points in lost.items() if token != worst])
        beside_it = f" ({others})" if others else ""
        named_lost = words("naming.lost", worst=f"`{worst}`", loss=lost[worst], others=beside_it)
        seen = named_lost if lost[worst] > 0 else words("naming.kept")
    beside = words("naming.alone", alone=_scores(alone)) + " " if alone else ""
    question.say("naming.measured", **told, alone=beside, seen=seen)


def _regions(note: Note) -> List[Any]:
    ways = _ways(note)
    tokens = list(ways["named"]["image"])
    rows = [
        [{"named": "both named", "regions": "by regions"}.get(way, way)]
        + [f"{row['image'][token]:.1f}" for token in tokens]
        + [f"{row['text']:.1f}"]
        for way, row in ways.items()
    ]
    if note.content["alone"]:
        rows.append(["each word alone", *(f"{note.content['alone'][token]:.1f}" for token in tokens), "-"])
    table = Table("CLIP scores of both ways.", ["", *(f"image, {token}" for token in tokens), "text"], rows)
    if "regions" not in ways:
        return [table]
    texts = {f"text_{way}": ways[way]["text"] for way in ("named", "regions")}
    return [words("regions.measured", regions=_scores(ways["regions"]["image"]), **texts), table]


def _learned(runs: Runs) -> Question:
    question = Question(
        "P3",
        "The words that were learned",
        "Which words were tried, which were kept, and what do their pictures score?",
    )
    question.say("words.method")
    question.write(_INVERSION)
    tried = runs.note("course words", "words/table.json")
    question.of(tried, runs.why("score 3", "words"), lambda note: _tried(question, note, runs))
    grade = runs.note("concepts evaluate", "concepts")
    if grade is not None:
        painted = runs.note("concepts generate", "concepts")
        question.of(grade, "", lambda note: _graded(question, note, painted, _known(runs)))
    return question


def _known(runs: Runs) -> Dict[str, Word]:
    """The words that ship, and those that were chosen of all that were learned."""
    note = runs.note("course words", "words/table.json")
    if note is None:
        return known_words([])
    with reading(note):
        places = [f"words/{source['key']}/{source['best']}" for source in note.content["sources"]]
    chosen = [runs.note("concepts learn", place) for place in places]
    return known_words([one for one in chosen if one is not None])


def _tried(question: Question, note: Note, runs: Runs) -> None:
    question.say("words.tried")
    for source in note.content["sources"]:
        chosen = source["best"]
        by_margin = sorted(source["tried"], key=lambda one: -float((one["few"] or {"margin": 0})["margin"]))
        ranked = [one for best in (True, False) for one in by_margin if (one["name"] == chosen) is best]
        whole = ranked[0]["all"] if ranked and ranked[0]["name"] == chosen else None
        passes = f"; with the best of them {whole['passed']} of {whole['of']} prompts pass in full" if whole else ""
        question.say("words.best", token=source["token"], count=len(ranked), passes=passes)
        rows = [_candidate(one, one["name"] == chosen) for one in ranked[:_TABLED]]
        question.add(Table(f"Candidates for {source['token']}, the best first.", _HEADER, rows))
        learned = runs.note("concepts learn", f"words/{source['key']}/{chosen}")
        if learned is not None:
            question.notes.append(learned)


def _candidate(one: Dict[str, Any], best: bool) -> List[str]:
    told, few, whole = one["settings"], one["few"], one["all"]
    init = told["init"]
    return [
        "best" if best else "",
        ", ".join(init) if isinstance(init, list) else str(init),
        f"{told['lr']:g}",
        str(told["batch_size"]),
        str(told["vectors"]),
        str(told["steps"]),
        str(told["texts"]),
        str(one["step"]),
        f"{few['margin']:+.2f}, {few['pictures']}" if few else "-",
        f"{whole['passed']} of {whole['of']}" if whole else "-",
    ]


def _graded(question: Question, note: Note, painted: Optional[Note], known: Dict[str, Word]) -> None:
    prompts = note.content["prompts"]
    if note.content["of"]:
        clip = homely(str(note.settings.get("clip", "CLIP")))
        question.say("words.graded", passed=note.content["passed"], of=note.content["of"], clip=clip)
    question.add(scores_table(note))
    for one in prompts:
        question.add(best_pictures(note, one, prompts, words_in(one["prompt"], painted, known)))
