"""Running the course's scripts with the Python of these tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_script(script, *arguments, cwd, **changes):
    """bash SCRIPT, with `python3` meaning the Python of these tests."""
    environment = {"PATH": f"{shim(cwd)}:/usr/bin:/bin", "HOME": str(cwd), **changes}
    command = ["bash", str(ROOT / script), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


def shim(folder):
    """A folder whose python3 is this Python."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    python = bin_folder / "python3"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    return bin_folder
