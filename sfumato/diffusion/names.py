"""Tables of what can be chosen by name."""

import difflib
from typing import Mapping, TypeVar

_Entry = TypeVar("_Entry")


def named(table: Mapping[str, _Entry], name: str, what: str) -> _Entry:
    """The entry of that name; ValueError for an unknown one, with the nearest and all. `what`: an entry, in a word."""
    if name in table:
        return table[name]
    close = difflib.get_close_matches(name, table, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"unknown {what} {name!r}; {meant}choose one of {', '.join(table)}")
