"""What the names in a checkpoint's pickle make: tensors, NumPy's numbers and arrays, plain tables; nothing else.

Every function here checks what it is given as if it came from an enemy, and answers None for what it cannot make: a
stand-in takes its place, so that what nobody asks for does no harm.
"""

from typing import Any, Callable, Dict, Optional

import numpy as np
import torch
from torch import Tensor

from .stand_ins import DamagedError, Global, StandIn, described

_LONGEST_KEY = 4096
_WIDEST_KEY = 16
_MOST_AXES = 32
_MOST_REPEATED = 2**27
"""Elements that tensors may have beyond what is stored, all of a file's together: expanded ones are saved so."""
_TENSOR_COST = 20
"""Instructions that making a tensor counts as: it takes as much memory."""
_KEY_COST = 400
"""Instructions that a key of several parts counts as: how Python hashes those is known, and a file can have them all
collide, which takes the square of their number."""
_BYTES_A_STEP = 32
"""Bytes of texts and arrays that count as an instruction: a file may ask for the same ones many times."""
_PLAIN_KINDS = "biufc"
"""NumPy's kinds of numbers: truth values, whole ones with and without sign, floating point, complex."""


class Steps:
    """What is left of the work that a file may ask for."""

    def __init__(self, most: int) -> None:
        self._left, self._repeated = most, _MOST_REPEATED

    def take(self, count: int) -> None:
        """Count work.

        Raises:
            DamagedError: where too much was asked for.
        """
        self._left -= count
        if self._left < 0:
            raise DamagedError("asks for more work than any checkpoint needs")

    def repeat(self, count: int, stored: int) -> None:
        """Count the elements of a tensor that repeats what is stored.

        Raises:
            DamagedError: where a file's tensors together repeat too much.
        """
        self._repeated -= max(0, count - stored)
        if self._repeated < 0:
            raise DamagedError(f"has a tensor of {count} numbers on a storage of {stored}")


class PlainType(StandIn):
    """A NumPy type of numbers, of which the file tells the byte order afterwards."""

    __slots__ = ("_order", "_text")

    def __init__(self, text: str) -> None:
        super().__init__("numpy.dtype")
        self._text, self._order = text, "="

    def dtype(self) -> Optional[np.dtype]:
        """The type; None for what is no number, such as Python objects."""
        try:
            found = np.dtype(self._text)
        except (TypeError, ValueError):
            return None
        plain = found.kind in _PLAIN_KINDS and found.subdtype is None
        return found.newbyteorder(self._order) if plain else None  # type: ignore[arg-type]

    def order(self, state: Any) -> None:
        """Take the byte order from what the file sets a type up with: (version, order, ...)."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "=", "|"):
            self._order = state[1]


class Array(StandIn):
    """A NumPy array of a file; its value is None until it is filled, and where it holds other things than numbers."""

    __slots__ = ("_tensor", "value")

    def __init__(self) -> None:
        super().__init__("numpy.ndarray")
        self.value: Optional[np.ndarray] = None
        self._tensor: Optional[Tensor] = None

    def fill(self, steps: Steps, state: Any) -> None:
        """Take what the file sets an array up with: (version, shape, type, whether columns come first, bytes)."""
        if isinstance(state, tuple) and len(state) == 5:
            _, shape, dtype, columns_first, raw = state
            self.value, self._tensor = _array(steps, raw, dtype, shape, "F" if columns_first else "C"), None

    def tensor(self) -> Optional[Tensor]:
        """Its numbers, copied once however often the file has it; None where it holds no numbers."""
        if self._tensor is None and self.value is not None:
            self._tensor = _copied(self.value)
        return self._tensor


def set_up(steps: Steps, what: Any, state: Any) -> None:
    """Do what a file's instruction BUILD means for an object on the stack: note it, where it is a stand-in."""
    if isinstance(what, Array):
        what.fill(steps, state)
    elif isinstance(what, PlainType):
        what.order(state)
    elif isinstance(what, StandIn) and not isinstance(what, Global):
        what.state = state


def checked_key(steps: Steps, key: Any) -> Any:
    """A key that may stand in a table: what Python can hash at once, however the file nests or repeats it.

    Raises:
        DamagedError: for another one, or for too many of several parts.
    """
    parts = (key,)
    if isinstance(key, tuple) and len(key) <= _WIDEST_KEY:
        steps.take(_KEY_COST)
        parts = key
    for part in parts:
        short = isinstance(part, (str, bytes)) and len(part) <= _LONGEST_KEY
        small = isinstance(part, (bool, float)) or (isinstance(part, int) and part.bit_length() <= 64)
        if not (short or small or part is None or isinstance(part, StandIn)):
            raise DamagedError(f"has {described(key)} as the key of a table, or a very long one")
    return key


def _table(steps: Steps, *arguments: Any) -> Dict[Any, Any]:
    """An ordered or default table; old files give the pairs with it. What the default would be is left out."""
    pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
    steps.take(len(pairs))
    some = (pair for pair in pairs if isinstance(pair, (list, tuple)))
    return {checked_key(steps, key): value for key, value in some}


def _size(steps: Steps, *arguments: Any) -> Optional[torch.Size]:
    axes = _axes(arguments[0]) if len(arguments) == 1 else None
    return None if axes is None else torch.Size(axes)


def _axes(value: Any) -> Optional[tuple]:
    """A shape or strides: a few whole numbers that are not negative."""
    good = isinstance(value, (tuple, list)) and len(value) <= _MOST_AXES
    if not good or not all(type(axis) is int and 0 <= axis < 2**62 for axis in value):
        return None
    return tuple(value)


