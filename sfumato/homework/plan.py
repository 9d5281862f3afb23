"""What will be done, said before it is."""

import shutil
from datetime import datetime, timedelta
from typing import List, Sequence

from ..checkpoints import visible_files
from ..concepts.evaluate import PICTURES
from ..devices import peak_memory
from ..errors import UserError
from .grade import missing_parts
from .handing_in import PACKAGE
from .setup import Setup
from .stages import Planned, Stage

_MIB = 1 << 20
_DIGITS_AND_FACES = 30 * _MIB
_BEFORE_PAINTING = "words"
_CANDIDATES = 10
"""For which the disk must have room."""


def plan_lines(setup: Setup, stages: Sequence[Stage], left: Sequence[Planned]) -> List[str]:
    """What was found, what is missing, what will be done, how long it takes and what it needs.

    Raises:
        UserError: if the disk has too little room.
    """
    lines = ["found in HW2_DATA", *(f"  {line}" for line in setup.found.lines())]
    missing = missing_parts(setup)
    if missing:
        lines += ["missing", *(f"  {part:<18} {why}" for part, why in missing.items())]
    done = len(stages) - len(left)
    lines.append("to do" + (f" ({done} of {len(stages)} are done)" if done else ""))
    for stage, seconds in left:
        lines.append(f"  {'P' + stage.problem if stage.problem else '':<3} {in_words(seconds):>8}  {stage.what}")
        if stage.name == "words" and setup.judges:
            lines.append(_searching(setup, seconds))
    total = sum(seconds for _, seconds in left)
    more = setup.options.hours * 3600 if any(stage.name == "words" for stage, _ in left) and setup.judges else 0.0
    end = datetime.now() + timedelta(seconds=total + more)
    searching = f", and {setup.options.hours:g} h more where the search needs them" if more else ""
    lines.append(f"takes      {in_words(total)}{searching}; finished by {end:%Y-%m-%d %H:%M}")
    peak = peak_memory()
    if peak is not None:
        lines.append(f"memory     {peak / (1 << 30):.1f} GiB, measured")
    lines.append(f"disk       {_disk(setup) / _MIB:,.0f} MiB in {setup.out}, {_free(setup) / (1 << 30):.1f} GiB free")
    if _free(setup) < _disk(setup):
        raise UserError(f"{setup.out}: {lines[-1].split(maxsplit=1)[1]}; free some space, or give another folder")
    return lines


def _searching(setup: Setup, seconds: float) -> str:
    one = max(map(setup.candidate_seconds, setup.sources))
    more = int(setup.options.hours * 3600 // max(one, 1.0))
    return f"{'':<14}a word takes {in_words(one)} with its judging; {setup.options.hours:g} h hold {more} more"


def in_words(seconds: float) -> str:
    """Such as 40 s, 12 min or 3.5 h."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _disk(setup: Setup) -> int:
    """Bytes that OUT will take."""
    package = sum(path.stat().st_size for path in visible_files(PACKAGE, deep=True))
    prompts = sum(len(source.prompts) for source in setup.sources) if "3" in setup.problems else 0
    pictures = PICTURES * prompts * setup.prompt.bytes if setup.checkpoint_file is not None and prompts else 0
    return package + _DIGITS_AND_FACES + pictures * (1 + _CANDIDATES)


def _free(setup: Setup) -> int:
    there = next(path for path in (setup.out.absolute(), *setup.out.absolute().parents) if path.is_dir())
    return shutil.disk_usage(there).free
