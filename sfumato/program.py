"""What every program of ours does around its work: streams that take all it says, and ends that are told in a line."""

import contextlib
import io
import os
import sys
import warnings
from typing import Callable, NoReturn, Optional, TextIO

from .errors import UserError, in_one_line, in_words
from .extras import missing_line

_MEMORY = ("out of memory", "allocate memory", "not enough memory")
"""How PyTorch's devices say, each in a RuntimeError of its own, that they have no more."""

_PYTHONS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python shows to those only who ask for them."""


def run_program(program: str, work: Callable[[], int]) -> int:
    """Do a program's work; what ends it early is told in one line.

    Args:
        program: what lines on the standard error begin with.
        work: answers the exit status; what it imports is imported in here.

    Returns:
        The exit status: the work's, or 2 with a line where it could not be done or not be told.
    """
    status = 2
    ended: Optional[BaseException] = None
    try:
        speak_plainly(program)
        status = work()
    except BrokenPipeError:
        status = 0  # whoever read our output, such as `head`, has enough of it
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        ended = error
    line = in_a_line(ended) if ended else None
    unprinted = _flushed()
    if ended is not None and line is None and (unprinted is None or isinstance(ended, Exception)):
        raise ended
    # A print that failed fails again; a file that could not be written is named.
    if line is None or (isinstance(ended, OSError) and ended.filename is None):
        line = unprinted or line
    if line is None:
        return status
    complain(program, line)
    return 2


def end_program(status: int) -> NoReturn:
    """End this process with an exit status.

    One that was joined with others ends at once: left to the interpreter's end, the threads in which PyTorch talks
    with them abort it now and then, though its work is done and told.
    """
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    raise SystemExit(status)


def _flushed() -> Optional[str]:
    """Print what is still held back; what is wrong where that cannot be."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _hush(sys.stdout)
    except OSError as error:
        _hush(sys.stdout)
        return f"the standard output cannot be written to ({error.strerror}); what was made is whole"
    return None


def in_a_line(error: BaseException) -> Optional[str]:
    """What ended a program: what is wrong, and what to do; None for a fault of ours, whose traceback is worth more."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return in_words(error)
    if isinstance(error, ModuleNotFoundError):
        return missing_line([(error.name or "").partition(".")[0]])
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; run the same command again to go on"
    if isinstance(error, RecursionError):
        return "what was given is nested too deeply to be read; give a simpler file"
    text = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(part in text for part in _MEMORY)):
        return "there is not enough memory; give a smaller --batch-size, or stop what else is running"
    if type(error).__module__.startswith(("torch._inductor", "torch._dynamo")):
        return f"the network cannot be compiled here ({type(error).__name__}); leave out --compile"
    return None


def complain(program: str, message: str) -> None:
    """Say what is wrong on the standard error; where nothing can be said there, nothing is."""
    try:
        print(f"{program}: {in_one_line(message)}", file=sys.stderr, flush=True)
    except OSError:
        _hush(sys.stderr)


def speak_plainly(program: str) -> None:
    """Have all that a program says reach the terminal: warnings in one line each, and what the terminal has no sign for
    as an escape, such as the bytes of a file's name that are not UTF-8.

    Streams that were closed, as by cron, become ones that nobody reads: else the next file to be opened would take
    their place, and get what is said in it. MPLBACKEND is left to programs that open windows: a notebook's or a
    misspelt one would end ours, which draw into files.

    Args:
        program: what warnings begin with.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if any("error".startswith(option.split(":")[0] or "-") for option in sys.warnoptions):
        # -W error and PYTHONWARNINGS=error are for a program's authors, and any library's warning would end ours.
        warnings.resetwarnings()
        for kind in _PYTHONS:
            warnings.simplefilter("ignore", kind)
    os.environ.pop("MPLBACKEND", None)

    def shown(message: object, *place: object, **more: object) -> None:
        complain(program, f"warning: {message}")

    warnings.showwarning = shown


def _open_closed_streams() -> None:
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  as long as the program
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _hush(stream: TextIO) -> None:
    """Lose what a stream still holds, or Python would try to write it again at its exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
