"""What the report rests on: the list at its end."""

from typing import List, Sequence

from ..words import paragraphs


def cited(texts: Sequence[str]) -> List[str]:
    """The references that the texts name, in the order of their authors."""
    whole = " ".join(texts).replace("(", "")
    return [line for name, line in paragraphs("references").items() if name in whole]
