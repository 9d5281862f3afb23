"""A folder of painted pictures and the note in it, run.json, which says how they were made."""

import json
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

import torch

from . import __version__
from .checkpoints import write_text
from .devices import Worker
from .errors import UserError

NOTE = "run.json"

COMMAND_LINE: "ContextVar[str]" = ContextVar("command_line", default="")
"""What the user typed; the command line sets it, and it is empty where Python calls."""


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


def open_run(
    out: Path,
    command: str,
    settings: Mapping[str, Any],
    worker: Worker,
    inside: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Make the folder ready: begun anew, or gone on with where its note tells of the same settings.

    Args:
        out: the folder.
        command: that paints, for the note.
        settings: all that decides the pictures, as JSON can hold it.
        worker: the first one writes the note.
        inside: folders to make in it.
        overwrite: whether a note of other settings is replaced.

    Raises:
        UserError: if a folder cannot be made, or holds pictures of other settings.
    """
    for folder in [out, *(out / name for name in inside)]:
        open_folder(folder)
    note, plain = out / NOTE, json.loads(json.dumps(settings))
    if note.exists() and not overwrite and _settings_in(note) != plain:
        raise UserError(f"{out}: holds pictures of other settings ({NOTE} there); give another folder, or overwrite")
    if worker.rank == 0:
        write_note(note, command, plain)


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
        return json.loads(note.read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
