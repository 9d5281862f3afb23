"""A command's options from its flags: the fields of its options dataclass are the flags, their docstrings the help.

tyro reads them. What it says of a mistake is drawn for a terminal, in a box of the terminal's width; here it becomes
one line, the same everywhere.
"""

import contextlib
import dataclasses
import difflib
import io
import itertools
import os
import shutil
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any, Dict, Iterator, List, NoReturn, Sequence, Tuple

from .errors import UserError, unwritable
from .options import range_in_words

_HELP = ("-h", "--help")
_LONG_LINE = "1000000"
"""Signs; a terminal's width that breaks off no path."""
_EMPTY = Path("\0")
"""Stands for a path that was given as an empty text: no file is called so, and Path("") would be the folder that one
stands in."""


def read_flags(name: str, options: Any, flags: List[str]) -> Any:
    """A command's options from its flags.

    Args:
        name: of the command.
        options: its dataclass.
        flags: what was typed after the name.

    Raises:
        UserError: for flags that cannot be read, an unknown one before all else; for an empty path, and a text that no
            file holds.
        SystemExit: after --help.
    """
    options = _named(options)
    typed = list(itertools.takewhile(lambda flag: flag != "--", flags))
    if any(flag in _HELP for flag in typed):
        return _explained(name, options)
    _refuse_unknown(name, options, typed)
    said = io.StringIO()
    try:
        # Where there is no terminal nothing is coloured, and on a long line nothing is broken off.
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), _long_lines():
            read = _parsed(name, options, flags)
    except SystemExit:
        raise UserError(f"{_in_the_box(said.getvalue())}; see `sfumato {name} --help`") from None
    _check(read)
    return read


def _parsed(name: str, options: Any, flags: List[str]) -> Any:
    import tyro

    paths = tyro.constructors.ConstructorRegistry()

    @paths.primitive_rule
    def path(asked: tyro.constructors.PrimitiveTypeInfo) -> Any:
        if asked.type is not Path:
            return None
        return tyro.constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar="PATH",
            instance_from_str=lambda given: Path(given[0]) if given[0] else _EMPTY,
            is_instance=lambda value: isinstance(value, Path),
            str_from_instance=lambda value: [str(value)],
        )

    with paths:
        return tyro.cli(options, prog=f"sfumato {name}", args=flags, config=(tyro.conf.OmitArgPrefixes,))


class _Kept(io.StringIO):
    """Keeps what is said, coloured and framed as it would be on the standard output."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = sys.stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Which signs frames may be of."""
        return self._seen.encoding

    def isatty(self) -> bool:
        """Whether colours are seen."""
        return self._seen.isatty()


def _explained(name: str, options: Any) -> NoReturn:
    """The help; tyro fits its boxes to the terminal, but not the lines above them."""
    said = _Kept()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        _parsed(name, options, ["--help"])
    lines = textwrap.TextWrapper(shutil.get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)
    for line in said.getvalue().splitlines():
        boxed = "\u2502" in line or _is_rule(line)
        print(line if boxed else lines.fill(line))
    raise SystemExit(0)


@contextlib.contextmanager
def _long_lines() -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _LONG_LINE
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _in_the_box(drawn: str) -> str:
    """What is wrong, out of tyro's box: a title, a rule, this, and after an empty line or a rule what --help says."""
    lines = [line.strip(" \u2502") for line in drawn.splitlines()[1:]]
    below = itertools.dropwhile(_is_rule, lines)
    text = " ".join(itertools.takewhile(lambda line: not _is_rule(line), below)).rstrip(".")
    return text[:1].lower() + text[1:]


def _is_rule(line: str) -> bool:
    return not line.strip("-\u2500")


def _refuse_unknown(name: str, options: Any, typed: Sequence[str]) -> None:
    """Refuse an option that there is not, before what else is wrong: most often that follows from it."""
    by_place, by_name = _names(options)
    for flag in typed:
        word = flag.partition("=")[0].replace("_", "-")
        if not _is_option(word) or word in by_name:
            continue
        if word[2:] in by_place:
            _refuse(word, f"{word[2:].upper()} is given by its place, without a name; see `sfumato {name} --help`")
        near = [one for one in by_name if one.startswith(word)] or difflib.get_close_matches(
            word, [*by_name, _HELP[1]], 1
        )
        if near:
            _refuse(word, f"did you mean {near[0]}?")
        _refuse(
            flag.partition("=")[0],
            f"see `sfumato {name} --help`, and write a value that begins with a dash as --OPTION=VALUE",
        )


def _refuse(option: str, advice: str) -> NoReturn:
    raise UserError(f"there is no option {option}; {advice}")


def _is_option(word: str) -> bool:
    """Whether a word is read as an option, as tyro does: numbers below zero are none."""
    if word.startswith("--"):
        return True
    return word.startswith("-") and word[1:2].isalpha() and word[1:].lower() not in ("inf", "infinity", "nan")


def option_types(options: Any) -> Dict[str, Any]:
    """The options of a command that are given by their names, as they are typed but without dashes, and their types.

    Args:
        options: its dataclass.
    """
    found: Dict[str, Any] = {}
    types = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        if dataclasses.is_dataclass(types[field.name]):
            found.update(option_types(types[field.name]))
        elif not _by_place(field):
            found[field.name.replace("_", "-")] = types[field.name]
    return found


def _names(options: Any) -> Tuple[List[str], List[str]]:
    """The names of what is given by its place, and the options as they are typed."""
    by_place: List[str] = []
    by_name: List[str] = []
    types = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        name = field.name.replace("_", "-")
        if dataclasses.is_dataclass(types[field.name]):
            for found, all_found in zip(_names(types[field.name]), (by_place, by_name)):
                all_found += found
        elif _by_place(field):
            by_place.append(name)
        else:
            by_name.append(f"--{name}")
            if types[field.name] is bool:
                by_name.append(f"--no-{name}")
    return by_place, by_name


def _by_place(field: "dataclasses.Field[Any]") -> bool:
    """Required fields are, and one whose metadata have "place", which may be left out; one whose metadata have "flag"
    stays an option, as the course's own commands have them."""
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    return bool(field.metadata.get("place")) or (required and not field.metadata.get("flag"))


def _check(options: Any) -> None:
    """Refuse empty paths, and texts that are not UTF-8, as another terminal's are: a file may be called so, a prompt
    may not.

    Raises:
        UserError: naming the flag.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        flag = field.name.upper() if _by_place(field) else "--" + field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            _check(value)
        for one in value if isinstance(value, tuple) else (value,):
            if one == _EMPTY:
                raise UserError(f"{flag}: the path is empty; give one (. is the folder that you are in)")
            if isinstance(one, str) and unwritable(one) and not os.path.exists(one):
                raise UserError(f"{flag}: {one!a} is not UTF-8 text; type it anew")


def _named(options: Any) -> Any:
    """The options class, its required fields positional and called by their names in the help, not all of them PATH."""
    import tyro

    types = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        if dataclasses.is_dataclass(types[field.name]):
            _named(types[field.name])
        told = {"help": field.metadata["help"]} if "help" in field.metadata else {}
        if range_in_words(field.metadata):
            told["help_behavior_hint"] = f"(default: {{}}; {range_in_words(field.metadata)})".format
        if told:
            options.__annotations__[field.name] = typing.Annotated[types[field.name], tyro.conf.arg(**told)]
        if _by_place(field):
            named = tyro.conf.arg(metavar=field.name.upper())
            positional: Any = tyro.conf.Positional
            options.__annotations__[field.name] = typing.Annotated[positional[types[field.name]], named]
    return options
