"""What changes along a side of a grid: an option of the painted command, or a part of what one was given.

steps 4 8 16                    an option, and what it is given in each column or row
lora-weight 0 0.5 1             how much of the LoRA that --lora names
custom-weight 0 0.5 1           the same of --custom
stage 100 200 300               of the run of `concepts learn` that --embeddings, --lora or --custom names, by its step
"""

import difflib
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ..errors import UserError

NEVER = {
    "count": "a cell is one picture",
    "batch-size": "a cell is one picture",
    "input": "a cell is one picture; give one --prompt",
    "film": "a grid has no film",
    "overwrite": "a grid paints over nothing",
    "compile": "it would be compiled anew in each cell",
}
"""Options of painting that a grid has not, and why."""
_WEIGHTS = {"lora-weight": "lora", "custom-weight": "custom"}
_STAGE = "stage"
_RUNS = ("embeddings", "lora", "custom")
_FOLDERS = ("words", "stages")
"""Of a run of `concepts learn`, in which its stages lie."""
_STEP = re.compile(r"step-(\d{6,})\.safetensors")


class Axis(NamedTuple):
    """One side of a grid."""

    name: str
    """Of the option, without dashes."""
    values: Tuple[str, ...]
    """As they are typed."""


def read_axis(flag: str, given: Sequence[str], command: str, types: Mapping[str, Any]) -> Axis:
    """An axis from what was typed.

    Args:
        flag: --across or --down.
        given: the axis' name, then its values.
        command: that paints.
        types: of its options, see `option_types`.

    Raises:
        UserError: for an axis that the command does not have, or one without values or with one of them twice.
    """
    if not given:
        raise UserError(f"{flag}: give an axis and its values, such as {flag} steps 4 8 16")
    name, values = given[0].replace("_", "-"), tuple(given[1:])
    if name in NEVER and name in types:
        raise UserError(f"{flag} {name}: is no axis: {NEVER[name]}; give another one")
    if types.get(name) is bool:
        raise UserError(f"{flag} {name}: takes no value, so that it is no axis; give another one")
    known = _known(types)
    if name not in known:
        _refuse_unknown(flag, name, command, known)
    if not values:
        raise UserError(f"{flag} {name}: has no values; give at least one, such as {flag} {name} VALUE VALUE")
    twice = next((one for number, one in enumerate(values) if one in values[:number]), None)
    if twice is not None:
        raise UserError(f"{flag} {name}: {twice} comes twice; give each value once")
    return Axis(name, values)


def _known(types: Mapping[str, Any]) -> List[str]:
    found = [name for name, kind in types.items() if kind is not bool and name not in NEVER]
    found += [name for name, option in _WEIGHTS.items() if option in types]
    return [*found, *([_STAGE] if any(option in types for option in _RUNS) else [])]


def _refuse_unknown(flag: str, name: str, command: str, known: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UserError(f"{flag} {name}: is no axis of `{command}`; {meant}")


def refuse_both(words: Sequence[str], axes: Sequence[Axis]) -> None:
    """Refuse a grid that says one thing twice, or what it cannot be told.

    Args:
        words: of the command that paints, after its name.
        axes: of the grid.

    Raises:
        UserError: for two axes of one name, an option that is an axis too, and one of NEVER.
    """
    typed = [_name(word) for word in words if word.startswith("--")]
    for name in typed:
        if name in NEVER:
            raise UserError(f"--paint: leave out --{name}: {NEVER[name]}")
        if any(name == axis.name for axis in axes):
            raise UserError(f"--paint: --{name} is an axis of the grid; leave it out there")
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise UserError(f"--across and --down are both {names[0]}; give two axes, or leave out --down")


def with_values(words: Sequence[str], chosen: Mapping[str, str]) -> List[str]:
    """The words of one cell's command.

    Args:
        words: that all cells have.
        chosen: axis -> its value in this cell.

    Raises:
        UserError: for a stage that there is not, or a weight of nothing.
    """
    made = list(words)
    for name, value in chosen.items():
        if name not in _LATER:
            made += [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]
    # What they change may be an axis itself. A stage is a file, of which there is then some weight.
    for name, change in _LATER.items():
        if name in chosen:
            made = change(made, chosen[name])
    return made


def _in_stage(words: List[str], step: str) -> List[str]:
    given = [(option, value) for option in _RUNS for value in _values(words, option) or ()]
    if len(given) != 1:
        raise UserError("give --paint one run of `concepts learn`, as --embeddings, --lora or --custom")
    option, value = given[0]
    run, amount = _parted(value)
    files = [file for name in _FOLDERS for file in sorted((Path(run) / name).glob("step-*.safetensors"))]
    stages = {int(told[1]): file for file in files for told in [_STEP.fullmatch(file.name)] if told}
    if not stages:
        raise UserError(f"--{option} {run}: holds no stages; give a run of `concepts learn` with --preview-every")
    if not step.isdecimal() or int(step) not in stages:
        raise UserError(f"is no stage of {run}; there are {', '.join(map(str, sorted(stages)))}")
    return _replaced(words, option, f"{stages[int(step)]}{amount}")


def _weighing(option: str) -> Callable[[List[str], str], List[str]]:
    def weighed(words: List[str], weight: str) -> List[str]:
        given = _values(words, option) or ()
        if len(given) != 1:
            raise UserError(f"is of one --{option} FILE, and --paint has {len(given)}; give one there")
        file, amount = _parted(given[0])
        if amount:
            raise UserError(f"--{option} {given[0]}: leave out {amount}, of which {option}-weight is the axis")
        return _replaced(words, option, f"{file}:{weight}")

    return weighed


_LATER: Dict[str, Callable[[List[str], str], List[str]]] = {
    _STAGE: _in_stage,
    **{name: _weighing(option) for name, option in _WEIGHTS.items()},
}
"""Axes that are no options: the command's words and a value -> the words with it."""


def _parted(value: str) -> Tuple[str, str]:
    """FILE:0.8 as FILE and :0.8; what is there under the whole name is a file of that name."""
    file, colon, amount = value.rpartition(":")
    return (value, "") if not colon or Path(value).exists() else (file, f":{amount}")


def _name(word: str) -> str:
    return word[2:].partition("=")[0].replace("_", "-")


def _place(words: Sequence[str], option: str) -> Optional[Tuple[int, int]]:
    """Where an option begins and ends among the words."""
    for begin, word in enumerate(words):
        if word.startswith("--") and _name(word) == option:
            end = begin + 1
            while "=" not in word and end < len(words) and not words[end].startswith("--"):
                end += 1
            return begin, end
    return None


def _values(words: Sequence[str], option: str) -> Optional[List[str]]:
    """What an option was given; None where it was not typed."""
    place = _place(words, option)
    if place is None:
        return None
    first, *more = words[slice(*place)]
    return [first.partition("=")[2]] if "=" in first else more


def _replaced(words: Sequence[str], option: str, value: str) -> List[str]:
    place = _place(words, option)
    assert place is not None, "who replaces its value has found it"
    return [*words[: place[0]], f"--{option}", value, *words[place[1] :]]
