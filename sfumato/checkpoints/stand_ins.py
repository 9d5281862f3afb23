"""What stands where a file names something that reading tensors has no use for."""

from typing import Any


class StandIn:
    """An object of a file that is known by name only: it can be stored and told apart, and does nothing.

    Attributes:
        name: what the file calls it, such as "posix.system" or "torch.float8_e4m3fn".
        state: what the file set it up with; None where it did not.
    """

    __slots__ = ("name", "state")

    def __init__(self, name: str, state: Any = None) -> None:
        self.name = name
        self.state = state

    def __repr__(self) -> str:
        return f"<stand-in for {shortened(self.name)}>"


class Global(StandIn):
    """The stand-in for the name of a function or class; a file may ask for it to be called."""

    __slots__ = ()


class DamagedError(Exception):
    """A file that is cut off, is of no kind that is known, or asks for what no checkpoint needs; the text says which.

    It begins with a verb, as what follows a file's name.
    """


def described(value: object) -> str:
    """A value of a file in a word or two, for errors; a stand-in by the name of what it stands for."""
    return shortened(value.name) if isinstance(value, StandIn) else f"a {type(value).__name__}"


def shortened(name: str, most: int = 80) -> str:
    """A name out of a file as an error can show it: in one line, of bounded length, in signs that can be printed."""
    plain = name if len(name) <= most else name[: most - 3] + "..."
    return "".join(sign if sign.isprintable() else "?" for sign in plain)
