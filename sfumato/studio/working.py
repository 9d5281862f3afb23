"""The worker's process, from the server's side: started, asked, interrupted, and started again where it ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Optional


class Working:
    """One process that works.

    Args:
        folder: that it stands in, so that commands name what is there without a path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock, self._asking = folder, threading.Lock(), threading.Lock()
        self._process = self._started()
        self._closed = False

    def do(self, asked: Dict[str, Any], heard: Callable[[Dict[str, Any]], None]) -> Optional[int]:
        """Have a job done.

        Args:
            asked: see worker.py.
            heard: told what the worker says on the way.

        Returns:
            The command's exit status; None if the process ended before the command did.
        """
        with self._asking:
            return self._done(asked, heard)

    def _done(self, asked: Dict[str, Any], heard: Callable[[Dict[str, Any]], None]) -> Optional[int]:
        with self._lock:
            if self._closed:
                return None
            if self._process.poll() is not None:
                _leave(self._process)
                self._process = self._started()
            process = self._process
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            told = json.loads(line)
            if "status" in told:
                return int(told["status"])
            heard(told)
        process.wait()
        return None

    def interrupt(self, kill: bool = False) -> None:
        """End the command that is done, and not the process; or the process too."""
        with self._lock:
            # Sends nothing to a process that has ended.
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGINT)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            self._process.kill()
        # Whoever waits for the end of a command has it now.
        with self._asking:
            _leave(self._process)

    def _started(self) -> "subprocess.Popen[str]":
        root = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", "sfumato.studio.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": paths},
            # Ctrl-C in the server's terminal is the server's.
            start_new_session=True,
        )


def _leave(process: "subprocess.Popen[str]") -> None:
    """Wait for a process that ends, and close what led to it."""
    process.wait()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        # What it did not read any more is lost with it.
        with contextlib.suppress(OSError):
            stream.close()
