"""Loading weights into a network, all of them or none."""

import contextlib
import inspect
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Mapping, TypeVar

import torch
from torch import Tensor, nn

from ..errors import UserError

Network = TypeVar("Network", bound=nn.Module)

_NAMED = 3
"""How many offending keys an error names."""


def unfilled() -> ContextManager[object]:
    """Networks made inside have shapes but no memory until weights are loaded, where PyTorch can do that (2.1 on)."""
    can = "assign" in inspect.signature(nn.Module.load_state_dict).parameters
    return torch.device("meta") if can else contextlib.nullcontext()


def load_strictly(network: nn.Module, state: Any, path: Path, what: str) -> None:
    """Load a state dict whose keys and shapes are exactly the network's.

    Args:
        network: filled in place; half-precision values are widened to its own type. One made in `unfilled` takes the
            tensors themselves, in their own type.
        state: key -> tensor.
        path: where state came from, for the error.
        what: the network's name in words, for the error.

    Raises:
        UserError: naming the first few missing, extra or misshapen keys, or keys that hold no finite numbers.
    """
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: holds no plain table of weights, so it is no {what}")
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in state]
    extra = [key for key in state if key not in wanted]
    misshapen = [
        f"{key} {list(state[key].shape)} for {list(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    faults = [
        f"{word} {some(keys)}"
        for word, keys in (("lacks", missing), ("has the unknown", extra), ("has of another shape", misshapen))
        if keys
    ]
    if faults:
        raise UserError(f"{path}: is not the {what}: it {'; '.join(faults)}")
    bad = [key for key, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if bad:
        raise UserError(f"{path}: the {what} holds NaN or infinity in {some(bad)}; the file is damaged")
    if any(parameter.is_meta for parameter in network.parameters()):
        network.load_state_dict(dict(state), assign=True)
    else:
        network.load_state_dict(dict(state))


def filled(
    make: Callable[[], Network], state: Dict[str, Tensor], path: Path, what: str, dtype: torch.dtype = torch.float32
) -> Network:
    """A new network with these weights, frozen, without ever holding much more than them.

    Args:
        make: makes the network.
        state: key -> tensor; emptied on the way, so that wide weights do not stay beside narrow ones.
        path: see `load_strictly`.
        what: see there.
        dtype: of the weights. Those of convolutions are kept channels-last, the order in which they are read.

    Raises:
        UserError: as `load_strictly` does.
    """
    with unfilled():
        network = make()
    laid_out = {}
    for key in list(state):
        value = state.pop(key).to(dtype)
        laid_out[key] = value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
    load_strictly(network, laid_out, path, what)
    return network.to(dtype).eval().requires_grad_(False)


def some(keys: List[str]) -> str:
    """The first of several keys, and how many more, for an error."""
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
