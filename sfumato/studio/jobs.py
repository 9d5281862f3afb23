"""The studio's jobs: one is worked at, the others wait in a line.

Each job is a file, so that neither a closed page nor a server that was killed loses one: a server that starts puts what
was worked at, and what waited, into the line again. Our commands go on where they were stopped.
"""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..errors import UserError
from ..outputs import open_folder
from .job import DONE, FAILED, LOG, OUT, RUNNING, STOPPED, WAITING, Job, keep_job, kept_jobs, log_of
from .place import Place
from .working import Working

_OPEN = (WAITING, RUNNING)
_MOST_WAITING = 100
_PATIENCE, _AGAIN = 10.0, 0.3
"""Seconds until who does not heed an interrupt is killed (a step of the largest networks on a CPU), and between two."""
_STEPS, _READINGS = "steps", "readings.json"


class Jobs:
    """The line of jobs and who works at them.

    Args:
        place: the studio's folders.
    """

    def __init__(self, place: Place) -> None:
        self._place, self._lock, self._changed = place, threading.RLock(), threading.Event()
        self._jobs = {job.number: job for job in kept_jobs(place.jobs)}
        for job in self._jobs.values():
            if job.state == RUNNING:
                job.state = WAITING
                self._keep(job)
        self._working = Working(place.folder)
        self._stopping: Optional[int] = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the worker; what it worked at is in the line again when the studio is opened next."""
        self._closed = True
        self._changed.set()
        self._working.close()
        self._thread.join(timeout=5)

    def all(self) -> List[Job]:
        """Every job, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.number)

    def one(self, number: int) -> Job:
        """A job.

        Raises:
            UserError: if there is none of the number.
        """
        with self._lock:
            if number not in self._jobs:
                raise UserError(f"job {number}: is not there any more; load the page anew")
            return self._jobs[number]

    def add(self, **asked: Any) -> Job:
        """Put a job at the line's end; the arguments are Job's, but for its number; in argv OUT, or OUT/ at a word's
        beginning, is where its folder's name goes.

        Raises:
            UserError: if the line is too long.
        """
        with self._lock:
            if sum(job.state in _OPEN for job in self._jobs.values()) >= _MOST_WAITING:
                raise UserError(f"{_MOST_WAITING} jobs wait already; stop some of them first")
            number = max(self._jobs, default=0) + 1
            out = asked.pop("out", "") or f"{number:04d}-{asked['form'].partition('-')[0]}"
            argv = [out + word[len(OUT) :] if f"{word}/".startswith(f"{OUT}/") else word for word in asked.pop("argv")]
            job = Job(number=number, out=out, argv=argv, **asked)
            open_folder(self.folder(job))
            keep_job(job, self._place.jobs)
            self._jobs[number] = job
        self._changed.set()
        return job

    def stop(self, number: int) -> Job:
        """Stop a job, within a step; or take it out of the line."""
        with self._lock:
            job = self.one(number)
            if job.state == WAITING:
                self._end(job, STOPPED, "taken out of the line")
            elif job.state == RUNNING and self._stopping != number:
                self._stopping = number
                threading.Thread(target=self._interrupt, args=(job,), daemon=True).start()
            return job

    def go_on(self, number: int) -> Job:
        """Put a job that was stopped, or failed, into the line again.

        Raises:
            UserError: if it is in it, or was done.
        """
        with self._lock:
            job = self.one(number)
            if job.state not in (STOPPED, FAILED):
                raise UserError(f"job {number}: is {job.state}; only what was stopped goes on")
            job.state, job.line, job.progress = WAITING, "", {}
            self._keep(job)
        self._changed.set()
        return job

    def folder(self, job: Job) -> Path:
        """Of its log, steps and readings."""
        return self._place.jobs / f"{job.number:04d}"

    def _work(self) -> None:
        while not self._closed:
            job = self._next()
            if job is None:
                self._changed.wait(timeout=1)
                self._changed.clear()
                continue
            status = self._working.do(self._asked(job), lambda told, job=job: self._heard(job, told))  # type: ignore[misc]
            if self._closed:
                return
            with self._lock:
                if status == 0:
                    self._end(job, DONE, "")
                elif self._stopping == job.number:
                    self._end(job, STOPPED, "stopped; it can go on")
                else:
                    self._end(job, FAILED, self._last_line(job, status))
                self._stopping = None

    def _interrupt(self, job: Job) -> None:
        """Interrupt the worker until it heeds it: before a command begins, and after it, it does not; whoever is at a
        step for long is killed."""
        began = time.monotonic()
        while True:
            with self._lock:
                if self._closed or self._stopping != job.number or job.state != RUNNING:
                    return
                self._working.interrupt(kill=time.monotonic() - began > _PATIENCE)
            time.sleep(_AGAIN)

    def _next(self) -> Optional[Job]:
        with self._lock:
            waiting = [job for job in self._jobs.values() if job.state == WAITING]
            if not waiting:
                return None
            job = min(waiting, key=lambda job: job.number)
            job.state, job.began, job.ended, self._stopping = RUNNING, time.time(), 0.0, None
            self._keep(job)
            return job

    def _asked(self, job: Job) -> Dict[str, Any]:
        own = self.folder(job)
        asked: Dict[str, Any] = {"argv": job.argv, "out": job.out, "log": str(own / LOG)}
        if job.watched:
            asked["steps"] = str(own / _STEPS)
        if job.readings:
            asked["readings"] = str(own / _READINGS)
        return asked

    def _heard(self, job: Job, told: Dict[str, Any]) -> None:
        with self._lock:
            job.progress.update(told)

    def _end(self, job: Job, state: str, line: str) -> None:
        job.state, job.line, job.ended = state, line, time.time()
        self._keep(job)

    def _last_line(self, job: Job, status: Optional[int]) -> str:
        if status is None:
            return "the process that worked at it ended, perhaps for want of memory; it can go on"
        lines = [line for line in log_of(self.folder(job)).splitlines() if line.strip()]
        said = lines[-1].strip() if lines else f"ended with status {status}"
        return said[len("sfumato: ") :] if said.startswith("sfumato: ") else said

    def _keep(self, job: Job) -> None:
        # On a full disk the line goes on; what cannot be noted is known until the server ends.
        with contextlib.suppress(OSError):
            keep_job(job, self._place.jobs)
