"""The one exception that users meet, and how it and the system's own errors are told to them."""

import errno
import math
import re

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class UserError(Exception):
    """Something the user gave cannot be used.

    Its text is one line that says what is wrong, where, and what to do. Commands print it without a traceback and exit
    with status 2.
    """


def in_words(error: OSError) -> str:
    """One line on a file that the system did not let us read or write: which, why, what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    where = f"{error.filename}: " if error.filename else ""
    advice = "free some space" if full else "check the path"
    return f"{where}{error.strerror or error}; {advice}, then run it again"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def in_one_line(text: str) -> str:
    """A message as a terminal may show it: names out of files can hold signs that end a line, colour it or move the
    cursor; those, and halves of characters, are spelled out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def unwritable(text: str) -> bool:
    """Whether a text has what no file in UTF-8 holds, half a character (an unpaired surrogate), or a NUL."""
    return _UNWRITABLE.search(text) is not None


def in_range(options: object, name: str, least: float, most: float = math.inf, above: bool = False) -> None:
    """Refuse a setting that is no number of a range.

    Args:
        options: have it as a field.
        name: of the field.
        least, most: the range's ends, which belong to it.
        above: whether `least` does not.

    Raises:
        UserError: naming the setting and the range.
    """
    value = getattr(options, name)
    if not least <= value <= most or not math.isfinite(value) or (above and value == least):
        begin = f"above {least}" if above else f"at least {least}"
        end = f" and at most {most}" if math.isfinite(most) else ""
        raise UserError(f"{name} must be {begin}{end}, got {value}")
