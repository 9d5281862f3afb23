"""Reading a pickle without running it.

A pickle is a program for a machine with a stack: it can name any function of any module, call it, and change what it
returned. Python's machine does so. This one knows the same instructions (`pickletools` takes the program apart), but
nothing on its stack is ever real: a name becomes a stand-in, a call of a stand-in becomes another stand-in, and setting
one up is noted in it. Only the few names in `rebuilders.py` make something: tensors, NumPy's numbers and arrays, plain
tables. So there is nothing that a file could call, and nothing of this process that it could alter.

The work is bounded, because a short program can ask for a lot of it: by the program's length, by its number of
instructions, and by what may be the key of a table.
"""

import io
import pickletools
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from .rebuilders import REBUILDERS, Steps, checked_key, set_up
from .stand_ins import DamagedError, Global, StandIn, described

LONGEST = 16 * 2**20
"""Bytes of a pickle that are read; those of checkpoints of a billion weights take a few hundred thousand."""

_MOST_STEPS = 1_500_000
_DEEPEST = 10_000
"""Groups in one another; Python writes none deeper than its own recursion, of a thousand."""


class Program(NamedTuple):
    """A pickle that was carried out."""

    result: Any
    end: int
    """Bytes that it took: what follows in the file begins here."""


def run_inert(program: bytes, persistent: Callable[[Any], Any]) -> Program:
    """Carry out a pickle with stand-ins for everything that it names.

    Args:
        program: the pickle; what follows its end is left alone.
        persistent: answers a persistent id, by which PyTorch's pickles speak of storages. What it answers is data.

    Returns:
        Its result, of plain containers and numbers, tensors, NumPy arrays and stand-ins; and its length.

    Raises:
        DamagedError: for what is no whole pickle, or asks for too much.
    """
    machine = _Machine(persistent)
    stream = io.BytesIO(program)
    try:
        for code, argument, _ in pickletools.genops(stream):
            machine.steps.take(1)
            if code.name == "STOP":
                return Program(machine.pop(), stream.tell())
            machine.do(code.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RuntimeError) as error:
        # `pickletools` and the containers say of broken programs whatever they say.
        raise DamagedError(f"is no whole pickle ({type(error).__name__})") from None
    raise DamagedError("is no whole pickle")


class _Machine:
    """The stack, the memo, and what each instruction does to them."""

    def __init__(self, persistent: Callable[[Any], Any]) -> None:
        self.steps = Steps(_MOST_STEPS)
        self._persistent = persistent
        self._stack: List[Any] = []
        self._below: List[List[Any]] = []
        self._memo: Dict[int, Any] = {}
        self._names: Dict[str, Global] = {}

    def do(self, code: str, argument: Any) -> None:
        """Carry out one instruction."""
        if code in _PUSHES:
            self._stack.append(argument)
        elif code in _CONSTANTS:
            self._stack.append(_CONSTANTS[code])
        elif code in _CONTAINERS:
            self._stack.append(_CONTAINERS[code]())
        elif code in _TUPLES:
            parts = [self._stack.pop() for _ in range(_TUPLES[code])]
            self._stack.append(tuple(reversed(parts)))
        elif code not in _DOES:
            raise DamagedError(f"has the instruction {code}, which no checkpoint needs")
        else:
            _DOES[code](self, argument)

    def pop(self) -> Any:
        """The top of the stack."""
        return self._stack.pop()

    def _to_mark(self) -> List[Any]:
        items = self._stack
        self._stack = self._below.pop()
        return items

    def mark(self, _: Any) -> None:
        """Begin a group."""
        if len(self._below) == _DEEPEST:
            raise DamagedError(f"is nested more than {_DEEPEST} levels deep")
        self._below.append(self._stack)
        self._stack = []

    def drop(self, _: Any) -> None:
        """Forget the top, or an empty group."""
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def drop_group(self, _: Any) -> None:
        """Forget a group."""
        self._to_mark()

    def again(self, _: Any) -> None:
        """The top once more."""
        self._stack.append(self._stack[-1])

    def put(self, place: Any) -> None:
        """Remember the top under a number, or under the next one."""
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    def get(self, place: int) -> None:
        """What was remembered."""
        self._stack.append(self._memo[place])

    def group(self, kind: Callable[[List[Any]], Any]) -> None:
        """A group becomes a list or a tuple."""
        items = self._to_mark()
        self._stack.append(kind(items))

    def table(self, _: Any) -> None:
        """A group of keys and values becomes a table."""
        items = self._to_mark()
        self._stack.append({})
        self._set_items(items)

    def extend(self, items: List[Any]) -> None:
        """Append to the list on top; a stand-in stays empty."""
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)

    def _set_items(self, items: List[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2]):
                target[checked_key(self.steps, key)] = value

    def name(self, module: Any, name: Any) -> Global:
        """The stand-in for a name, the same one every time."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedError("names a function by something else than text")
        whole = f"{module}.{name}"
        return self._names.setdefault(whole, Global(whole))

    def call(self, what: Any, arguments: Any) -> None:
        """Push what a call answers: what the name rebuilds, or else a stand-in."""
        if not isinstance(what, StandIn):
            raise DamagedError(f"calls {described(what)}")
        rebuild = REBUILDERS.get(what.name) if isinstance(what, Global) else None
        answer = None
        if rebuild is not None and isinstance(arguments, tuple):
            answer = rebuild(self.steps, *arguments)
        elif what.name in _MAKERS and isinstance(arguments, tuple) and arguments and isinstance(arguments[0], Global):
            answer = StandIn(arguments[0].name)
        self._stack.append(StandIn(what.name) if answer is None else answer)

    def build(self, _: Any) -> None:
        """Set the object below up with the top."""
        state = self._stack.pop()
        set_up(self.steps, self._stack[-1], state)

    def ask(self, identity: Any) -> None:
        """Push what a persistent id stands for."""
        self._stack.append(self._persistent(identity))


def _split(argument: str) -> Tuple[str, str]:
    module, _, name = argument.partition(" ")
    return module, name


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine._stack.append(machine.name(module, name))


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, what = machine.pop(), machine.pop()
    machine.call(what, arguments)


def _new_with_names(machine: _Machine, _: Any) -> None:
    machine.pop()
    _reduce(machine, None)


def _call_group(machine: _Machine, argument: Any) -> None:
    """OBJ has the class at the group's beginning, INST in its argument."""
    items = machine._to_mark()
    what = items.pop(0) if argument is None else machine.name(*_split(argument))
    machine.call(what, tuple(items))


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine._set_items([key, value])


_PUSHES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_CONSTANTS: Dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_CONTAINERS: Dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: StandIn("builtins.set"),
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MAKERS = {"copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copy_reg.__newobj__"}
"""Functions that make an object of the class that they are given."""

_DOES: Dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_group,
    "DUP": _Machine.again,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "TUPLE": lambda machine, _: machine.group(tuple),
    "LIST": lambda machine, _: machine.group(list),
    "FROZENSET": lambda machine, _: machine.group(lambda items: StandIn("builtins.frozenset")),
    "DICT": _Machine.table,
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine._to_mark()),
    "ADDITEMS": _Machine.drop_group,
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._to_mark()),
    "GLOBAL": lambda machine, argument: machine._stack.append(machine.name(*_split(argument))),
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "NEWOBJ_EX": _new_with_names,
    **dict.fromkeys(("OBJ", "INST"), _call_group),
    "BUILD": _Machine.build,
    "BINPERSID": lambda machine, _: machine.ask(machine.pop()),
}
