"""A section of the page, from the notes of its commands."""

from typing import Callable, List, NamedTuple

from ..errors import UserError
from .found import Found, Note
from .parts import Part, Section


class Kind(NamedTuple):
    """What a section shows of one command's runs."""

    command: str
    """Such as "digits train"."""
    part: Callable[[Note], Part]
    """What one run shows."""
    absent: str
    """What is missing without any run, and the command that makes one; empty where nothing is."""


def section(title: str, texts: List[str], kinds: List[Kind], found: Found) -> Section:
    """All runs of all kinds in their order, and a line for every kind that has no run.

    Raises:
        UserError: for a note that lacks what its command writes.
    """
    parts = [_part(kind, note) for kind in kinds for note in found.all(kind.command)]
    absent = [kind.absent for kind in kinds if kind.absent and not found.all(kind.command)]
    return Section(title, texts, parts, absent)


def _part(kind: Kind, note: Note) -> Part:
    try:
        return kind.part(note)
    except (KeyError, IndexError, TypeError, ValueError) as missing:
        raise UserError(
            f"{note.path}: lacks {missing}; run `sfumato {note.command}` again, as this version does"
        ) from None
