"""What lies in the folders of runs, by the notes that the commands left there."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set

from ..checkpoints import TextError, leads_out, read_json, visible_files
from ..errors import UserError
from ..images import picture_files
from ..runs import NOTE, read_log

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

    def file(self, name: str) -> Optional[Path]:
        """A file of the run; None where it is not there, or not in the note's own folder; see `inside`."""
        path = self.inside(name)
        return path if path is not None and path.is_file() else None

    def log(self) -> List[Dict[str, float]]:
        """The lines of the run's log; none without one."""
        path = self.file("log.jsonl")
        return read_log(path) if path else []

    def files(self, pattern: str) -> List[Path]:
        """Files of the run whose names match a pattern, by name."""
        names = sorted(path.name for path in self.folder.glob(pattern))
        return [path for path in map(self.file, names) if path is not None]

    def pictures(self, folder: str = "") -> List[Path]:
        """The pictures in the run's folder, or in one inside it, by name."""
        path = self.inside(folder)
        found = picture_files(path) if path is not None else []
        return [picture for picture in found if self.file(f"{folder}/{picture.name}".lstrip("/")) is not None]

    def inside(self, name: str) -> Optional[Path]:
        """A file or folder that the note names, whether it is there or not.

        One outside the note's own folder, also by a link in it, is left out with a warning: a run of somebody else's
        must not show your pictures.
        """
        path = self.folder / name
        if leads_out(name) or not _is_in(path, self.folder):
            warnings.warn(f"{self.path}: names {name[:200]!a}, which is not in its folder; left out", stacklevel=2)
            return None
        return path


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
        notes = list(notes_in(folder))
        if not notes:
            raise UserError(f"{folder}: holds no run ({NOTE} or scores); give a folder that a sfumato command wrote")
        for note in notes:
            # Folders may lie in one another.
            if note.path.resolve() in seen:
                continue
            seen.add(note.path.resolve())
            found.notes.setdefault(note.command, []).append(note)
    return found


def _is_in(path: Path, folder: Path) -> bool:
    """Whether a path is a folder's or lies below it, links followed."""
    try:
        whole, inside = folder.resolve(), path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return False
    return whole == inside or whole in inside.parents


def short(folder: Path) -> str:
    """The last two names of a folder's path, for headings."""
    return "/".join(folder.resolve().parts[-2:])


def notes_in(folder: Path) -> Iterator[Note]:
    """Every note of a folder and of all below it.

    Raises:
        UserError: for one that is damaged.
    """
    for path in visible_files(folder, deep=True):
        if path.suffix != ".json":
            continue
        try:
            content = read_json(path, "run its command again, or delete it", ours=True)
        except TextError as error:
            if path.name in _NOTES:
                raise UserError(f"{path}: is damaged ({error.fault}); run its command again, or delete it") from None
            continue
        if isinstance(content, dict) and isinstance(content.get("command"), str) and "versions" in content:
            yield Note(path, content["command"], content)
