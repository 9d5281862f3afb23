"""The part on one run of `concepts learn`: its photos, what it painted on the way, its curves, what was kept."""

from typing import Dict, List

from .curves import curve
from .found import Note
from .learned import concepts_of, learned_by, photos_of, said_by
from .parts import Figure, Part
from .shots import cells, moving
from .words import words

_SHOWN = 8
_AXES = {
    "loss": "loss",
    "loss/fixed": "loss: fixed noises and times",
    "image_score": "image score of the previews",
    "text_score": "text score of the previews",
}
_METHODS = {"custom": ("by Custom Diffusion", "method.custom"), "lora": ("as a LoRA", "method.lora")}
"""What was learned beside words -> for the title, and its words."""
_KEPT = {"clip": "kept.clip", "loss": "kept.loss", "last": "kept.last"}


def learning_part(note: Note) -> Part:
    """What was learned, how, and which of its stages was kept."""
    said, (how, about) = said_by(note), _METHODS.get(str(note.settings.get("method")), ("", ""))
    part = Part(f"Learning {said} {how}".rstrip(), figures=[*_photos(note, said), *_grown(note, said)])
    learned = learned_by(note)
    kept = learned.metadata if learned is not None else {}
    part.figures += _curves(note, said, kept)
    if about:
        part.words.append(words(about, rank=note.settings.get("rank", 0)))
    if "kept_by" in kept:
        part.words.append(words(_KEPT[kept["kept_by"]], step=kept["step"]))
    if "score" in kept:
        image_score, text_score = float(kept["image_score"]), float(kept["text_score"])
        part.words.append(words("kept.scores", image=image_score, text=text_score))
        what = f"{said}: image score, text score of the previews of the stage that was kept"
        part.glance.append((what, f"{image_score:.1f}, {text_score:.1f}"))
    return part


def _curves(note: Note, said: str, kept: Dict[str, str]) -> List[Figure]:
    lines = note.log()
    seen = {name for line in lines for name in line}
    shown = {name: title for name, title in _AXES.items() if name in seen}
    if not shown:
        return []
    steps = max(int(line["step"]) for line in lines)
    scores = words("caption.learned.scores") if "image_score" in seen else ""
    step = words("caption.learned.kept", step=kept["step"]) if "kept_by" in kept else ""
    caption = words("caption.learned", token=f"`{said}`", steps=steps, scores=f"{scores} {step}".strip()).rstrip()
    return [curve(lines, shown, f"learning curves of {said}", caption)]


def _photos(note: Note, said: str) -> List[Figure]:
    """What it was learned from."""
    shots, count = photos_of(note), sum(len(one.get("photos", {})) for one in concepts_of(note))
    caption = words("caption.photos", token=f"`{said}`", photos=count)
    return [Figure(shots, caption, "row", key="photos")] if shots else []


def _grown(note: Note, said: str) -> List[Figure]:
    """What was painted at its steps, from the same noises."""
    previews = note.files("preview-[0-9]*.png")
    steps = [int(path.stem.split("-")[1]) for path in previews]
    if not previews:
        return []
    caption = words("caption.learning", token=f"`{said}`", first=steps[0], last=steps[-1])
    drawn = moving(note, "word", f"what {said} paints at several steps", caption, "step", "learning")
    if drawn:
        return drawn
    count = min(_SHOWN, len(previews))
    places = [place * (len(previews) - 1) // max(1, count - 1) for place in range(count)]
    labels = [f"step {steps[place]}" for place in places]
    shots = cells([previews[place] for place in places], f"previews of {said}", note, labels)
    return [Figure(shots, caption, "row", key="learning")]
