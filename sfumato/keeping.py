"""What is loaded once for many paintings: while `loaded_once` lasts, what a loader read is kept and handed out again.

Outside of it nothing is kept: a loader reads its file each time that it is asked.
"""

import contextlib
import copy
from contextvars import ContextVar
from typing import Any, Callable, Dict, Hashable, Iterator, Optional, TypeVar

from torch import nn

Loaded = TypeVar("Loaded")
Network = TypeVar("Network", bound=nn.Module)

_KEPT: "ContextVar[Optional[Dict[Hashable, Any]]]" = ContextVar("kept", default=None)


@contextlib.contextmanager
def loaded_once() -> Iterator[None]:
    """Keep what `kept` loads until the block ends; files that change meanwhile are not read anew."""
    before = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(before)


def kept(key: Hashable, load: Callable[[], Loaded], handed_out: Callable[[Loaded], Loaded]) -> Loaded:
    """What is loaded; inside `loaded_once` only the first time.

    Args:
        key: of what is loaded; all that decides it.
        load: reads it.
        handed_out: of what is kept makes what the caller may change, such as `sharing`.
    """
    there = _KEPT.get()
    if there is None:
        return load()
    if key not in there:
        there[key] = load()
    return handed_out(there[key])


def sharing(network: Network) -> Network:
    """A copy of a network whose weights lie in the same memory.

    What replaces weights (moving them, adding to them, packing them) does so in the copy alone; who writes into them
    writes into both.
    """
    own: Dict[int, Any] = {id(one): nn.Parameter(one.data, one.requires_grad) for one in network.parameters()}
    own.update((id(one), one) for one in network.buffers())
    return copy.deepcopy(network, own)
