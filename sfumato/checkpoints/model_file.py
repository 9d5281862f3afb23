"""Our own models as files: a safetensors file whose metadata name the model and hold its network's shape."""

import json
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from ..errors import UserError
from .safetensor_files import write_safetensors
from .stand_ins import shortened
from .strict import refuse_others
from .tensor_files import read_tensors


class ModelFormat(NamedTuple):
    """What a model file says of itself."""

    name: str
    """Kept in the file, such as "sfumato digits 1"."""
    what: str
    """The model in words, for errors."""
    writer: str
    """The command that writes such files, for errors."""


def write_model(
    path: Path,
    network: nn.Module,
    kind: ModelFormat,
    config: Mapping[str, Any],
    dtype: torch.dtype = torch.float16,
    note: str = "",
) -> None:
    """Write a model, whole or not at all.

    Args:
        path: ends in .safetensors.
        network: its weights are written.
        kind: what it is.
        config: the network's shape.
        dtype: of the stored weights; half precision halves the file and changes no picture visibly.
        note: how the weights came to be.
    """
    state = {key: _in(value, dtype) for key, value in network.state_dict().items()}
    write_safetensors(path, state, {"format": kind.name, "config": json.dumps(config), "note": note})


def read_model(path: Path, kind: ModelFormat) -> Tuple[Dict[str, Tensor], Dict[str, Any]]:
    """Read what `write_model` wrote.

    Returns:
        (key -> tensor, in float32 what is not whole numbers; the network's shape, lists as tuples).

    Raises:
        UserError: if the file is not such a model.
    """
    state, metadata = read_tensors(path)
    if metadata.get("format") != kind.name:
        found = shortened(metadata.get("format", "weights of an unnamed model"))
        raise UserError(f"{path}: holds {found}, not a {kind.what}; give a file that {kind.writer} wrote")
    try:
        config = json.loads(metadata.get("config", "{}"))
        shape = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
    except (AttributeError, ValueError, RecursionError):
        raise UserError(f"{path}: its description of the network is damaged; get the file again") from None
    refuse_others(state, path)
    return {key: _in(value, torch.float32) for key, value in state.items()}, shape


def _in(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value
