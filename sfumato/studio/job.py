"""One of the studio's jobs, and its file."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, List

from ..checkpoints import write_text

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
OUT = "\0out"
"""Stands in a command for the folder of its job, until there is one. No argument that reaches a program holds a NUL,
so that no prompt is mistaken for it."""
LOG = "log.txt"
"""What a job's command printed, in the job's own folder."""


@dataclass
class Job:
    """What the page asked for, and how it goes."""

    number: int
    form: str
    values: Dict[str, Any]
    """Of the form's fields, as they were asked."""
    argv: List[str]
    """The command, without "sfumato"; paths in it are relative to the studio's folder."""
    out: str
    """The folder that it writes, in the studio's."""
    window: str = ""
    """Which of the page's windows asked."""
    watched: bool = False
    """Whether each step is shown."""
    readings: bool = False
    """Whether judges read the digits."""
    state: str = WAITING
    line: str = ""
    """What it ended with, where that is not the end of its work."""
    began: float = 0.0
    ended: float = 0.0
    """Seconds of the clock."""
    progress: Dict[str, Any] = field(default_factory=dict)
    """The bar's last words, and the last step that was watched."""


_PLAIN = Job(0, "", {}, [], "")
"""Its values are of the types that those of a job's file must be."""


def keep_job(job: Job, folder: Path) -> None:
    """Write a job's file.

    Args:
        job: as it is now.
        folder: of all jobs.
    """
    write_text(folder / f"{job.number:04d}.json", json.dumps(asdict(job), indent=1))


def log_of(folder: Path, most: int = 20_000) -> str:
    """The end of what a job's command printed.

    Args:
        folder: of the job.
        most: bytes.
    """
    path = folder / LOG
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - most))
        return file.read().decode(errors="replace")


def kept_jobs(folder: Path) -> List[Job]:
    """The jobs of earlier servers; files that are none are left alone.

    Args:
        folder: of all jobs.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            job = Job(**json.loads(path.read_bytes()))
        except (TypeError, ValueError, OSError, RecursionError):
            continue
        plain = all(isinstance(getattr(job, one.name), type(getattr(_PLAIN, one.name))) for one in fields(job))
        if plain and path.name == f"{job.number:04d}.json" and all(isinstance(word, str) for word in job.argv):
            found.append(job)
    return found
