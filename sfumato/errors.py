"""The one exception that users meet."""


class UserError(Exception):
    """Something the user gave cannot be used.

    Its text is one line that says what is wrong, where, and what to do. Commands print it without a traceback and exit
    with status 2.
    """
