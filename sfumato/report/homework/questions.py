"""What the homework's report is made of: questions, and the runs that answer them."""

import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from ..equations import Equation, equation
from ..found import Note, notes_in
from ..parts import Figure, Table, flat
from ..section import reading
from ..words import words

_PATH = re.compile(r"(?<![\w.~-])~?(?:/[^\s/'\"`:,;]+){2,}/?|(?<!\w)[A-Za-z]:\\[^\s'\"`,;]+")


class Lacking(NamedTuple):
    """Why nothing stands in a place."""

    reason: str


Block = Union[str, Equation, Figure, Table, Lacking]
"""A str is a paragraph."""


@dataclass
class Question:
    """One question of the assignment and its answer."""

    key: str
    """Such as "P1.2"."""
    title: str
    asked: str
    """The question, in words of our own."""
    blocks: List[Block] = field(default_factory=list)
    notes: List[Note] = field(default_factory=list)
    """Of the runs that it shows, for the appendix."""

    def say(self, name: str, **numbers: Any) -> None:
        """A paragraph of the prose."""
        self.blocks.append(words(name, **numbers))

    def add(self, *blocks: Union[Block, Sequence[Block]]) -> None:
        """Whatever comes next; of a list all."""
        for block in blocks:
            self.blocks += block if isinstance(block, list) else [block]  # type: ignore[list-item]

    def write(self, *lines: str) -> None:
        """Equations, a line each."""
        self.blocks += [equation(line) for line in lines]

    def of(self, note: Optional[Note], instead: str, tell: Callable[[Note], None]) -> None:
        """What a run's note tells, or why it does not.

        Args:
            note: of the run; None where there is none.
            instead: what stands in its place then.
            tell: adds what the note tells.

        Raises:
            UserError: for a note that is not as its command writes it.
        """
        if note is None:
            self.blocks.append(Lacking(instead))
            return
        with reading(note):
            tell(note)
            self.notes.append(note)


class Runs:
    """The runs of a homework, by where they lie.

    Args:
        folder: that holds them, and may hold none.
        missing: question or score -> why nothing stands there.
    """

    def __init__(self, folder: Path, missing: Mapping[str, str]) -> None:
        self.folder, self.missing = folder, missing
        self._notes = list(notes_in(folder)) if folder.is_dir() else []

    def note(self, command: str, place: str) -> Optional[Note]:
        """The note of a command in a folder, such as ("faces eta", "faces-eta"), or in a file of it."""
        at = self.folder / place
        return next((one for one in self._notes if one.command == command and at in (one.folder, one.path)), None)

    def below(self, command: str, place: str) -> List[Note]:
        """All notes of a command in a folder and below it, by path."""
        at = self.folder / place
        found = [one for one in self._notes if one.command == command and at in one.path.parents]
        return sorted(found, key=lambda one: one.path)

    def why(self, key: str, place: str) -> str:
        """Why nothing stands at a question."""
        told = self.missing.get(key)
        return homely(told) if told else f"Nothing stands here: there is no run in {self.folder.name}/{place}."

    def settings_of(self, note: Note) -> Dict[str, str]:
        """What decided a run, with no word of where things lay."""
        return {name: homely(value) for name, value in flat({**note.settings, **note.content["versions"]}).items()}

    def place_of(self, note: Note) -> str:
        """Where it lies among the runs."""
        return note.path.relative_to(self.folder).as_posix()


def homely(text: str) -> str:
    """A text in which paths from the root of somebody's disk are their last names."""
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)


def homely_command(typed: str) -> str:
    """A command line without the folders that its absolute paths lay in."""
    try:
        parts = shlex.split(typed)
    except ValueError:
        return homely(typed)
    named = [_named(part) for part in parts]
    return shlex.join(named) if named != parts else typed


def _named(part: str) -> str:
    option, equals, value = part.partition("=") if part.startswith("-") else ("", "", part)
    return f"{option}{equals}{Path(value).name}" if os.path.isabs(value) else part
