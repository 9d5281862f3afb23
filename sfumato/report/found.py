"""What lies in the folders of runs, by the notes that the commands left there."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from ..errors import UserError
from ..runs import NOTE

_NOTES = (NOTE, "eta.json", "paths.json", "scores.json", "zero-shot.json", "invert.json")


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
        UserError: for a folder that is missing or holds no run.
    """
    found = Found()
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; give one that a sfumato command wrote")
        notes = list(_notes(folder))
        if not notes:
            raise UserError(f"{folder}: holds no run ({NOTE} or scores); give a folder that a sfumato command wrote")
        for note in notes:
            found.notes.setdefault(note.command, []).append(note)
    return found


def _notes(folder: Path) -> Iterator[Note]:
    for path in sorted(path for name in _NOTES for path in folder.rglob(name)):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # not ours, or damaged: the report says that such a run is absent
        if isinstance(content, dict) and isinstance(content.get("command"), str):
            yield Note(path, content["command"], content)
