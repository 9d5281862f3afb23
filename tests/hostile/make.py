"""All hostile files: `python -m tests.hostile.make FOLDER` writes them there, under names that say what they try."""

import pathlib
import sys
from typing import List

from . import archives, bombs, calls, headers, numbers, pictures, runs, texts
from .cases import Case

FAMILIES = (calls, bombs, archives, headers, numbers, pictures, texts, runs)
"""Modules, each with cases of a kind."""


def all_cases() -> List[Case]:
    """Every case, those of a family together."""
    return [case for family in FAMILIES for case in family.cases()]


def main(folder: pathlib.Path) -> None:
    """Write every case into a folder of its family."""
    for family in FAMILIES:
        for case in family.cases():
            case.write(folder / family.__name__.rpartition(".")[2])
    print(f"wrote {len(all_cases())} hostile files and folders into {folder}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
