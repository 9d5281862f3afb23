"""Commands as the docs have them, each in a folder of its own, from which pictures are taken."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Scratch:
    """A folder of what commands wrote; what is done is not done again.

    Args:
        folder: made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def ran(self, line: str, leaves: str) -> Path:
        """Run a line as a page has it, in the folder; returns what it leaves there.

        Args:
            line: `sfumato ...` or `python examples/...`.
            leaves: the last thing that it writes, relative to the folder.

        Raises:
            RuntimeError: if it fails, with the end of what it said.
        """
        left, done = self.folder / leaves, self.folder / "done.txt"
        if left.exists() and done.exists() and line in done.read_text().splitlines():
            return left
        print(f"  $ {line}", flush=True)
        program, *words = shlex.split(line)
        begin = ["-m", "sfumato"] if program == "sfumato" else []
        words = [str(ROOT / word) if word.startswith("examples/") else word for word in words]
        ended = subprocess.run(
            [sys.executable, *begin, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode != 0 or not left.exists():
            raise RuntimeError(f"{line}: status {ended.returncode}\n{ended.stdout[-2000:]}")
        with done.open("a") as lines:
            lines.write(f"{line}\n")
        return left
