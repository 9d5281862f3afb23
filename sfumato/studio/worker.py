"""The process that works for the page: it does one command after another, as the command line would.

It is told its jobs on its standard input, a line of JSON each, and answers so on its standard output:

    {"ready": true}                                                      packages are loaded
    {"bar": {"what": ..., "done": 12, "of": 50, "seconds_left": 3.1}}    now and then while it works
    {"step": 3, "of": 9, "when": "t = 512"}                              after each step that is watched
    {"status": 0}                                                        a command has ended

What a command prints goes to the job's log. SIGINT ends the command and not the process; where nobody asks any more,
the process ends.
"""

import contextlib
import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import IO, Any, Dict, Iterator, Optional

_LOADED_FIRST = ("sfumato.digits.generate", "sfumato.pictures.judges", "tyro")
"""What most people do first should not wait for it."""


class _Told:
    """The line to the page's server."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, **what: Any) -> None:
        self._stream.write(json.dumps(what) + "\n")
        self._stream.flush()


class _Interrupts:
    """SIGINT while a command works ends it; at other times there is nothing to end."""

    def __init__(self) -> None:
        self._working = False
        signal.signal(signal.SIGINT, self._came)

    def _came(self, number: int, frame: Optional[FrameType]) -> None:
        if self._working:
            self._working = False
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """Within the block a command works."""
        self._working = True
        try:
            yield
        finally:
            self._working = False


def main() -> None:
    """Work until nobody asks any more."""
    tell = _Told(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    asked = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    jobs: queue.Queue[Dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(asked, jobs), daemon=True).start()
    interrupts = _Interrupts()
    for name in _LOADED_FIRST:
        importlib.import_module(name)
    tell(ready=True)
    while True:
        job = jobs.get()
        tell(status=_done(job, tell, interrupts))


def _listen(asked: IO[str], jobs: "queue.Queue[Dict[str, Any]]") -> None:
    for line in asked:
        jobs.put(json.loads(line))
    # The server has ended, whichever way: what was begun goes on when it is there again, see jobs.py.
    os._exit(0)


def _done(job: Dict[str, Any], tell: _Told, interrupts: _Interrupts) -> int:
    """The exit status of a job's command."""
    from ..bars import HEARD, Bar
    from ..cli import main as command
    from ..pictures.painting import SEEN
    from .readings import leave_readings
    from .watching import Watching

    def heard(bar: Bar) -> None:
        rate = bar.format_dict.get("rate")
        left = (bar.total - bar.n) / rate if bar.total and rate else None
        tell(bar={"what": bar.desc, "done": bar.n, "of": bar.total, "seconds_left": left, "said": bar.postfix})

    watching = Watching(Path(job["steps"]), tell) if job.get("steps") else None
    bars, steps = HEARD.set(heard), SEEN.set(watching)
    try:
        with _logged(Path(job["log"])):
            try:
                with interrupts.heeded():
                    status = command(job["argv"])
                    if status == 0 and job.get("readings"):
                        leave_readings(Path(job["out"]), Path(job["readings"]))
                    return status
            except KeyboardInterrupt:
                return 2
            except BaseException:
                # A fault of ours ends the job; the process has nothing of it left.
                traceback.print_exc()
                return 1
    finally:
        HEARD.reset(bars)
        SEEN.reset(steps)


@contextlib.contextmanager
def _logged(log: Path) -> Iterator[None]:
    """What is printed goes to a file."""
    kept = os.dup(1), os.dup(2)
    with open(log, "ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            for number, before in zip((1, 2), kept):
                os.dup2(before, number)
                os.close(before)


if __name__ == "__main__":
    main()
