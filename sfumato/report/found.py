"""What lies in the folders of runs, by the notes that the commands left there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Set

from ..errors import UserError
from ..runs import NOTE

_NOTES = (NOTE, "eta.json", "paths.json", "scores.json", "zero-shot.json", "invert.json")
"""Names that only notes have: one of these that cannot be read is damaged, any other file is none of ours."""


@dataclass(frozen=True)
class Note:
    """One JSON file that a command left."""

    path: Path
    command: str
    """Such as "digits generate"."""
    content: Dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.path.parent

    @property
    def command_line(self) -> str:
        """What was typed; the command's name where Python called it."""
        return str(self.content.get("command_line") or f"sfumato {self.command}")

    @property
    def settings(self) -> Dict[str, Any]:
        """All that decided the results; empty for measurements that do not say."""
        found = self.content.get("settings", {})
        return found if isinstance(found, dict) else {}


@dataclass
class Found:
    """The notes of all runs, by command, in the order of the folders given."""

    notes: Dict[str, List[Note]] = field(default_factory=dict)

    def all(self, command: str) -> List[Note]:
        """Every run of a command."""
        return self.notes.get(command, [])


def find_runs(folders: Sequence[Path]) -> Found:
    """Look through folders and all below them.

    Raises:
        UserError: for a folder that is missing or holds no run, and for a note that is damaged.
    """
    found = Found()
    seen: Set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; give one that a sfumato command wrote")
        notes = list(_notes(folder))
        if not notes:
            raise UserError(f"{folder}: holds no run ({NOTE} or scores); give a folder that a sfumato command wrote")
        for note in notes:
            # Folders may lie in one another.
            if note.path.resolve() in seen:
                continue
            seen.add(note.path.resolve())
            found.notes.setdefault(note.command, []).append(note)
    return found


def short(folder: Path) -> str:
    """The last two names of a folder's path, for headings."""
    return "/".join(folder.resolve().parts[-2:])


def _notes(folder: Path) -> Iterator[Note]:
    for path in sorted(folder.rglob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            if path.name in _NOTES:
                raise UserError(f"{path}: is damaged ({error}); run its command again, or delete it") from None
            continue
        if isinstance(content, dict) and isinstance(content.get("command"), str) and "versions" in content:
            yield Note(path, content["command"], content)
