"""The concepts' section: learned words, their scores, zero-shot classification, several concepts."""

from pathlib import PurePath
from typing import Any, Dict, List

from ..checkpoints import read_embeddings
from ..images import captioned, open_picture
from .curves import curve
from .found import Found, Note, short
from .parts import Figure, Part, Section, Table, image, picture
from .section import Kind, section
from .training import training
from .words import in_a_row, words

_SHOWN = 8
_SMALL = "sfumato's small CLIP"
"""As the CLIP that ships calls itself."""
_BEST = 5
_MOST_PROMPTS = 25
"""Whose best pictures are shown; the numbers of all are."""
_RESULT = {True: "pass", False: "fail"}


def concepts_section(found: Found) -> Section:
    """Learning, scores, zero-shot and several concepts, of what is there."""
    learning = "learning a word: `sfumato concepts learn PHOTOS RUN --token '<new1>' --init digit`"
    scores = "scores against the baselines: `sfumato concepts evaluate --json-path input.json --input-dir PHOTOS"
    kinds = [
        Kind("concepts learn", _learning, learning),
        Kind("concepts evaluate", _scores, f"{scores} --output-dir OUT`", measures="concepts generate"),
        Kind("concepts generate", _painted),
        Kind("zero-shot", _zero_shot, "zero-shot classification: `sfumato zero-shot IMAGES id2label.json --out OUT`"),
        Kind("world evaluate", _world, "several concepts on the small model: `sfumato world evaluate OUT`"),
        *[Kind(f"world {what}", training) for what in ("autoencoder", "clip", "train")],
    ]
    return section("Concepts: words learned from photos", [words("concepts")], kinds, found)


