"""Running the course's scripts with the Python of these tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = ("hw2_1.sh", "hw2_2.sh", "hw2_3.sh", "hw2_download_ckpt.sh", "get_dataset.sh")


def run_script(script, *arguments, cwd, root=ROOT, **changes):
    """bash SCRIPT of a folder, with `python3` meaning the Python of these tests."""
    return run_at(str(root / script), *arguments, cwd=cwd, python=cwd, **changes)


def run_at(path, *arguments, cwd, python, **changes):
    """The same of a script by its path; `python` is the folder for `python3`, of a name that PATH can hold."""
    threads = {name: value for name, value in os.environ.items() if name == "OMP_NUM_THREADS"}
    environment = {"PATH": f"{shim(python)}:/usr/bin:/bin", "HOME": str(cwd), **threads, **changes}
    return subprocess.run(
        ["bash", path, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )


def shim(folder):
    """A folder whose python3 is this Python."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    python = bin_folder / "python3"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    return bin_folder
