"""What was asked on the page, as a command: each of a form's values to the words that say it.

What a person types is a word's value and never an option: a text that begins with a hyphen is refused, and a number is
one. Files are named as `place.py` knows them. The command itself refuses what its options do not allow.
"""

import re
from typing import Any, List, Mapping, Sequence

from ..errors import UserError, unwritable
from .fields import CHOICE, FLAG, NUMBER, NUMBERS, WHOLE, WORDS, Field

_WHOLE, _NUMBER = re.compile(r"-?\d{1,30}"), re.compile(r"-?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?", re.IGNORECASE)
_LONGEST = 20_000
_EXACT = 2**53
"""Below it every whole number is a float of its own."""
_MOST = 200
"""Words of one field."""


class Asked:
    """A form's values, each held to what its field is.

    Args:
        fields: of the form.
        values: as the page sent them.

    Raises:
        UserError: for what no field asks.
    """

    def __init__(self, fields: Sequence[Field], values: Mapping[str, Any]) -> None:
        self._fields, self._values = {field.name: field for field in fields}, values
        for name in values:
            if name not in self._fields:
                raise UserError(f"{str(name)[:40]!r}: the form asks no such thing; load the page anew")

    def given(self, name: str) -> bool:
        """Whether it was filled in, or is by what the form begins with."""
        value = self.raw(name)
        return value is not None and value is not False and value not in ("", [], ())

    def word(self, name: str) -> str:
        """A value as one word of a command.

        Raises:
            UserError: for what the field does not take.
        """
        return _checked(self._fields[name], self.raw(name))

    def several(self, name: str) -> List[str]:
        """The words of a list, or of a text with one a line, or of numbers with spaces or commas between them.

        Raises:
            UserError: for what the field does not take.
        """
        field, value = self._fields[name], self.raw(name)
        if isinstance(value, str):
            value = re.split(r"[\s,;]+", value.strip()) if field.kind == NUMBERS else value.split("\n")
        if not isinstance(value, (list, tuple)):
            raise UserError(f"{field.label}: a list is needed")
        words = [_checked(field, one) for one in value if str(one).strip()]
        if len(words) > _MOST:
            raise UserError(f"{field.label}: {len(words)} are too many; give at most {_MOST}")
        return words

    def raw(self, name: str) -> Any:
        """A value as it was sent, or what the form begins with."""
        return self._values.get(name, self._fields[name].default)

    def options(self) -> List[str]:
        """The words of all fields that have a flag, and another value than the command's own."""
        words: List[str] = []
        for field in self._fields.values():
            if not field.flag or not self._differs(field):
                continue
            if field.kind == FLAG:
                words.append(field.flag if self.raw(field.name) else f"--no-{field.flag[2:]}")
            elif field.kind in (NUMBERS, WORDS):
                words += [field.flag, *self.several(field.name)]
            else:
                words += [field.flag, self.word(field.name)]
        return words

    def check_needed(self) -> None:
        """Refuse a form that is not filled in.

        Raises:
            UserError: naming the field.
        """
        for field in self._fields.values():
            if field.needed and not self.given(field.name):
                raise UserError(f"{field.label}: is empty, and is needed")

    def _differs(self, field: Field) -> bool:
        if field.kind == FLAG:
            return bool(self.raw(field.name)) != bool(field.usual)
        if not self.given(field.name):
            return False
        if field.kind in (NUMBERS, WORDS):
            return [typed(one) for one in self.several(field.name)] != [typed(one) for one in field.usual or ()]
        return typed(self.raw(field.name)) != typed(field.usual)


def typed(value: Any) -> str:
    """A number as it is typed at its shortest, none of its digits lost; a text as it is."""
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _checked(field: Field, value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise UserError(f"{field.label}: has a value that cannot be typed")
    word = typed(value).strip() if field.kind != WORDS else typed(value)
    if len(word) > _LONGEST:
        raise UserError(f"{field.label}: has {len(word):,} letters; give at most {_LONGEST:,}")
    if field.kind in (WHOLE, NUMBER, NUMBERS):
        whole = field.kind == WHOLE
        if not (_WHOLE if whole else _NUMBER).fullmatch(word):
            raise UserError(f"{field.label}: {word[:40]!r} is no {'whole ' * whole}number")
        return word
    if field.kind == CHOICE and field.choices and word not in field.choices:
        raise UserError(f"{field.label}: {word[:40]!r} is none of {', '.join(field.choices)}")
    if word.startswith("-"):
        raise UserError(f"{field.label}: {word[:40]!r} begins with a hyphen, as options do; begin with a letter")
    if unwritable(word):
        raise UserError(f"{field.label}: has half a character or a NUL in it")
    return word