def _learning(note: Note) -> Part:
    lines = note.log()
    seen = {name for line in lines for name in line}
    names = {"loss": "loss", "image_score": "image score of the previews", "text_score": "text score of the previews"}
    shown = {name: title for name, title in names.items() if name in seen}
    token = str(note.settings.get("token", "a word"))
    figures = [curve(lines, shown, f"learning curves of {token}", "Scores are CLIP's.")] if shown else []
    previews = note.files("preview-[0-9]*.png")
    count = min(_SHOWN, len(previews))
    picked = [previews[i * (len(previews) - 1) // max(1, count - 1)] for i in range(count)]
    if picked:
        texts = [f"step {int(path.stem.split('-')[1])}" for path in picked]
        strip = captioned([open_picture(path) for path in picked], texts, columns=4, side=200)
        figures.append(image(strip, f"previews of {token} over the steps", "From the same noises at every step."))
    part = Part(f"Learning {token}", [], figures)
    finished = note.file("word.safetensors")
    kept = read_embeddings(finished)[0].metadata if finished else {}
    if "score" in kept:
        image_score, text_score = float(kept["image_score"]), float(kept["text_score"])
        part.words.append(words("kept", step=kept["step"], image=image_score, text=text_score))
        part.glance.append((f"{token}: image and text score of its previews", f"{image_score:.1f}, {text_score:.1f}"))
    return part


def _scores(note: Note) -> Part:
    prompts = note.content["prompts"]
    header = ["source", "prompt", "image", "text"]
    rows = [[one["source"], one["prompt"], f"{one['image']:.2f}", f"{one['text']:.2f}"] for one in prompts]
    if note.content["of"]:
        header += ["baselines", "result"]
        for row, one in zip(rows, prompts):
            asked = one["baseline"]
            row += ["none", "-"] if asked is None else ["{:g} / {:g}".format(*asked), _RESULT[one["passed"]]]
    judged = words(
        "passed", passed=note.content["passed"], of=note.content["of"], clip=note.settings.get("clip", "CLIP")
    )
    return Part(
        "Scores of the prompts",
        words=[judged] if note.content["of"] else [],
        tables=[Table("Means of the best five of 25 pictures.", header, rows)],
        figures=[figure for one in prompts[:_MOST_PROMPTS] for figure in best_pictures(note, one, prompts)],
        glance=[("prompts that reach the baselines", f"{note.content['passed']} of {note.content['of']}")]
        if note.content["of"]
        else [],
    )


def best_pictures(note: Note, one: Dict[str, Any], prompts: List[Dict[str, Any]]) -> List[Figure]:
    """The best five pictures of a prompt, where they still are."""
    number = [other["prompt"] for other in prompts if other["source"] == one["source"]].index(one["prompt"])
    found = [note.file(f"{one['source']}/{number}/{name}") for name in one["best"][:_BEST]]
    paths = [path for path in found if path is not None]
    if len(paths) < len(found):
        return []
    row = captioned([open_picture(path) for path in paths], [""] * len(paths), columns=len(paths), side=220)
    return [image(row, f"the best five pictures of the prompt {one['prompt']}", one["prompt"])]


def _painted(note: Note) -> Part:
    """The first pictures of each prompt."""
    figures = []
    for folder, prompt in note.settings["prompts"][:_SHOWN]:
        paths = note.pictures(folder)[:_BEST]
        if paths:
            row = captioned([open_picture(path) for path in paths], [""] * len(paths), columns=_BEST, side=220)
            figures.append(image(row, f"pictures of the prompt {prompt}", prompt))
    return Part(f"Prompts in {short(note.folder)}", figures=figures)


def _zero_shot(note: Note) -> Part:
    content = note.content
    told = zero_shot_words(note)
    shown = note.file("zero-shot.png")
    caption = "Right ones above, wrong ones below, each with its five likeliest labels."
    figures = [picture(shown, "pictures that were classified rightly and wrongly", caption)] if shown else []
    rows = [[name, f"{share:.1%}"] for name, share in sorted(content["per_class"].items(), key=lambda one: -one[1])]
    tables = [Table("Accuracy of each class.", ["class", "top-1"], rows)]
    glance = [(f"zero-shot top-1 and top-5, by {content['clip']}", f"{content['top1']:.1%}, {content['top5']:.1%}")]
    texts = [words("zero-shot.method"), *told.values()]
    return Part("Zero-shot classification", texts, figures, tables, glance=glance)


def zero_shot_words(note: Note) -> Dict[str, str]:
    """How CLIP classifies, how well it did, and why it was wrong where it was: the paragraphs by name."""
    content = note.content
    ranked = sorted(content["per_class"].items(), key=lambda one: -one[1])
    most, least = (in_a_row([f"{name} ({share:.0%})" for name, share in some]) for some in (ranked[:3], ranked[:-4:-1]))
    wrong = [one for one in content["shown"] if not one["right"]]
    near = sum(one["label"] in [name for name, _ in one["likeliest"]] for one in wrong)
    clip = PurePath(content["clip"]).name
    mistakes = [f"{asked} taken for {read} ({count} times)" for asked, read, count in content["mistakes"][:5]]
    told = {
        "classifier": words("zero-shot.classifier", templates=in_a_row(content["templates"]), scale=content["scale"]),
        "measured": words(
            "zero-shot.measured",
            pictures=content["pictures"],
            classes=len(ranked),
            top1=content["top1"],
            top5=content["top5"],
            clip=clip,
            best=most,
            worst=least,
        ),
    }
    if wrong:
        firsts = [(one["label"], *one["likeliest"][0]) for one in wrong]
        taken = in_a_row([f"{asked} taken for {read} ({share:.0%})" for asked, read, share in firsts])
        example = content["templates"][0].replace("{}", wrong[0]["label"])
        if content["clip"] == _SMALL:
            told["small"] = words("zero-shot.small")
        told["why"] = words(
            "zero-shot.why", taken=taken, near=near, of=len(wrong), mistakes=in_a_row(mistakes), example=example
        )
    return told


def _world(note: Note) -> Part:
    measured: Dict[str, Dict[str, float]] = note.content["measured"]
    asked: Dict[str, str] = note.content["examples"]
    rows = [[name, asked[name], *(f"{share:.1%}" for share in shares.values())] for name, shares in measured.items()]
    figures: List[Figure] = []
    for name in measured:
        path = note.file(f"{name.replace(' ', '-')}.png")
        if path and ("both" in name or name in ("one digit", "object", "style")):
            caption = f"{name.capitalize()}, such as: {asked[name]}."
            figures.append(picture(path, f"pictures of the small model: {name}", caption))
    first, *_ = measured.values()
    header = ["prompts", "for example", *first]
    return Part(
        "The small model, and several concepts",
        words=[words("world"), words("merging"), words("regions.method"), words("survey")],
        tables=[Table("Share of pictures in which it is as asked.", header, rows)],
        figures=figures,
        glance=[
            (f"small model, {name}: all as asked", f"{measured[name]['both right']:.1%}")
            for name in ("one digit", "object", "style", "both in one prompt", "both by regions")
            if name in measured
        ],
    )
