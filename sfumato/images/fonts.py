"""The letters of what is drawn without matplotlib: the same ones as matplotlib's, at any size."""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Any, List, Tuple

from PIL import ImageFont

INK = (123, 123, 123)
"""Of text on a transparent ground: as far from white as from a dark page."""
_DOTS = "\u2026"
_LINE, _BASE, _LOWER, _LOWERED = 1.2, 0.93, 0.72, 0.16
"""In sizes: a line's height and its letters' foot; letters below the line, and by how much they are."""


@functools.lru_cache(maxsize=16)
def font(size: int) -> Any:
    """DejaVu Sans, which matplotlib brings along, has Greek and Cyrillic letters; Pillow's own, which has Latin letters
    alone, where matplotlib is missing.

    Args:
        size: in pixels.
    """
    place = importlib.util.find_spec("matplotlib")
    path = Path(place.origin or "").parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" if place else None
    if path is not None and path.is_file():
        return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


def text_box(text: str, size: int) -> Tuple[int, int]:
    """Width and height of what `write` draws, in pixels."""
    lines = text.split("\n")
    return max(round(_width(line, size)) for line in lines), round(_LINE * size) * len(lines)


def write(draw: Any, place: Tuple[int, int], text: str, size: int, anchor: str = "la") -> None:
    """Text in the ink, of one line or several; `x_t` and `x_0` get their letter below the line.

    Args:
        draw: Pillow's, of an RGBA picture.
        place: x and y.
        text: lines end in a line feed.
        size: of the letters, in pixels.
        anchor: which point of the text lies there: l, m or r (left, middle, right), then a, m or d (top, middle, foot).
    """
    height = text_box(text, size)[1]
    top = place[1] - {"a": 0, "m": height // 2, "d": height}[anchor[1]]
    for number, line in enumerate(text.split("\n")):
        left = place[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * _width(line, size)
        foot = top + number * round(_LINE * size) + round(_BASE * size)
        for part, own, lowered in _parts(line, size):
            draw.text((round(left), foot + lowered), part, fill=(*INK, 255), font=font(own), anchor="ls")
            left += font(own).getlength(part)


def folded(text: str, size: int, width: int, most: int = 4) -> str:
    """A text in lines of at most so many pixels; what is too long for a line, or for all of them, ends in dots.

    Args:
        text: its white space counts as one space.
        size: of the letters.
        width: in pixels.
        most: lines.
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > most:
        lines[most - 1 :] = [f"{lines[most - 1]}{_DOTS}"]
    return "\n".join(_cut(line, size, width) for line in lines)


def _cut(line: str, size: int, width: int) -> str:
    if _width(line, size) <= width:
        return line
    kept = line.rstrip(_DOTS)
    while kept and _width(kept + _DOTS, size) > width:
        kept = kept[:-1]
    return kept.rstrip() + _DOTS


def _parts(line: str, size: int) -> List[Tuple[str, int, int]]:
    """(text, size, pixels below the line) of what stands on the line and below it."""
    pieces = re.split(r"(?<=\bx)_([t0])\b", line)
    kinds = ((size, 0), (round(_LOWER * size), round(_LOWERED * size)))
    return [(piece, *kinds[place % 2]) for place, piece in enumerate(pieces) if piece]


def _width(line: str, size: int) -> float:
    return float(sum(font(own).getlength(part) for part, own, _ in _parts(line, size)))
