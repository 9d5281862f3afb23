"""The part of zero-shot classification: right and wrong pictures, counts, and why the wrong ones are wrong."""

from pathlib import PurePath
from typing import Any, Dict, List

from .found import Note
from .parts import Figure, Part, Table, of
from .shots import picture
from .words import in_a_row, words

_SMALL = "sfumato's small CLIP"
"""As the CLIP that ships calls itself."""


def zero_shot_part(note: Note) -> Part:
    """How CLIP classified, with pictures and counts."""
    content = note.content
    rows = [[name, _share(content, name)] for name in _ranked(content)]
    tables = [Table("How many pictures of each class are classified rightly.", ["class", "right"], rows)]
    what = f"pictures classified without training by {content['clip']}"
    glance = [
        (f"{what}: rightly", of(content["top1"], content["pictures"])),
        (f"{what}: right class among five", of(content["top5"], content["pictures"])),
    ]
    told = zero_shot_words(note)
    first = [words("zero-shot.method"), told.pop("classifier"), told.pop("measured")]
    figures = zero_shot_figure(note)
    return Part("Zero-shot classification", first, figures, tables, list(told.values()), glance=glance)


def zero_shot_figure(note: Note) -> List[Figure]:
    """Pictures that were classified rightly, and wrong ones crossed out."""
    path = note.file("zero-shot.png")
    wrong = sum(not one["right"] for one in note.content["shown"])
    caption = words("caption.zero-shot", right=of(note.content["top1"], note.content["pictures"]), wrong=wrong)
    alt = "pictures that were classified rightly, and wrong ones, crossed out"
    return [picture(path, alt, caption, note, "zero-shot")] if path else []


def _ranked(content: Dict[str, Any]) -> List[str]:
    """Classes, those that are classified best first."""
    return [name for name, _ in sorted(content["per_class"].items(), key=lambda one: -one[1])]


def _share(content: Dict[str, Any], name: str) -> str:
    """How many pictures of a class are classified rightly; a share where the note does not say of how many."""
    share, counts = content["per_class"][name], content.get("per_class_pictures", {})
    return of(share, counts[name]) if name in counts else f"{share:.0%}"


def zero_shot_words(note: Note) -> Dict[str, str]:
    """How CLIP classifies, how well it did, and why it was wrong where it was: the paragraphs by name."""
    content = note.content
    ranked = _ranked(content)
    most, least = (
        in_a_row([f"{name} ({_share(content, name)})" for name in some]) for some in (ranked[:3], ranked[:-4:-1])
    )
    wrong = [one for one in content["shown"] if not one["right"]]
    near = sum(one["label"] in [name for name, _ in one["likeliest"]] for one in wrong)
    mistakes = [f"{asked} taken for {read} ({count} times)" for asked, read, count in content["mistakes"][:5]]
    told = {
        "classifier": words("zero-shot.classifier", templates=in_a_row(content["templates"]), scale=content["scale"]),
        "measured": words(
            "zero-shot.measured",
            classes=len(ranked),
            top1=of(content["top1"], content["pictures"]),
            top5=of(content["top5"], content["pictures"]),
            clip=PurePath(content["clip"]).name,
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
