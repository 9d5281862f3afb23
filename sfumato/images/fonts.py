"""The letters of what is drawn without matplotlib: the same ones as matplotlib's, at any size."""

import functools
import importlib.util
from pathlib import Path
from typing import Any

from PIL import ImageFont

INK = (123, 123, 123)
"""Of text on a transparent ground: as far from white as from a dark page."""


@functools.lru_cache(maxsize=16)
def font(size: int) -> Any:
    """DejaVu Sans, which matplotlib brings along, has Greek and Cyrillic letters and the small ones below a line;
    Pillow's own, which has Latin letters alone, where matplotlib is missing.

    Args:
        size: in pixels.
    """
    place = importlib.util.find_spec("matplotlib")
    path = Path(place.origin or "").parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" if place else None
    if path is not None and path.is_file():
        return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


def folded(text: str, letters: Any, width: int) -> str:
    """A text in lines of at most so many pixels, where its words allow that."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and letters.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
