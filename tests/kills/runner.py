"""Commands run by a server, and killed where that is asked for."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Runner:
    """A server of its own.

    Args:
        folder: that commands run in.
        said: the file for what the last one printed.
    """

    def __init__(self, folder, said):
        self.folder, self._said = folder, said
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.kills.server"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        self._server = subprocess.Popen(command, env=environment, **pipes)
        assert self._server.stdout.readline() == "ready\n"

    def end(self):
        self._server.communicate()

    def begin(self, typed, seconds=None, write=None):
        """Start a command; see server.py for what can be told."""
        told = {"words": shlex.split(typed), "folder": str(self.folder), "seconds": seconds, "write": write}
        self._server.stdin.write(json.dumps({**told, "said": str(self._said)}) + "\n")
        self._server.stdin.flush()

    def ended(self):
        """Wait for its end."""
        return json.loads(self._server.stdout.readline())

    def run(self, typed, seconds=None, write=None):
        self.begin(typed, seconds, write)
        return self.ended()

    def said(self):
        return self._said.read_text(errors="replace")
