"""Settings of runs, as a folder's note and a training's states keep them: whether two runs are the same one."""

import json
from pathlib import Path
from typing import Any, Dict, Mapping

from ..errors import UserError
from .stand_ins import shortened


def but_length(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Settings without how many steps are asked for, which a run that goes on may change."""
    loop = settings.get("loop")
    without = {"loop": {**loop, "steps": None}} if isinstance(loop, dict) else {}
    return {**json.loads(json.dumps(settings)), **without}


def refuse_other_settings(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any], or_else: str = "") -> None:
    """Check that settings are the same.

    Args:
        folder: that belongs to a run.
        saved: the run's settings.
        wanted: those asked for.
        or_else: what can be done beside giving another folder.

    Raises:
        UserError: naming the first that differs.
    """
    there, here = _flat(saved), _flat(json.loads(json.dumps(wanted)))
    for name in sorted({*there, *here}):
        if there.get(name) != here.get(name):
            old, new = (shortened(str(one.get(name))) for one in (there, here))
            raise UserError(
                f"{folder}: holds a run with {shortened(name)} = {old}, not {new}; give its settings to go on, or"
                f" another folder to begin anew{or_else}"
            )


def _flat(settings: Mapping[str, Any], begin: str = "") -> Dict[str, Any]:
    """Settings in one table: what lies in another has both names, as loop.seed."""
    flat: Dict[str, Any] = {}
    for name, value in settings.items():
        flat.update(_flat(value, f"{begin}{name}.") if isinstance(value, dict) and value else {begin + name: value})
    return flat
