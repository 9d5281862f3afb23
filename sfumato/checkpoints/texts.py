"""Texts and JSON files of a user's: the one way in, whatever system or program wrote them."""

import codecs
import json
import math
import re
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ..errors import UserError, unwritable

_MOST = 16 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""How texts of Notepad, PowerShell and Excel begin -> their encoding. The longer mark begins like a shorter one."""
_LONGEST_NUMBER = 300
"""Digits of a whole number: a float holds no longer ones, and Python takes very long for many thousands."""
_DEEPEST = 100
_SUSPECT = re.compile(r"\\u(0000|[dD][89a-fA-F])")
"""How JSON spells what `unwritable` looks for."""
_SHOWN = 3


class TextError(UserError):
    """A text or JSON file that cannot be used."""

    def __init__(self, path: Path, fault: str, advice: str) -> None:
        self.fault = fault
        """What is wrong with it, without where and what to do."""
        super().__init__(f"{path}: {fault}; {advice}")


def read_text(path: Path, advice: str, most: int = _MOST) -> str:
    """A text file in UTF-8, or in what the mark at its beginning says; the mark is left out.

    Args:
        path: of the file.
        advice: what to do about one that cannot be used.
        most: bytes that it may have.

    Raises:
        TextError: if it is missing, larger, or no text.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise TextError(path, f"cannot be read ({error.strerror or error})", "check the path") from None
    if len(raw) > most:
        raise TextError(path, f"is larger than {most >> 20} MiB", advice)
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise TextError(path, "is not UTF-8 text", advice) from None
    if "\0" in text:
        raise TextError(path, "holds NUL bytes, and is no text", advice)
    return text


def read_json(path: Path, advice: str, ours: bool = False) -> Any:
    """What a JSON file holds. A key that stands twice in an object is warned of, and the later one counts.

    Args:
        path: of the file.
        advice: what to do about one that cannot be used.
        ours: whether it is a note of this program's, which may hold what Python's JSON can write: numbers that are not
            finite, and names of files that are not UTF-8.

    Raises:
        TextError: as `read_text` does; for what is no JSON, with line and column; for numbers of hundreds of digits,
            nesting of more than a hundred levels and, unless it is ours, for NaN, infinity, NUL and halves of
            characters.
    """
    text = read_text(path, advice)
    twice: Dict[str, None] = {}
    try:
        found = parsed_json(text, ours, twice)
    except json.JSONDecodeError as error:
        raise TextError(path, f"line {error.lineno}, column {error.colno}: {error.msg}", advice) from None
    except ValueError as error:
        raise TextError(path, str(error), advice) from None
    if twice:
        keys = ", ".join(ascii(key[:80]) for key in list(twice)[:_SHOWN]) + (" and more" if len(twice) > _SHOWN else "")
        warnings.warn(f"{path}: has {keys} twice in one object; the later one counts", stacklevel=2)
    return found


def parsed_json(text: str, ours: bool, twice: Dict[str, None]) -> Any:
    """What a text in JSON holds; see `read_json`.

    Args:
        text: that is read.
        ours: see there.
        twice: takes the keys that stand twice in an object.

    Raises:
        ValueError: saying what is wrong, beginning with a verb; JSONDecodeError for what is no JSON.
    """

    def table(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                twice[key] = None
            found[key] = value
        return found

    how: Dict[str, Any] = {} if ours else {"parse_constant": _no_number, "parse_float": _finite}
    try:
        found = json.loads(text, object_pairs_hook=table, parse_int=_whole_number, **how)
    except RecursionError:
        raise ValueError(f"is nested more than {_DEEPEST} levels deep") from None
    _check_depth_and_texts(found, not ours and _SUSPECT.search(text) is not None)
    return found


def _check_depth_and_texts(found: Any, texts: bool) -> None:
    """Level by level, since going into one another is what a deep file makes dangerous."""
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"is nested more than {_DEEPEST} levels deep")
        inside: List[Any] = []
        for value in level:
            if isinstance(value, dict):
                inside.extend(value.values())
                if texts:
                    inside.extend(value)
            elif isinstance(value, list):
                inside.extend(value)
            elif texts and isinstance(value, str) and unwritable(value):
                raise ValueError(f"holds {value[:80]!a}, which has half a character or a NUL in it")
        level = inside


def _whole_number(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"holds a number of {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"holds the number {text[:20]}, which is too large")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"holds {name}, which is no number")
