"""Any two settings of a painting compared on one sheet.

    OUT/cells/NUMBER_AXIS-VALUE.../...      each cell as its command paints it, with its own note
    OUT/grid.png                            all of them, with the axes' names and values
    OUT/grid.json                           axes, values, and each cell's picture and command

A cell is what the painted command writes when it is typed by itself: `sfumato again` paints it anew.
"""

import contextlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from ..bars import Bar, moving
from ..checkpoints import write_text
from ..devices import Worker
from ..errors import UserError
from ..images import save_image
from ..keeping import loaded_once
from ..outputs import refuse_file
from ..runs import digest, open_run
from .axes import Axis
from .cells import CELLS, Cell, read_cells
from .sheet import sheet_of

SHEET, TOLD = "grid.png", "grid.json"


@dataclass
class GridOptions:
    """Compare two settings of a painting on one sheet; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    paint: str = field(metadata={"flag": True})
    """The command that paints a cell, in quotes and without its OUT: 'concepts generate --prompt "a chalk seven"'."""
    across: Tuple[str, ...] = field(metadata={"flag": True})
    """What differs from column to column, and its values: steps 4 8 16. Any option of the command that takes one
    value, or lora-weight, custom-weight (of the one --lora or --custom) and stage (of the one run that --embeddings,
    --lora or --custom names)."""
    down: Tuple[str, ...] = ()
    """The same from row to row; one row by default."""


def grid(options: GridOptions) -> Path:
    """Paint what is not there yet, and the sheet; see GridOptions.

    Returns:
        The folder.

    Raises:
        UserError: for what cannot be painted, before anything is; and for a folder that holds another grid.
    """
    if Worker.here().world > 1:
        raise UserError("a grid is painted by one process; start it without torchrun")
    refuse_file(options.out)
    columns, rows, cells = read_cells(options.out, options.paint, options.across, options.down)
    with loaded_once():
        pictures, decided, steps = _looked_through(cells)
        settings = {"paint": options.paint, "across": options.across, "down": options.down, "cells": digest(decided)}
        with open_run(options.out, "grid", settings, Worker.here(), [CELLS]):
            _paint(cells, steps)
            _leave(options, columns, rows, cells, pictures)
    print(f"wrote {len(cells)} picture{'s' * (len(cells) != 1)} and {options.out / SHEET}")
    return options.out


def _looked_through(cells: Sequence[Cell]) -> Tuple[List[Path], List[Dict[str, Any]], int]:
    """Every cell's picture, below its folder, all that decides it, and the steps of all.

    What the commands print of models and words is printed once.

    Raises:
        UserError: for the first cell that cannot be painted.
    """
    pictures, decided, steps, said = [], [], 0, io.StringIO()
    with contextlib.redirect_stdout(said), Bar(total=len(cells), desc="reading", unit="cell", leave=False) as bar:
        for cell in cells:
            painting = cell.painting()
            pictures.append(cell.folder / painting.path(next(iter(painting.wanted()))))
            decided.append(dict(painting.settings))
            steps += painting.steps
            bar.update()
    for line in dict.fromkeys(said.getvalue().splitlines()):
        print(line)
    return pictures, decided, steps


def _paint(cells: Sequence[Cell], steps: int) -> None:
    with Bar(total=steps, unit="step", desc=f"painting {len(cells)} cells") as bar, moving(bar):
        for cell in cells:
            cell.paint()


def _leave(options: GridOptions, columns: Axis, rows: Axis, cells: Sequence[Cell], pictures: Sequence[Path]) -> None:
    """Write the sheet, and what stands where."""
    save_image(sheet_of(pictures, columns, rows), options.out / SHEET)
    told = {
        "paint": options.paint,
        "across": columns._asdict(),
        "down": rows._asdict() if rows.name else None,
        "cells": [
            {
                "row": cell.row,
                "column": cell.column,
                "settings": cell.chosen,
                "picture": picture.relative_to(options.out).as_posix(),
                "command": cell.command,
            }
            for cell, picture in zip(cells, pictures)
        ],
    }
    write_text(options.out / TOLD, json.dumps(told, indent=2) + "\n")
