"""Pictures as a page holds them: inside its one file, on their own ground, with what made them."""

import base64
import io
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from PIL import Image

from ..images import note_in, open_drawing, read_film
from .found import Note
from .parts import Figure, Shot, flat

_WIDEST = 1760
_SQUARISH = 1.2
"""Pictures less wide than this many heights stand beside each other."""
_CELL = 512
"""Pixels a side, at most, of pictures that stand in rows."""
_LOSSY_FROM = 60_000
"""Pictures that take more bytes than this are kept less than exactly, where that makes them smaller."""
_MOST_FRAMES = 16
"""Of a slider."""
_MOST_TOLD = 24
_UNTOLD = ("run", "out", "folder", "photos", "templates", "words", "prompts")
"""Settings that say nothing about one picture."""


def picture(path: Path, alt: str, caption: str, note: Optional[Note] = None, key: str = "") -> Figure:
    """A picture file; what made it is told by itself or by the run's note."""
    return image(open_drawing(path), alt, caption, told(path, note), key)


def image(
    shown: Image.Image, alt: str, caption: str, told: Optional[Mapping[str, str]] = None, key: str = ""
) -> Figure:
    """A picture in memory."""
    kind = "narrow" if shown.width < _SQUARISH * shown.height else "whole"
    return Figure([shot(shown, alt, told=told or {})], caption, kind, key=key)


def shot(shown: Image.Image, alt: str, label: str = "", **more: Any) -> Shot:
    """One picture of a figure; see `Shot` for the rest."""
    source, size = _embedded(shown)
    return Shot(source, alt, size, label, **more)


def cells(paths: Sequence[Path], alt: str, note: Optional[Note] = None, labels: Sequence[str] = ()) -> List[Shot]:
    """Picture files that stand in a row, each with what made it."""
    found = []
    for path, label in zip(paths, labels or [""] * len(paths)):
        shown = open_drawing(path)
        shown.thumbnail((_CELL, _CELL))
        found.append(shot(shown, f"{alt}{': ' if label else ''}{label}", label, told=told(path, note)))
    return found


def moving(note: Note, name: str, alt: str, caption: str, axis: str, key: str) -> List[Figure]:
    """A drawing of a run and, where the run left a film of the same name, a slider over its frames; [] without either.

    Args:
        note: of the run.
        name: of the files, without their endings.
        alt, caption, key: of the figure.
        axis: what the slider moves.
    """
    still, film = note.file(f"{name}.png"), note.file(f"{name}.webp")
    if still is None:
        return []
    shown = picture(still, alt, caption, note, key)
    if film is None:
        return [shown]
    frames, labels = read_film(film)
    # A film that leads back to where it began says each thing twice.
    once = [place for place, label in enumerate(labels) if label not in labels[:place]]
    last = min(_MOST_FRAMES, len(once)) - 1
    places = [once[round(place * (len(once) - 1) / max(1, last))] for place in range(last + 1)]
    by = told_by(note)
    slides = [shot(frames[place], f"{alt}, {labels[place]}", labels[place], told=by) for place in places]
    return [Figure([*shown.shots, *slides], caption, "slider", axis, key)]


def told(path: Path, note: Optional[Note] = None) -> Dict[str, str]:
    """What made a picture: its own note where it has one, else the run's command and settings, as name -> text."""
    own = note_in(path)
    found = flat({name: value for name, value in own.items() if name not in _UNTOLD})
    return found or (told_by(note) if note is not None else {})


def told_by(note: Note) -> Dict[str, str]:
    """A run's command and settings, without those that say nothing about one picture."""
    settings = flat({name: value for name, value in note.settings.items() if name not in _UNTOLD})
    return {"command": note.command_line, **dict(list(settings.items())[:_MOST_TOLD])}


def drawing(figure: Any, alt: str, caption: str, key: str = "") -> Figure:
    """A matplotlib figure, as SVG: sharp on every screen and on paper, without a ground of its own."""
    import matplotlib

    buffer = io.BytesIO()
    # Text stays text, which needs no shapes of letters inside; names inside are the same every time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sfumato"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Figure([Shot(_uri("svg+xml", buffer), alt, (width, height))], caption, key=key)


def _embedded(shown: Image.Image) -> Tuple[str, Tuple[int, int]]:
    """A data URI and the size; what is transparent stays so."""
    shown = shown.convert("RGBA" if "A" in shown.getbands() else "RGB")
    if shown.width > _WIDEST:
        shown = shown.resize((_WIDEST, round(shown.height * _WIDEST / shown.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", lossless=True, quality=80, method=4)
    if buffer.tell() > _LOSSY_FROM:
        lossy = io.BytesIO()
        shown.save(lossy, "WEBP", quality=88, method=4)
        # Of noise in large squares the exact one is smaller.
        buffer = min(buffer, lossy, key=lambda one: one.tell())
    return _uri("webp", buffer), shown.size


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
