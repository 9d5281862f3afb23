"""What a page is made of: sections of parts, each with its words, pictures, numbers and commands."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

_LONGEST = 600
"""Letters of a setting that are shown."""
_SMALL = 128
"""Pixels a side, of pictures that are enlarged in squares."""
_DRAWN, _PAINTED, _WIDEST = 420, 700, 704
"""Widths from which on drawings and pictures scroll on a phone, and how wide they stay there at most."""


@dataclass(frozen=True)
class Shot:
    """One picture of a figure."""

    source: str
    """A data URI."""
    alt: str
    """What it shows, for those who do not see it."""
    size: Tuple[int, int]
    """Width and height in pixels."""
    label: str = ""
    """A few words below it."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What made it, such as its prompt and its seed: shown with the enlarged picture."""
    line: bool = False
    """Whether it takes a line of its own among the others."""

    @property
    def small(self) -> bool:
        """Whether it is to be enlarged in squares, each pixel seen."""
        return max(self.size) <= _SMALL

    @property
    def wide(self) -> int:
        """Pixels of the page that it never gets narrower than, so that words in it can be read on a phone; or 0."""
        drawn = "svg" in self.source[:20]
        least = self.size[0] >= (_DRAWN if drawn else _PAINTED)
        return min(self.size[0], _WIDEST) if least and self.size[0] > self.size[1] else 0


@dataclass
class Figure:
    """Pictures inside the page, with one caption."""

    shots: Sequence[Shot]
    caption: str
    """What to see, with the number that settles it."""
    kind: str = "whole"
    """whole: one picture; narrow: one, beside which another may stand; row: some side by side; slider: the first is
    seen on paper and without scripts, the others one at a time."""
    axis: str = ""
    """What a slider moves, such as t."""
    key: str = ""
    """By which texts refer to it, as in (@eta)."""
    paper: Optional[Shot] = None
    """What stands on paper in place of the first picture, whose words would be too small there."""
    number: int = 0
    """On the page; see `numbering`."""


@dataclass
class Table:
    """Numbers inside the page."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    number: int = 0
    """On the page; see `numbering`."""


@dataclass
class Part:
    """One result: what it is, what it shows, and what made it."""

    title: str
    words: List[str] = field(default_factory=list)
    """Before the pictures."""
    figures: List[Figure] = field(default_factory=list)
    tables: List[Table] = field(default_factory=list)
    reasons: List[str] = field(default_factory=list)
    """Words after the pictures: why they look as they do."""
    commands: List[str] = field(default_factory=list)
    settings: Dict[str, Dict[str, str]] = field(default_factory=dict)
    """Command -> its settings, name -> text; they stand in the appendix."""
    glance: List[Tuple[str, str]] = field(default_factory=list)
    """(what, number) for the first page."""
    run: int = 0
    """In the appendix; 0 for a part without settings."""
    references: Dict[str, int] = field(default_factory=dict)
    """Key -> number of the figures that its texts may refer to."""


@dataclass
class Section:
    """One job."""

    title: str
    words: List[str]
    parts: List[Part]
    absent: List[str]
    """What could stand here and was not run: a line each, with the command."""
    method: Optional[Part] = None
    """How it is done, after all results."""


def flat(settings: Mapping[str, Any], prefix: str = "") -> Dict[str, str]:
    """Nested settings as name -> text, leaving out what is empty."""
    found: Dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{name}."))
        elif value not in (None, "", [], {}):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found[f"{prefix}{name}"] = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return found


def of(count: float, total: int) -> str:
    """A share as one counts it: 34 of 40.

    Args:
        count: or the share of the total, 0 ... 1, where that is what is known.
        total: of all.
    """
    return f"{round(count if isinstance(count, int) else count * total):,} of {total:,}"


def some_of(count: int, total: int) -> str:
    """How many of some are shown: 5 of 25, or 25 where they are all."""
    return f"{total:,}" if count == total else of(count, total)
