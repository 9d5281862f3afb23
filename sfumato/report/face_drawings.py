"""The drawings that the faces' commands leave."""

from typing import Any, List

from .found import Note
from .parts import Figure
from .shots import moving
from .words import words

_DRAWINGS = {
    "difference": ("ours, the truth and their difference", "caption.difference"),
    "eta": ("faces at several etas", "caption.eta"),
    "between": ("faces between two noises, by slerp and by lerp", "caption.between"),
    "paths": ("norm of the noise, contrast and detail of the face along both paths", "caption.paths"),
    "scaled": ("faces of noises that were made shorter", "caption.scaled"),
    "invert": ("a picture and what its inverted noises paint", "caption.invert"),
}
"""Name of a drawing -> what it shows, and the prose of its caption."""
_AXES = {"eta": "eta", "between": "alpha"}
"""What a slider moves, where a drawing has a film."""


def shown(note: Note, name: str, **numbers: Any) -> List[Figure]:
    """A drawing that a command left, where it is there.

    Args:
        note: of the run.
        name: of the drawing.
        numbers: of its caption.
    """
    alt, caption = _DRAWINGS[name]
    return moving(note, name, alt, words(caption, **numbers), _AXES.get(name, ""), name)
