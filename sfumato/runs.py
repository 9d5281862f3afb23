"""A run: its folder, its log, the note that says how its results were made, and names of what it was made from."""

import hashlib
import json
from contextvars import ContextVar
from mmap import mmap
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np
import torch

from . import __version__
from .checkpoints import parsed_json, read_json, remove_leftovers, visible_files, write_text
from .devices import Worker
from .errors import UserError
from .images import note_in

NOTE = "run.json"
_LONGEST_LINE = 1 << 16

COMMAND_LINE: "ContextVar[str]" = ContextVar("command_line", default="")
"""What the user typed; the command line sets it, and it is empty where Python calls."""


def digest(*parts: Any) -> str:
    """A short name of contents, 16 hexadecimal digits: of bytes, mapped files and arrays, and of settings as JSON."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            whole.update(np.ascontiguousarray(part).data)
        else:
            whole.update(part if isinstance(part, (bytes, mmap)) else json.dumps(part, sort_keys=True).encode())
    return whole.hexdigest()[:16]


def file_identity(path: Optional[Path]) -> Optional[Dict[str, str]]:
    """A file or folder among settings: its name and what is in it, not where it lies; None for none."""
    if path is None:
        return None
    files = visible_files(path, deep=True) if path.is_dir() else [path]
    return {"name": path.name, "contents": digest(*(file.read_bytes() for file in files))}


def open_folder(folder: Path) -> Path:
    """Make a folder to write into, with all above it; one that is there is good.

    Raises:
        UserError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror}); give another output path") from None
    return folder


def refuse_file(folder: Path) -> None:
    """Check early that a folder can be written into later.

    Raises:
        UserError: if it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: cannot be made a folder (it is a file); give another output path")


def open_run(
    out: Path,
    command: str,
    settings: Mapping[str, Any],
    worker: Worker,
    inside: Sequence[str] = (),
    overwrite: bool = False,
) -> str:
    """Make the folder ready: begun anew, or gone on with where its note tells of the same settings.

    Args:
        out: the folder.
        command: that paints, for the note.
        settings: all that decides the pictures, as JSON can hold it.
        worker: the first one writes the note.
        inside: folders to make in it.
        overwrite: whether a note of other settings is replaced.

    Returns:
        The run's name, by which `painted_by` knows its pictures.

    Raises:
        UserError: if a folder cannot be made, or holds pictures of other settings.
    """
    folders = [out, *(out / name for name in inside)]
    for folder in folders:
        refuse_file(folder)
    for folder in folders:
        remove_leftovers(open_folder(folder))
    note, plain = out / NOTE, json.loads(json.dumps(settings))
    if note.exists() and not overwrite and _settings_in(note) != plain:
        raise UserError(f"{out}: holds pictures of other settings ({NOTE} there); give another folder, or overwrite")
    if worker.rank == 0:
        write_note(note, command, plain)
    return digest(plain)


def painted_by(run: str, path: Path) -> bool:
    """Whether a picture is there and was painted by this run: an older one may have its name."""
    return bool(note_in(path).get("run") == run)


def numbers_path(given: Optional[Path], folder: Path) -> Path:
    """Where a measurement writes its numbers, scores.json in its folder by default; asked before measuring.

    Raises:
        UserError: if that cannot be written.
    """
    path = given or folder / "scores.json"
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"{path}: cannot be written there; give a file in a folder that exists as --json")
    return path


def read_log(path: Path) -> List[Dict[str, float]]:
    """The lines of a log.jsonl, or none without one; what is no line of a log, such as one cut off, is left out."""
    lines = []
    for text in _lines(path) if path.is_file() else ():
        try:
            line = parsed_json(text, ours=True, twice={})
        except ValueError:
            continue
        numbers = isinstance(line, dict) and all(isinstance(value, (int, float)) for value in line.values())
        if numbers and "step" in line:
            lines.append(line)
    return lines


def _lines(path: Path) -> Iterator[str]:
    """One after the other, since a log may be long; a line that is too long for a log's comes in pieces."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        yield from iter(lambda: file.readline(_LONGEST_LINE), "")


def write_note(path: Path, command: str, settings: Mapping[str, Any], **measured: Any) -> None:
    """Write how results were made: the command, as it was typed too, its settings, versions, and numbers if there are.

    Args:
        path: of the JSON file.
        command: that made them.
        settings: all that decides them; what JSON cannot hold, such as a path, is written as text.
        measured: numbers by name.
    """
    versions = {"sfumato": __version__, "torch": torch.__version__}
    note: Dict[str, Any] = {"command": command, "command_line": COMMAND_LINE.get(), "settings": settings}
    write_text(path, json.dumps({**note, "versions": versions, **measured}, indent=2, default=str) + "\n")


def _settings_in(note: Path) -> Any:
    try:
        return read_json(note, "give another folder", ours=True)["settings"]
    except (UserError, KeyError, TypeError):
        return None
