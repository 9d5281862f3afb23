"""The report's prose. What a run chose or measured comes from its notes.

It lies in prose/*.txt: a line `== name`, then that paragraph, with {} where numbers go. The same paragraphs serve every
report.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Sequence

_PROSE = Path(__file__).parent / "prose"
_FILES = ("general", "captions", "digits", "faces", "concepts")


@lru_cache(maxsize=None)
def paragraphs(file: str) -> Dict[str, str]:
    """All paragraphs of a file of prose, by name."""
    texts = ("\n" + (_PROSE / f"{file}.txt").read_text(encoding="utf-8")).split("\n== ")[1:]
    named = (text.partition("\n") for text in texts)
    return {name: " ".join(paragraph.split()) for name, _, paragraph in named}


def words(name: str, /, **numbers: Any) -> str:
    """A paragraph with its numbers.

    Raises:
        KeyError: for a paragraph that there is none of, or a number that it lacks.
    """
    found: Dict[str, str] = {}
    for file in _FILES:
        found.update(paragraphs(file))
    return found[name].format(**numbers)


def in_a_row(parts: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
