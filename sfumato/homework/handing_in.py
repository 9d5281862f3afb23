"""What is handed in: the scripts and the package, so that they run on another machine from OUT alone."""

import shlex
import shutil
from pathlib import Path
from typing import Iterable, List, Optional

from ..checkpoints import atomic_path, visible_files, write_text
from ..outputs import open_folder

PACKAGE = Path(__file__).parents[1]
SCRIPTS = ("hw2_1.sh", "hw2_2.sh", "hw2_3.sh", "hw2_download_ckpt.sh", "get_dataset.sh")
_PLACES = (PACKAGE.parent, Path(__file__).parent / "scripts")
"""Where they lie: beside the package in a clone, inside it where it was installed (pyproject.toml puts them there)."""
LARGEST = 100 * 10**6
"""Bytes that a file in a repository may have."""
_LEFT_OUT = ("__pycache__", ".pyc")


def hand_in(out: Path, digits: Optional[Path] = None) -> None:
    """Put the package and the scripts into a folder.

    Args:
        out: the folder.
        digits: weights in place of those that ship for digits.
    """
    own = {Path("models/weights/digits.safetensors"): digits} if digits is not None else {}
    target = open_folder(out / "sfumato")
    wanted = [path for path in visible_files(PACKAGE, deep=True) if not any(part in str(path) for part in _LEFT_OUT)]
    names = [path.relative_to(PACKAGE) for path in wanted]
    for name, path in zip(names, wanted):
        copy(own.get(name, path), target / name)
    _remove_others(target, {target / name for name in names})
    place = next(place for place in _PLACES if (place / SCRIPTS[0]).is_file())
    for script in SCRIPTS:
        copy(place / script, out / script)
    write_text(out / ".gitignore", "__pycache__/\n/runs/\n")


def copy(source: Path, target: Path) -> None:
    """Copy a file whole or not at all; one that is the same stands."""
    same_size = target.is_file() and target.stat().st_size == source.stat().st_size
    if same_size and target.read_bytes() == source.read_bytes():
        return
    open_folder(target.parent)
    with atomic_path(target) as beside:
        shutil.copyfile(source, beside)
        shutil.copymode(source, beside)


def _remove_others(folder: Path, wanted: Iterable[Path]) -> None:
    """Remove what an earlier version of the package had and this one has not."""
    kept = set(wanted)
    for path in visible_files(folder, deep=True):
        if path not in kept and path.suffix == ".py":
            path.unlink()


def move_too_large(out: Path, largest: int = LARGEST) -> List[Path]:
    """Move what no repository takes out of a folder that is handed in, and have hw2_download_ckpt.sh fetch it.

    Args:
        out: the folder; what lies in its runs/ is not handed in.
        largest: bytes that a file may have.

    Returns:
        Where the files lie now, to be put somewhere where the script finds them; it names the place for the address.
    """
    uploads, moved = out.with_name(f"{out.name}-to-upload"), []
    for path in visible_files(out, deep=True):
        name = path.relative_to(out)
        if name.parts[0] != "runs" and path.stat().st_size > largest:
            open_folder((uploads / name).parent)
            shutil.move(str(path), str(uploads / name))
            moved.append(name)
    if moved:
        fetch_lines = "".join(f"fetch ADDRESS {shlex.quote(name.as_posix())}\n" for name in moved)
        write_text(out / "hw2_download_ckpt.sh", _FETCH.format(uploads=uploads.name) + fetch_lines)
        print(
            f"{uploads}: holds {len(moved)} file(s) that are too large for a repository; upload them, and put their"
            f" addresses into {out / 'hw2_download_ckpt.sh'}"
        )
    return [uploads / name for name in moved]


_FETCH = """#!/usr/bin/env bash
# bash hw2_download_ckpt.sh: fetches what is too large for git.
# Before handing in: upload the files of the folder {uploads}, and put their addresses in the places of ADDRESS.
cd "$(dirname "${{BASH_SOURCE[0]}}")" || exit 2
fetch() {{
  [ -s "$2" ] && return
  if [ "$1" = ADDRESS ]; then echo "hw2_download_ckpt.sh: the address of $2 is missing in this script" >&2; exit 2; fi
  mkdir -p "$(dirname "$2")"
  curl --fail --location --silent --show-error --output "$2.part" "$1" && mv "$2.part" "$2" || exit 2
}}
"""
