"""Reading pickled checkpoints without running them.

A pickle is a program: it can name any function of any module and call it. This reader knows the few functions that
rebuild tensors. Any other name becomes an inert class that can be stored, compared and set up, but never called, so
that checkpoints with trainer objects inside still give their tensors; a pickle that calls one is refused.
"""

import collections
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Tuple

import torch

from ..errors import UserError

_REBUILDERS = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
}
_STORAGES = (
    "DoubleStorage",
    "FloatStorage",
    "HalfStorage",
    "BFloat16Storage",
    "LongStorage",
    "IntStorage",
    "ShortStorage",
    "CharStorage",
    "ByteStorage",
    "BoolStorage",
)


class RefusedError(pickle.UnpicklingError):
    """A pickle tried to call something."""


class _InertType(type):
    """The type of stand-ins: to call one is what `pickle` does to run code, so that is where it stops."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RefusedError(f"{cls.__module__}.{cls.__qualname__}")


def _inert(module: str, name: str) -> type:
    def setstate(self: Any, state: Any) -> None:
        self.state = state

    def ignore(self: Any, *args: Any) -> None:
        pass

    # Containers that a pickle fills (lists, dicts, sets of other libraries) stay empty.
    body = {"__module__": module, "__qualname__": name, "__setstate__": setstate}
    fillers = dict.fromkeys(("append", "extend", "add", "__setitem__", "update"), ignore)
    return _InertType(name, (), {**body, **fillers, "__new__": lambda cls, *args, **kwargs: object.__new__(cls)})


class _Unpickler(pickle.Unpickler):
    _stand_ins: Dict[Tuple[str, str], type]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stand_ins = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _REBUILDERS:
            return _REBUILDERS[module, name]
        if module in ("torch", "torch.cuda") and name in _STORAGES:
            return getattr(torch, name)
        return self._stand_ins.setdefault((module, name), _inert(module, name))


_RESTRICTED = SimpleNamespace(
    __name__="sfumato.checkpoints.pickles",
    Unpickler=_Unpickler,
    load=lambda file, **kwargs: _Unpickler(file, **kwargs).load(),
)


_DAMAGE = (
    OSError,
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    IndexError,
    TypeError,
)
"""What torch.load raises, by version and place, for a file that is damaged."""


def read_pickle(path: Path) -> Any:
    """Read a torch.save file onto the CPU, running nothing that it names.

    Raises:
        UserError: if the file is missing, is no checkpoint, is truncated, or tries to call something.
    """
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the path") from None
    names = torch.load.__code__.co_varnames
    newer: Dict[str, Any] = {"weights_only": False} if "weights_only" in names else {}
    if "mmap" in names and zipfile.is_zipfile(path):
        newer["mmap"] = True  # the system reads only what is looked at, when it is
    try:
        return torch.load(str(path), map_location="cpu", pickle_module=_RESTRICTED, **newer)
    except RefusedError as refused:
        raise UserError(
            f"{path}: refused: it calls {refused}, which a checkpoint has no need to; nothing of it was run"
        ) from None
    except _DAMAGE:
        raise UserError(f"{path}: is not a whole PyTorch checkpoint; it may be truncated, get it again") from None