def _tensor(steps: Steps, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Optional[Tensor]:
    """A view of a storage, inside which every element of it must lie."""
    steps.take(_TENSOR_COST)
    shape, steps_apart = _axes(size), _axes(stride)
    if not isinstance(storage, Tensor) or shape is None or steps_apart is None or len(shape) != len(steps_apart):
        return None
    if type(offset) is not int or offset < 0:
        raise DamagedError("has a tensor that begins nowhere")
    count = 1
    for axis in shape:
        count *= axis
    last = offset + sum((axis - 1) * step for axis, step in zip(shape, steps_apart))
    if count and last >= len(storage):
        raise DamagedError(f"has a tensor of {count} numbers on a storage of {len(storage)}")
    steps.repeat(count, len(storage))
    if count:
        return torch.as_strided(storage, shape, steps_apart, offset)
    return storage.new_empty(shape) if max(shape) < 2**31 else None


def _typed_tensor(
    steps: Steps, storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> Optional[Tensor]:
    """A tensor of a newer type on a storage of bytes; None where this PyTorch does not have the type."""
    found = getattr(torch, dtype.name[len("torch.") :], None) if isinstance(dtype, Global) else None
    if not isinstance(found, torch.dtype) or not isinstance(storage, Tensor):
        return None
    width = torch.empty(0, dtype=found).element_size()
    raw = storage if storage.dtype == torch.uint8 else storage.view(torch.uint8)
    if len(raw) % width or raw.data_ptr() % width:
        return None
    return _tensor(steps, raw.view(found), offset, size, stride)


def _first_tensor(steps: Steps, *arguments: Any) -> Optional[Tensor]:
    """A parameter is its tensor: whether it wants gradients is for those who use it to say."""
    return arguments[0] if arguments and isinstance(arguments[0], Tensor) else None


def _of_type(steps: Steps, *arguments: Any) -> Optional[Tensor]:
    """A tensor of a class of its own: (function that makes the tensor, class, its arguments, state)."""
    if len(arguments) != 4 or not isinstance(arguments[0], Global) or not isinstance(arguments[2], tuple):
        return None
    make = REBUILDERS.get(arguments[0].name)
    made = None if make in (None, _of_type) else make(steps, *arguments[2])
    return made if isinstance(made, Tensor) else None


def _from_numpy(steps: Steps, *arguments: Any) -> Optional[Tensor]:
    """A tensor of a device of its own, kept as an array."""
    steps.take(_TENSOR_COST)
    return as_tensor(arguments[0]) if arguments else None


def as_tensor(value: Any) -> Optional[Tensor]:
    """A tensor from what a file held: itself, or an array of numbers; None for anything else."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Array):
        return value.tensor()
    return _copied(value) if isinstance(value, (np.ndarray, np.generic)) else None


def _copied(array: Any) -> Optional[Tensor]:
    native = np.array(array, dtype=array.dtype.newbyteorder("="), copy=True)
    try:
        return torch.from_numpy(native)
    except TypeError:  # such as whole numbers without sign in old versions
        return None


def _dtype(steps: Steps, *arguments: Any) -> Optional[PlainType]:
    text = arguments[0] if arguments else None
    return PlainType(text) if isinstance(text, str) and len(text) <= 8 else None


def _scalar(steps: Steps, *arguments: Any) -> Any:
    """A number: (type, bytes)"""
    array = _array(steps, arguments[1], arguments[0], (), "C") if len(arguments) == 2 else None
    return None if array is None else array[()]


def _from_buffer(steps: Steps, *arguments: Any) -> Optional[Array]:
    """(bytes, type, shape, order)"""
    made = Array()
    if len(arguments) == 4:
        made.value = _array(steps, *arguments)
    return made


def _array(steps: Steps, raw: Any, kind: Any, shape: Any, order: Any) -> Optional[np.ndarray]:
    """An array on the file's own bytes, without a copy; None for other things than numbers."""
    dtype, axes = kind.dtype() if isinstance(kind, PlainType) else None, _axes(shape)
    steps.take(len(raw) // _BYTES_A_STEP if isinstance(raw, (str, bytes, bytearray)) else 0)
    if isinstance(raw, str):
        raw = raw.encode("latin-1", "replace")  # Python 2 knew no difference
    if dtype is None or axes is None or not isinstance(raw, (bytes, bytearray)) or order not in ("C", "F"):
        return None
    count = 1
    for axis in axes:
        count *= axis
    if count * dtype.itemsize != len(raw):
        raise DamagedError(f"has an array of {count} numbers in {len(raw)} bytes")
    return np.frombuffer(raw, dtype).reshape(axes, order=order)


def _encoded(steps: Steps, *arguments: Any) -> Optional[bytes]:
    """Bytes that an old kind of pickle keeps as text."""
    text = arguments[0] if arguments else None
    if not isinstance(text, str) or tuple(arguments[1:]) not in (("latin1",), ("latin-1",)):
        return None
    steps.take(len(text) // _BYTES_A_STEP)
    return text.encode("latin-1")


REBUILDERS: Dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("collections.OrderedDict", "builtins.dict", "__builtin__.dict"), _table),
    "collections.defaultdict": lambda steps, *_: {},
    "torch.Size": _size,
    **dict.fromkeys(("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"), _tensor),
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _first_tensor,
    "torch._utils._rebuild_parameter_with_state": _first_tensor,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch._utils._rebuild_device_tensor_from_numpy": _from_numpy,
    **{
        f"numpy.{core}.{name}": make
        for core in ("core", "_core")
        for name, make in (
            ("multiarray._reconstruct", lambda steps, *_: Array()),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _from_buffer),
        )
    },
    "numpy.dtype": _dtype,
    "_codecs.encode": _encoded,
}
"""Name in a pickle -> what makes it, called with the steps that are left and the file's arguments."""
