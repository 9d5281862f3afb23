"""The cells of a grid: each one command that paints one picture, read and checked before the first is painted."""

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ..concepts import generate as concepts
from ..digits import generate as digits
from ..errors import UserError
from ..faces import generate as faces
from ..flags import option_types, read_flags
from ..options import check_options
from ..pictures import generate as pictures
from ..runs import COMMAND_LINE
from .axes import Axis, read_axis, refuse_both, with_values

MOST = 400
"""Cells of a grid."""
CELLS = "cells"
"""The folder of the cells' folders."""
_LONGEST = 30


class Job(NamedTuple):
    """A command that paints."""

    module: Any
    """Has GenerateOptions, `generate` and `painting_of`."""
    one: str
    """How one tells it to paint a single picture."""
    before: int = 0
    """What is given by its place before OUT."""
    also: Tuple[str, ...] = ("--count", "1")
    """What every cell is told."""


JOBS = {
    "digits generate": Job(digits, "one of the --digits and one of the --datasets, or make them axes"),
    "concepts generate": Job(concepts, "one --prompt, or make it an axis"),
    "pictures generate": Job(pictures, "one --label, or make it an axis"),
    "faces generate": Job(faces, "a folder of one noise", before=1, also=()),
}
"""The commands of which there are grids."""


class Cell(NamedTuple):
    """One picture of a grid."""

    row: int
    column: int
    chosen: Mapping[str, str]
    """Axis -> its value here."""
    folder: Path
    words: Sequence[str]
    """Of the command that paints it, after `sfumato`."""
    options: Any
    job: Job

    @property
    def called(self) -> str:
        """The cell, for errors."""
        return ", ".join(f"{name} {value}" for name, value in self.chosen.items())

    @property
    def command(self) -> str:
        """As one types it."""
        return shlex.join(["sfumato", *self.words])

    def painting(self) -> Any:
        """What it paints, all checked and nothing painted.

        Raises:
            UserError: for what the command refuses, and for more pictures than one.
        """
        found = _of_cell(self.called, lambda: self.job.module.painting_of(self.options))
        if found.count() != 1:
            raise UserError(f"--paint: paints {found.count()} pictures, and a cell is one; give {self.job.one}")
        return found

    def paint(self) -> None:
        """Paint it, unless it is there; what the command prints, of one picture, is not printed.

        Raises:
            UserError: for what cannot be painted.
        """
        typed = COMMAND_LINE.set(self.command)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                _of_cell(self.called, lambda: self.job.module.generate(self.options))
        finally:
            COMMAND_LINE.reset(typed)


def _of_cell(called: str, work: Any) -> Any:
    try:
        return work()
    except UserError as fault:
        raise UserError(f"{called}: {fault}") from None


def read_cells(out: Path, paint: str, across: Sequence[str], down: Sequence[str]) -> Tuple[Axis, Axis, List[Cell]]:
    """A grid's axes, columns first, and its cells row by row.

    Args:
        out: the grid's folder.
        paint: a command as one types it, without its OUT.
        across: an axis' name, and its values.
        down: the same of the rows; empty for a single row, whose axis has no name.

    Raises:
        UserError: for a command that there is not, or has no grids, axes that cannot be, and what the command refuses.
    """
    name, words = _command(paint)
    job, types = JOBS[name], option_types(JOBS[name].module.GenerateOptions)
    columns = read_axis("--across", across, name, types)
    rows = read_axis("--down", down, name, types) if down else Axis("", ("",))
    axes = [columns, *([rows] if down else [])]
    refuse_both(words, axes)
    count = len(columns.values) * len(rows.values)
    if count > MOST:
        raise UserError(f"--across and --down: are {count:,} cells, and a grid has at most {MOST}; give fewer values")
    if len(words) < job.before:
        raise UserError(f"--paint: {name} is given {job.one} first, such as '{name} NOISE shipped'")
    cells: List[Cell] = []
    for row, below in enumerate(rows.values):
        for column, beside in enumerate(columns.values):
            chosen = {columns.name: beside, **({rows.name: below} if down else {})}
            folder = out / CELLS / _folder(len(cells), chosen)
            there = [*words[: job.before], str(folder), *words[job.before :], *job.also]
            cells.append(_cell(name, row, column, chosen, folder, there))
    return columns, rows, cells


def _command(paint: str) -> Tuple[str, List[str]]:
    try:
        words = shlex.split(paint)
    except ValueError as fault:
        raise UserError(f"--paint: {paint!r} cannot be parted into words ({fault}); close its quotes") from None
    words = words[1:] if words[:1] == ["sfumato"] else words
    name = " ".join(words[:2])
    if name not in JOBS:
        raise UserError(f"--paint: {name!r} is no command of which there are grids; give one of {', '.join(JOBS)}")
    return name, words[2:]


def _cell(name: str, row: int, column: int, chosen: Dict[str, str], folder: Path, words: List[str]) -> Cell:
    def read() -> Tuple[List[str], Any]:
        typed = with_values(words, chosen)
        options = read_flags(name, JOBS[name].module.GenerateOptions, typed)
        check_options(options)
        return typed, options

    called = ", ".join(f"{axis} {value}" for axis, value in chosen.items())
    typed, options = _of_cell(called, read)
    return Cell(row, column, chosen, folder, [*name.split(), *typed], options, JOBS[name])


def _folder(number: int, chosen: Mapping[str, str]) -> str:
    """A cell's own, which says what is in it as far as names of files can; the number tells all of them apart."""
    told = (f"{axis}-{re.sub(r'[^A-Za-z0-9.-]+', '-', last_part(value))}" for axis, value in chosen.items())
    return "_".join([f"{number:03d}", *(one[: len("guidance-scale-") + _LONGEST].rstrip("-.") for one in told)])


def last_part(value: str) -> str:
    """A path without its folders; another value as it is."""
    return value.rstrip("/").rpartition("/")[2] or value
