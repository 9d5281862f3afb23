"""A section of the page, from the notes of its commands."""

import contextlib
from typing import Callable, Iterator, List, NamedTuple, Sequence

from ..errors import UserError
from .found import Found, Note
from .parts import Part, Section, flat


class Kind(NamedTuple):
    """What a section shows of one command's runs."""

    command: str
    """Such as "digits train"."""
    part: Callable[[Note], Part]
    """What one run shows; its commands and settings are added here."""
    absent: str = ""
    """What is missing without any run, and the command that makes one; empty where nothing is."""
    measures: str = ""
    """The command whose pictures this one measures in their folder: both are one part then."""


def section(title: str, texts: List[str], kinds: List[Kind], found: Found, method: Sequence[str] = ()) -> Section:
    """All runs of all kinds in their order, and a line for every kind that has no run.

    Args:
        title: of the section.
        texts: its first paragraphs, for a section that shows something.
        kinds: in the order of their parts.
        found: the runs.
        method: how it is done, said at the end.

    Raises:
        UserError: for a note that lacks what its command writes.
    """
    measured = {(kind.measures, note.folder) for kind in kinds if kind.measures for note in found.all(kind.command)}
    parts = [
        _part(kind, note, [one for one in found.all(kind.measures) if one.folder == note.folder])
        for kind in kinds
        for note in found.all(kind.command)
        if (kind.command, note.folder) not in measured
    ]
    absent = [kind.absent for kind in kinds if kind.absent and not found.all(kind.command)]
    last = Part("How it is done", list(method)) if parts and method else None
    return Section(title, texts if parts else [], parts, absent, last)


def _part(kind: Kind, note: Note, painted: List[Note]) -> Part:
    with reading(note):
        part = kind.part(note)
        for made in (*painted, note):
            part.commands.append(made.command_line)
            part.settings[made.command] = flat({**made.settings, "versions": made.content["versions"]})
    return part


@contextlib.contextmanager
def reading(note: Note) -> Iterator[None]:
    """What a note lacks, or has in another shape than its command writes, is told in one line.

    Raises:
        UserError: for either.
    """
    try:
        yield
    except KeyError as missing:
        raise UserError(
            f"{note.path}: lacks {missing}; run `{note.command_line}` again, as this version does"
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as odd:
        raise UserError(
            f"{note.path}: is not as `sfumato {note.command}` writes it ({odd}); run `{note.command_line}` again"
        ) from None
