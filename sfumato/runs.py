"""A run: its folder, its log, the note that says how its results were made, and names of what it was made from."""

import contextlib
import hashlib
import json
import shlex
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np
import torch

from . import __version__
from .checkpoints import parsed_json, read_json, refuse_other_settings, shortened, visible_files, write_text
from .devices import Worker
from .errors import UserError
from .images import note_in
from .keeping import kept
from .outputs import holding, open_folder, refuse_file

NOTE = "run.json"
_LONGEST_LINE = 1 << 16
_AT_ONCE = 1 << 20
_OVERWRITE = ", or --overwrite"
_PATIENCE, _ASK_EVERY = 120, 0.05
"""Seconds that a process of a launch waits for the first one, and between its looks."""

COMMAND_LINE: "ContextVar[str]" = ContextVar("command_line", default="")
"""What the user typed; the command line sets it, and it is empty where Python calls."""


def digest(*parts: Any) -> str:
    """A short name of contents, 16 hexadecimal digits: of bytes and arrays, and of settings as JSON."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            whole.update(np.ascontiguousarray(part).data)
        else:
            whole.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode())
    return whole.hexdigest()[:16]


def files_digest(*paths: Path, begin: int = 0) -> str:
    """The `digest` of what files hold from a byte on, of whatever size: it is read piece by piece."""
    whole = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            file.seek(begin)
            for part in iter(lambda: file.read(_AT_ONCE), b""):
                whole.update(part)
    return whole.hexdigest()[:16]


def file_identity(path: Optional[Path]) -> Optional[Dict[str, str]]:
    """A file or folder among settings: its name and what is in it, not where it lies; None for none."""
    if path is None:
        return None
    files = visible_files(path, deep=True) if path.is_dir() else [path]
    # The checkpoints of prompts take seconds to read.
    return {"name": path.name, "contents": kept(("contents", str(path)), lambda: files_digest(*files), str)}


@contextlib.contextmanager
def open_run(
    out: Path,
    command: str,
    settings: Mapping[str, Any],
    worker: Worker,
    inside: Sequence[str] = (),
    overwrite: Optional[bool] = None,
    compared: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    noted: bool = True,
) -> Iterator[str]:
    """Hold a folder for one run: begun anew, or gone on with where its note tells of the same settings.

    Of several processes that were launched together the first one holds the folder, and the others wait for its note.

    Args:
        out: the folder, which is made.
        command: that writes, for the note.
        settings: all that decides what comes of it, as JSON can hold it.
        worker: the first one writes the note.
        inside: folders to make in it.
        overwrite: whether a note of other settings is replaced; None where the command offers no choice.
        compared: what of the settings must be the same.
        noted: whether there is a note at all; without one the folder is taken as it is, and a note that an earlier run
            of this command left goes.

    Yields:
        The run's name, by which `painted_by` knows its pictures.

    Raises:
        UserError: if a folder cannot be made, is another process's, or holds what other settings made.
    """
    folders = [out, *(out / name for name in inside)]
    for folder in folders:
        refuse_file(folder)
    plain = json.loads(json.dumps(settings))
    with holding(out) if worker.rank == 0 else contextlib.nullcontext():
        if not noted:
            if worker.rank == 0:
                _remove_note(out / NOTE, command)
        elif worker.rank == 0 or not worker.launch:
            if not overwrite:
                _refuse_others_note(out, command, compared(plain), compared, "" if overwrite is None else _OVERWRITE)
            if worker.rank == 0:
                launch = {"launch": worker.launch} if worker.launch else {}
                write_note(out / NOTE, command, plain, **launch)
        else:
            _wait_for_note(out / NOTE, worker.launch, plain)
        for folder in folders:
            open_folder(folder)
        yield digest(plain)


def _remove_note(path: Path, command: str) -> None:
    """Remove a command's note, saying so; another command's stays, and what is no note."""
    with contextlib.suppress(UserError, TypeError, KeyError):
        if path.exists() and read_json(path, "", ours=True)["command"] == command:
            path.unlink()
            print(f"removed {path}, the note of an earlier run: this one keeps none")


def _refuse_others_note(
    out: Path,
    command: str,
    wanted: Mapping[str, Any],
    compared: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    or_else: str,
) -> None:
    """Refuse a folder whose note is damaged, another command's, or of other settings."""
    path = out / NOTE
    if not path.exists():
        return
    note = read_json(path, "give another folder, or remove the file", ours=True)
    try:
        theirs, saved = str(note["command"]), compared(dict(note["settings"]))
    except (TypeError, ValueError, KeyError):
        raise UserError(f"{path}: is no note of a run; give another folder, or remove the file") from None
    if theirs != command:
        raise UserError(f"{out}: holds what `{shortened(theirs)}` made ({NOTE} there); give another folder{or_else}")
    refuse_other_settings(out, saved, wanted, or_else)


def _wait_for_note(path: Path, launch: str, settings: Mapping[str, Any]) -> None:
    """Wait until the first process of this launch holds the folder.

    Raises:
        UserError: if it does not come to that.
    """
    for _ in range(round(_PATIENCE / _ASK_EVERY)):
        with contextlib.suppress(UserError, TypeError, KeyError):
            note = read_json(path, "", ours=True) if path.exists() else {}
            if (note["launch"], note["settings"]) == (launch, settings):
                return
        time.sleep(_ASK_EVERY)
    raise UserError(
        f"{path.parent}: the first process of this launch did not begin in it; see what it says, start anew"
    )


def shown_by(folder: Path) -> str:
    """The command that shows what lies in a folder, as one types it."""
    return f"sfumato report page --run {shlex.quote(str(folder))}"


def say_next(command: str, folder: Path, line: str = "") -> None:
    """The next command to type, where this one was typed, and not where Python or another command does it as a part.

    Args:
        command: this one, such as "digits generate".
        folder: that it wrote into.
        line: the next one; what shows the folder by default.
    """
    if COMMAND_LINE.get().startswith(f"sfumato {command} "):
        print(line or shown_by(folder))


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
