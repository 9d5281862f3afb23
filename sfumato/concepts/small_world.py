"""What the small checkpoint that ships was taught, so that nobody waits for a dog from a model of digits."""

import re
from typing import Iterable, List, Optional

NAME = "3b044260eb4b79e6"
"""Its fingerprint."""

_WORD = re.compile(r"[^\W\d_]+|\d")

WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an and the of at in on over to from with is its there by next left right side beside
        digit number numeral zero one two three five six seven eight nine
        photo picture image close up seen style
        house numbers street sign signs wall front door
        colours colourful bright many coloured pattern patterns painted
        chalk white blackboard drawn drawings black
        """,
    )
)
"""All words of the captions that it was trained with; in these the digit 4 is nowhere."""
_DIGITS = frozenset("012356789")
_SHOWN = 8


def words_of(text: str) -> List[str]:
    """The words of a text in small letters, and its digits, as the captions' encoding parts them too; each once."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))


def unknown_to_it(texts: Iterable[str]) -> Optional[str]:
    """A line on the words of some texts that the small model was never taught; None where it knows them all."""
    words = [word for text in texts for word in words_of(text)]
    unknown = [word for word in dict.fromkeys(words) if word not in WORDS and word not in _DIGITS]
    if not unknown:
        return None
    known = ", ".join(word for word in dict.fromkeys(words) if word not in unknown) or "nothing"
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    shown = ", ".join(unknown[:_SHOWN]) + more
    return (
        f"the small model that ships does not know {shown}; it knows {known}."
        " It was taught digits on streets, in colour and in chalk: give a whole Stable Diffusion with --checkpoint for"
        " anything else"
    )
