"""The state of a training run: written often, read after whatever ended it.

A state is one safetensors file, `state-00001200.safetensors`, whose metadata hold the run's settings. The two newest
are kept: if the last write was cut short the one before it serves.
"""

import json
import re
import warnings
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from torch import Tensor

from ..errors import UserError
from .safetensor_files import read_safetensors, write_safetensors
from .stand_ins import shortened

_KEPT = 2
_STATE = re.compile(r"state-\d{8,}\.safetensors")


def save_state(folder: Path, step: int, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
    """Write the state after `step` steps, then remove all but the two newest."""
    metadata = {"step": str(step), "settings": json.dumps(settings, sort_keys=True)}
    write_safetensors(folder / f"state-{step:08d}.safetensors", tensors, metadata)
    for old in _newest_first(folder)[_KEPT:]:
        old.unlink()


def load_state(folder: Path, settings: Mapping[str, Any]) -> Optional[Tuple[int, Dict[str, Tensor]]]:
    """The newest whole state in a folder.

    A damaged state is passed over with a warning.

    Args:
        folder: of the run; may not exist.
        settings: of the run that wants to go on; they must be the saved ones.

    Returns:
        (steps done, tensors), or None where there is nothing to go on from.

    Raises:
        UserError: if the folder belongs to a run of other settings.
    """
    for path in _newest_first(folder):
        try:
            tensors, metadata = read_safetensors(path)
            step, saved = int(metadata["step"]), json.loads(metadata["settings"])
            if not isinstance(saved, dict):
                raise ValueError("its settings are no table")
        except (UserError, KeyError, ValueError, RecursionError) as error:
            warnings.warn(f"{path.name} is passed over: {error}", stacklevel=2)
            continue
        _check_same(folder, saved, json.loads(json.dumps(settings)))
        return step, tensors
    return None


def _check_same(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name in sorted(set(saved) | set(wanted)):
        if saved.get(name) != wanted.get(name):
            there = shortened(str(saved.get(name)))
            raise UserError(
                f"{folder}: holds a run with {shortened(name)} = {there}, not {wanted.get(name)};"
                " give its settings to go on, or another folder to begin anew"
            )


def _newest_first(folder: Path) -> List[Path]:
    found = Path(folder).glob("state-*.safetensors")
    # A copy that somebody put there under a name of his own is neither read nor removed.
    return sorted((path for path in found if _STATE.fullmatch(path.name)), reverse=True)
