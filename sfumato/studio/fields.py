"""What a form of the page asks, from the options of the command that it stands for.

Defaults, ranges, choices and help are the options' own; a form adds the words that a page needs.
"""

import ast
import dataclasses
import inspect
import math
import textwrap
from typing import Any, Dict, NamedTuple, Optional, Tuple, Type, get_type_hints

from ..options import kinds_of

WHOLE, NUMBER, TEXT, LONG, CHOICE, FLAG = "whole", "number", "text", "long", "choice", "flag"
PICTURES, PICTURE, ZIP, WEIGHTS, NUMBERS, WORDS = "pictures", "picture", "zip", "weights", "numbers", "words"


class Field(NamedTuple):
    """One thing that a form asks."""

    name: str
    label: str
    kind: str
    """One of the words above: a number, a text, files that are sent, several numbers or words ..."""
    default: Any = ""
    help: str = ""
    least: Optional[float] = None
    most: Optional[float] = None
    choices: Tuple[str, ...] = ()
    listed: str = ""
    """What the page lists to choose from: a name of what `found.py` finds."""
    more: bool = False
    """Whether it stands under "More"."""
    flag: str = ""
    """The command's; empty where the form makes its words itself, see asked.py."""
    usual: Any = ""
    """The command's own default; a form may begin with another value."""
    slides: bool = False
    """Whether it is a slider beside its number."""
    needed: bool = False

    def told(self) -> Dict[str, Any]:
        """As the page takes it."""
        told = {name: value for name, value in self._asdict().items() if name not in ("usual", "flag")}
        return {
            name: value
            for name, value in told.items()
            if value is not None and value is not False and value not in ("", ())
        }


def option(
    options: Type[Any], path: str, label: str, *, kind: str = "", flag: Optional[str] = None, **more: Any
) -> Field:
    """A field for an option of a command.

    Args:
        options: the command's dataclass.
        path: of the option in it, such as "sampling.steps".
        label: that the page shows.
        kind: in place of the one that the option's type has.
        flag: in place of the option's own; empty where the form makes its words itself.
        more: other fields of Field.
    """
    *inside, name = path.split(".")
    made: Any = None
    for part in inside:
        # What holds an option may set its default anew, so that it is asked and not the option's class.
        made = _named(options, part).default_factory() if made is None else getattr(made, part)  # type: ignore
        options = type(made)
    one = _named(options, name)
    usual = one.default if made is None else getattr(made, name)
    kinds = kinds_of(get_type_hints(options)[name])
    least, most = one.metadata.get("range", (-math.inf, math.inf))
    found: Dict[str, Any] = {
        "default": "" if usual in (None, dataclasses.MISSING) else usual,
        "help": one.metadata.get("help") or helps(options).get(name, ""),
        "least": None if abs(least) == math.inf else least,
        "most": None if abs(most) == math.inf else most,
        "choices": tuple(one.metadata.get("choices", ())),
    }
    found["usual"] = found["default"]
    own = CHOICE if found["choices"] else FLAG if bool in kinds else NUMBER if float in kinds else ""
    found.update(more)
    flags = f"--{name.replace('_', '-')}" if flag is None else flag
    return Field(name, label, kind or own or (WHOLE if int in kinds else TEXT), flag=flags, **found)


def _named(options: Type[Any], name: str) -> "dataclasses.Field[Any]":
    return next(found for found in dataclasses.fields(options) if found.name == name)


def helps(options: Type[Any]) -> Dict[str, str]:
    """The docstrings under a dataclass's fields, those of the classes above it too, by the fields' names."""
    found: Dict[str, str] = {}
    for cls in reversed(options.__mro__):
        if not dataclasses.is_dataclass(cls):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for one, after in zip(body.body, body.body[1:]):
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and said:
                found[one.target.id] = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
    return found
