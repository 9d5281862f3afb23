"""What a page is made of: sections of parts, each with its words, pictures, numbers and commands."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from PIL import Image

from ..images import on_white, open_picture

_WIDEST = 1600
_SQUARISH = 1.2
"""Pictures less wide than this many heights stand beside each other."""
_LONGEST = 600
"""Letters of a setting that are shown."""
_JPEG_FROM = 400_000
"""Pictures whose PNG takes more bytes than this are embedded as JPEG."""


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    source: str
    """A data URI."""
    alt: str
    """What it shows, for those who do not see it."""
    caption: str
    narrow: bool = False
    """Whether two of its kind stand side by side where there is room."""


@dataclass(frozen=True)
class Table:
    """Numbers inside the page."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Part:
    """One result: what it is, what it shows, and what made it."""

    title: str
    words: List[str] = field(default_factory=list)
    figures: List[Figure] = field(default_factory=list)
    tables: List[Table] = field(default_factory=list)
    commands: List[str] = field(default_factory=list)
    settings: Dict[str, Dict[str, str]] = field(default_factory=dict)
    """Command -> its settings, name -> text."""
    glance: List[Tuple[str, str]] = field(default_factory=list)
    """(what, number) for the first page."""


@dataclass
class Section:
    """One job."""

    title: str
    words: List[str]
    parts: List[Part]
    absent: List[str]
    """What could stand here and was not run: a line each, with the command."""


def picture(path: Path, alt: str, caption: str) -> Figure:
    """A picture file, as it is where it is small, else narrowed and as JPEG."""
    return image(open_picture(path), alt, caption)


def image(shown: Image.Image, alt: str, caption: str) -> Figure:
    """A picture in memory."""
    return Figure(_embedded(shown), alt, caption, narrow=shown.width < _SQUARISH * shown.height)


def _embedded(shown: Image.Image) -> str:
    shown = on_white(shown) if shown.mode == "RGBA" else shown.convert("RGB")
    if shown.width > _WIDEST:
        shown = shown.resize((_WIDEST, round(shown.height * _WIDEST / shown.width)), Image.Resampling.LANCZOS)
    buffer, kind = io.BytesIO(), "png"
    shown.save(buffer, "PNG", optimize=True)
    if buffer.tell() > _JPEG_FROM:
        buffer, kind = io.BytesIO(), "jpeg"
        shown.save(buffer, "JPEG", quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def drawing(figure: Any, alt: str, caption: str) -> Figure:
    """A matplotlib figure, as SVG: sharp on every screen and on paper."""
    import matplotlib

    buffer = io.BytesIO()
    # Text stays text, which needs no shapes of letters inside; names inside are the same every time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sfumato"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return Figure(f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}", alt, caption)


def flat(settings: Dict[str, Any], prefix: str = "") -> Dict[str, str]:
    """Nested settings as name -> text, leaving out what is empty."""
    found: Dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{name}."))
        elif value not in (None, "", [], {}):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found[f"{prefix}{name}"] = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return found
