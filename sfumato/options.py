"""What options allow: a number's range and a word's choices stand in its dataclass field, and are checked here for all.

    count: int = number(50, 1)                  at least 1
    silent: float = number(0.1, 0, 1)           0 ... 1
    lr: float = number(3e-3, 0, above=True)     above 0
    precision: str = choice("auto", PRECISIONS)

The fields' metadata are {"range": (least, most), "above": ...} and {"choices": ...}; `sfumato.diffusion`, which imports
nothing of ours, writes the same into its samplers' fields.
"""

import dataclasses
import difflib
import math
import numbers
import typing
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Set

from .errors import UserError


def number(
    default: Any = dataclasses.MISSING,
    least: float = -math.inf,
    most: float = math.inf,
    above: bool = False,
    help: Optional[str] = None,
) -> Any:
    """A dataclass field for a finite number of a range, or a tuple of such numbers.

    Args:
        default: of the field; it is required without one.
        least, most: the range's ends, which belong to it.
        above: whether `least` does not.
        help: in place of the docstring under the field.
    """
    return _field(default, help, range=(least, most), above=above)


def choice(default: Any, choices: Iterable[str], help: Optional[str] = None) -> Any:
    """A dataclass field for one of some words.

    Args:
        default: of the field.
        choices: the words, such as the names of a table.
        help: in place of the docstring under the field.
    """
    return _field(default, help, choices=tuple(choices))


def _field(default: Any, help: Optional[str], **allowed: Any) -> Any:
    return dataclasses.field(default=default, metadata={**allowed, **({} if help is None else {"help": help})})


def check_options(options: Any) -> None:
    """Refuse what the fields do not allow, those of options inside options too.

    Args:
        options: a dataclass.

    Raises:
        UserError: naming the first setting that is wrong as it is typed, and what it may be.
    """
    for fault in _faults(options, "--{}"):
        raise UserError(fault)


def check_fields(config: Any) -> None:
    """Refuse what the fields do not allow, for the `__post_init__` of a network's shape.

    Raises:
        ValueError: naming the first field that is wrong.
    """
    for fault in _faults(config, "{}"):
        raise ValueError(fault)


def kinds_of(hint: Any) -> Set[Any]:
    """The types that a type is made of: of Optional[Tuple[float, float]] float's and None's."""
    inside = typing.get_args(hint)
    return set().union(*map(kinds_of, inside)) if inside else {hint}


def range_in_words(allowed: Mapping[str, Any]) -> str:
    """A number's range for the help, such as "at least 1" or "0 ... 1"; empty where there is nothing to say.

    Args:
        allowed: a field's metadata.
    """
    least, most = allowed.get("range", (-math.inf, math.inf))
    if least == -math.inf:
        # Any whole number is a seed.
        return "" if most == math.inf else f"at most {_said(most)}"
    begin = f"{'above ' if allowed.get('above') else ''}{_said(least)}"
    if most < math.inf:
        return f"{begin} ... {_said(most)}"
    return begin if allowed.get("above") else f"at least {begin}"


def _faults(options: Any, shown: str) -> Iterator[str]:
    """A line on each setting that its field does not allow; `shown` is how a number's name is written."""
    hints = typing.get_type_hints(type(options))
    for one in dataclasses.fields(options):
        value, kinds = getattr(options, one.name), kinds_of(hints[one.name])
        if dataclasses.is_dataclass(value):
            yield from _faults(value, shown)
        elif value is not None or type(None) not in kinds:
            flag = one.name.replace("_", "-") if "-" in shown else one.name
            for part in value if isinstance(value, (tuple, list)) else (value,):
                if part not in one.metadata.get("choices", (part,)):
                    yield _unknown(one.name, part, one.metadata["choices"])
                must = _must(part, one.metadata, float not in kinds) if "range" in one.metadata else ""
                if must:
                    yield f"{shown.format(flag)} must be {must}, got {part}"


def _unknown(what: str, value: Any, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(value), choices, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {value!r}; {meant}choose one of {', '.join(choices)}"


def _must(value: Any, allowed: Mapping[str, Any], whole: bool) -> str:
    """What a number must be, in words; empty if it is that."""
    kind: Any = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind):
        return "a whole number" if whole else "a number"
    (least, most), above = allowed["range"], allowed.get("above")
    if least <= value <= most and abs(value) < math.inf and not (above and value == least):
        return ""
    ends = [] if least == -math.inf else [f"{'above' if above else 'at least'} {_said(least)}"]
    ends += [] if most == math.inf else [f"at most {_said(most)}"]
    ends += [] if abs(value) < math.inf else ["finite"]
    return " and ".join(ends)


def _said(end: float) -> str:
    return f"{end:g}" if isinstance(end, float) else str(end)
