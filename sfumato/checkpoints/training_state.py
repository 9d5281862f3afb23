"""The state of a training run: written often, read after whatever ended it.

A state is one safetensors file, `state-00001200.safetensors`, whose metadata hold the run's settings and a checksum of
its tensors. The two newest are kept: if the last write was cut short the one before it serves. So is the newest one
from before the learning rate fell, from which the run can be made longer.
"""

import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

import torch
from torch import Tensor

from ..errors import UserError
from .safetensor_files import read_safetensors, write_safetensors
from .settings import but_length, refuse_other_settings

_KEPT = 2
_STATE = re.compile(r"state-(\d{8,})\.safetensors")


class Saved(NamedTuple):
    """What a run goes on from."""

    step: int
    """Steps done."""
    tensors: Dict[str, Tensor]
    settings: Dict[str, Any]
    """Those that it was saved with."""


def save_state(
    folder: Path, step: int, tensors: Mapping[str, Tensor], settings: Mapping[str, Any], steady: int = 0
) -> None:
    """Write the state after `step` steps, then remove those that nothing goes on from.

    Of the states of later steps the run did not go on, because they are damaged or of a longer one's end.

    Args:
        folder: of the run.
        step: steps done.
        tensors: of the state.
        settings: of the run.
        steady: steps up to which the learning rate has not fallen.

    Raises:
        UserError: if a number is not finite.
    """
    told = {"step": str(step), "settings": json.dumps(settings, sort_keys=True), "sha256": checksum(tensors)}
    write_safetensors(folder / f"state-{step:08d}.safetensors", tensors, told)
    done = [path for path in _newest_first(folder) if _step(path) <= step]
    kept = {*done[:_KEPT], *[path for path in done if _step(path) <= steady][:1]}
    for old in set(_newest_first(folder)) - kept:
        old.unlink()


def load_state(
    folder: Path, settings: Mapping[str, Any], serves: Callable[[Saved], bool] = lambda saved: True
) -> Optional[Saved]:
    """The newest sound state in a folder that serves.

    A damaged state is passed over with a warning.

    Args:
        folder: of the run; may not exist.
        settings: of the run that wants to go on, but for its length; they must be the saved ones.
        serves: whether a state is one to go on from.

    Returns:
        The state, or None where there is nothing to go on from.

    Raises:
        UserError: if the folder belongs to a run of other settings, or has damaged states alone.
    """
    sound = False
    for saved in _sound(folder):
        refuse_other_settings(folder, but_length(saved.settings), but_length(settings))
        sound = True
        if serves(saved):
            return saved
    if not sound and _newest_first(folder):
        raise UserError(f"{folder}: no saved state in it is sound; remove its state-* files to begin anew")
    return None


def _sound(folder: Path) -> Iterator[Saved]:
    for path in _newest_first(folder):
        try:
            tensors, metadata = read_safetensors(path)
            saved = Saved(int(metadata["step"]), tensors, json.loads(metadata["settings"]))
            if not isinstance(saved.settings, dict):
                raise ValueError("its settings are no table")
            if metadata["sha256"] != checksum(tensors):
                raise ValueError("its numbers are not those that were written")
        except (UserError, KeyError, ValueError, AttributeError, RecursionError) as error:
            warnings.warn(f"{path.name} is passed over: {error}", stacklevel=3)
            continue
        yield saved


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and numbers, in hexadecimal digits."""
    whole = hashlib.sha256()
    for key in sorted(tensors):
        value = tensors[key].detach().cpu().contiguous()
        whole.update(f"{key} {value.dtype} {list(value.shape)}".encode())
        whole.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()


def _newest_first(folder: Path) -> List[Path]:
    found = Path(folder).glob("state-*.safetensors")
    # A copy that somebody put there under a name of his own is neither read nor removed.
    return sorted((path for path in found if _STATE.fullmatch(path.name)), key=_step, reverse=True)


def _step(path: Path) -> int:
    return int(path.name.split("-")[1].split(".")[0])
