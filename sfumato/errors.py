"""The one exception that users meet, and how it and the system's own errors are told to them."""

import errno
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
