"""Loading weights into a network, all of them or none."""

import contextlib
import inspect
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, TypeVar

import torch
from torch import Tensor, nn

from ..errors import UserError, first_line
from .mapping import let_go
from .stand_ins import StandIn, described, shortened

Network = TypeVar("Network", bound=nn.Module)

_SLACK = 2**20
_LEAST = 256
"""Numbers that a parameter counts as at least: with its layer it takes as much memory."""
_NAMED = 3
"""How many offending keys an error names."""


def unfilled() -> ContextManager[object]:
    """Networks made inside have shapes but no memory until weights are loaded, where PyTorch can do that (2.1 on)."""
    can = "assign" in inspect.signature(nn.Module.load_state_dict).parameters
    return torch.device("meta") if can else contextlib.nullcontext()


class _TooLargeError(Exception):
    """A network asks for more numbers than there are to fill it."""


@contextlib.contextmanager
def _no_larger_than(most: int) -> Iterator[None]:
    """Networks made inside may have so many numbers; an attempt to make a larger one ends at the first layer too many.

    A description of a few bytes can ask for a network of any size, which would be made before its weights are found
    not to fit. Modules register each parameter before they fill it, so that this is where memory can be counted.
    """
    plain, left = nn.Module.register_parameter, [most]

    def counted(self: nn.Module, name: str, param: Optional[nn.Parameter]) -> None:
        left[0] -= 0 if param is None else max(_LEAST, param.numel())
        if left[0] < 0:
            raise _TooLargeError
        plain(self, name, param)

    nn.Module.register_parameter = counted  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        nn.Module.register_parameter = plain  # type: ignore[method-assign]


def fitting(make: Callable[[], Network], state: Mapping[str, Any], path: Path, what: str) -> Network:
    """A new network that is to take these weights; it is not made much larger than they are.

    Args:
        make: makes the network from what a file says of its shape.
        state: key -> tensor.
        path: where both came from, for the error.
        what: the network's name in words, for the error.

    Raises:
        UserError: if it would be far larger, or the description makes no network.
    """
    numbers = sum(value.numel() for value in state.values() if isinstance(value, Tensor))
    try:
        # Twice: of a file that lacks some weights it is better told which.
        with _no_larger_than(2 * numbers + _SLACK):
            return make()
    except (_TooLargeError, MemoryError):
        raise UserError(
            f"{path}: describes a {what} that is far larger than the weights in it; get the file again"
        ) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError, RuntimeError) as error:
        reason = shortened(first_line(error))
        raise UserError(f"{path}: its description of the {what} is damaged ({reason}); get the file again") from None


def load_strictly(network: nn.Module, state: Any, path: Path, what: str) -> None:
    """Load a state dict whose keys and shapes are exactly the network's.

    Args:
        network: filled in place; half-precision values are widened to its own type. One made in `unfilled` takes the
            tensors themselves, in their own type.
        state: key -> tensor.
        path: where state came from, for the error.
        what: the network's name in words, for the error.

    Raises:
        UserError: naming the first few missing, extra or misshapen keys, or keys that hold no finite numbers; or what
            the file has where a tensor belongs.
    """
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        inside = f" ({described(state)})" if isinstance(state, StandIn) else ""
        raise UserError(f"{path}: holds no plain table of weights{inside}, so it is no {what}")
    refuse_others(state, path)
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
    bad = not_finite(state)
    if bad:
        raise UserError(f"{path}: the {what} holds NaN or infinity in {some(bad)}; the file is damaged")
    if any(parameter.is_meta for parameter in network.parameters()):
        network.load_state_dict(dict(state), assign=True)
    else:
        network.load_state_dict(dict(state))


def not_finite(state: Mapping[str, Tensor]) -> List[str]:
    """The names of the tensors that hold NaN or infinity."""
    return [key for key, value in state.items() if value.is_floating_point() and not bool(value.isfinite().all())]


def refuse_not_finite(state: Mapping[str, Tensor], path: Path) -> None:
    """Check before a file is written that a reader will take it.

    Raises:
        UserError: for a tensor that holds NaN or infinity.
    """
    bad = not_finite(state)
    if bad:
        raise UserError(
            f"{path}: is not written, for {some(bad)} would hold NaN or infinity; numbers have grown beyond what their"
            " type holds: learn slower, or store and compute in fp32"
        )


def refuse_others(state: Mapping[str, Any], path: Path) -> None:
    """Check that a table holds tensors and nothing else.

    Raises:
        UserError: naming the first other thing, and what it is.
    """
    for key, value in state.items():
        if not isinstance(value, Tensor):
            what = described(value)
            raise UserError(f"{path}: has {what} where the tensor {shortened(key)!r} belongs; nothing of it was run")


def loaded(make: Callable[[], Network], state: Mapping[str, Any], path: Path, what: str) -> Network:
    """A new network in float32 with these weights, frozen.

    Args:
        make, path, what: see `fitting`.
        state: see `load_strictly`.

    Raises:
        UserError: as both do.
    """
    network = fitting(make, state, path, what)
    load_strictly(network, state, path, what)
    return network.eval().requires_grad_(False)


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
    refuse_others(state, path)
    with unfilled():
        network = fitting(make, state, path, what)
    laid_out = {}
    for key in list(state):
        stored = state.pop(key)
        value = stored.to(dtype)
        laid_out[key] = value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
        if laid_out[key] is not stored:
            let_go(stored)
    load_strictly(network, laid_out, path, what)
    return network.to(dtype).eval().requires_grad_(False)


def some(keys: List[str]) -> str:
    """The first of several keys, and how many more, for an error."""
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(map(shortened, keys[:_NAMED])) + more
