"""What the page shows of a job: its pictures, its steps, its curves, and the command."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ..checkpoints import visible_files
from ..errors import UserError
from ..runs import read_log
from .job import Job, log_of
from .jobs import Jobs
from .place import Place
from .watching import CLEAN, NOISY

_MOST = 400
"""Pictures, and points of a curve."""
_LISTS = (
    "grid.json",
    "classify.json",
    "eta/each.json",
    "slerp/each.json",
    "lerp/each.json",
    "invert.json",
    "report.html",
)
"""Files that the page draws from, where a command leaves them."""


def told(job: Job) -> Dict[str, Any]:
    """A job as the line of jobs shows it."""
    return {**asdict(job), "command": shlex.join(["sfumato", *job.argv])}


def shown(job: Job, jobs: Jobs, place: Place) -> Dict[str, Any]:
    """A job with all that is there of it."""
    out, own = place.folder / job.out, jobs.folder(job)
    return {
        **told(job),
        "pictures": _pictures(out, job.out),
        "lists": [f"{job.out}/{name}" for name in _LISTS if (out / name).is_file()],
        "steps": _steps(own),
        "readings": f"jobs/{own.name}/readings.json" if (own / "readings.json").is_file() else "",
        "log": log_of(own),
        "curves": _curves(out / "log.jsonl"),
    }


def _pictures(out: Path, name: str) -> List[Dict[str, Any]]:
    """Those in a job's folder, each with when it was written, so that none is shown as it was."""
    if not out.is_dir():
        return []
    try:
        found = [path for path in visible_files(out, deep=True) if path.suffix in (".png", ".webp")]
    except UserError:
        return []
    listed = []
    for path in sorted(found)[:_MOST]:
        try:
            listed.append({"name": f"{name}/{path.relative_to(out).as_posix()}", "at": path.stat().st_mtime_ns})
        except OSError:  # taken away meanwhile
            continue
    return listed


def _steps(own: Path) -> List[Tuple[int, str, str]]:
    """(step, x_t, x_0) of each step that was watched."""
    folder = own / "steps"
    seen = sorted(folder.glob(CLEAN.replace("{:04d}", "*"))) if folder.is_dir() else []
    found = []
    for clean in seen:
        step = int(clean.stem.rpartition("-")[2])
        names = [f"jobs/{own.name}/steps/{name.format(step)}" for name in (NOISY, CLEAN)]
        found.append((step, names[0], names[1]))
    return found


def _curves(log: Path) -> Dict[str, List[List[float]]]:
    """What a training logged: name -> [[step, value], ...]."""
    if not log.is_file():
        return {}
    curves: Dict[str, List[List[float]]] = {}
    for line in read_log(log):
        for name, value in line.items():
            if name not in ("step", "seconds") and isinstance(value, (int, float)):
                curves.setdefault(name, []).append([line["step"], float(value)])
    return {name: points[:: -(-len(points) // _MOST)] for name, points in curves.items()}
