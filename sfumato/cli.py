"""The command line: what was typed, to the function that does it, which is imported only then.

All commands stand in commands.py; options come from each function's own options dataclass, see flags.py.
"""

import importlib
import shlex
import sys
from typing import Iterable, List, NoReturn, Optional

from . import __version__
from .commands import AIMS, COMMANDS, EXAMPLES, JOBS
from .errors import UserError
from .program import end_program, run_program


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0, or 2 where the user's input cannot be used.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return run_program("sfumato", lambda: _main(words))


def program() -> NoReturn:
    """What is installed as `sfumato`: the command that was typed, then this process's end."""
    end_program(main())


def _main(words: List[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        print(f"sfumato {__version__}")
        return 0
    # Most commands are a job and a verb; some, such as zero-shot, are one word.
    name = words[0] if words[0] in COMMANDS else " ".join(words[:2])
    if name not in COMMANDS:
        if words[0] in JOBS and (len(words) == 1 or words[1] in ("-h", "--help")):
            print(_page(words[0]))
            return 0 if len(words) > 1 else 2
        raise UserError(f"there is no command {name!r}; `sfumato --help` lists them")
    _run(name, words[len(name.split()) :])
    return 0


def _run(name: str, flags: List[str]) -> None:
    from .extras import refuse_missing
    from .flags import read_flags
    from .options import check_options
    from .runs import COMMAND_LINE

    command = COMMANDS[name]
    refuse_missing(*command.needs)
    module = importlib.import_module(command.module)
    options = read_flags(name, getattr(module, command.options), flags)
    check_options(options)
    typed = COMMAND_LINE.set(shlex.join(["sfumato", *name.split(), *flags]))
    try:
        getattr(module, command.function)(options)
    finally:
        COMMAND_LINE.reset(typed)


def _overview() -> str:
    """The page of all commands."""
    lines = ["sfumato: pictures out of noise, by diffusion models small and exact", ""]
    lines += ["usage: sfumato COMMAND [OPTIONS]", ""]
    for aim, commands in AIMS.items():
        lines += [f"{aim}:", *_listed(commands), ""]
    lines += ["for example:", *(f"  {line}" for line in EXAMPLES), ""]
    return "\n".join([*lines, f"`sfumato {'|'.join(JOBS)}` shows the page of a job.", _OPTIONS])


def _page(name: str) -> str:
    """The page of a job."""
    lines = [f"sfumato {name}: {JOBS[name].summary}", "", f"usage: sfumato {name} VERB [OPTIONS]", ""]
    lines += _listed(command for command in COMMANDS if command.split()[0] == name)
    return "\n".join([*lines, "", "for example:", *(f"  {line}" for line in JOBS[name].examples), "", _OPTIONS])


def _listed(names: Iterable[str]) -> List[str]:
    return [f"  {name:<21} {COMMANDS[name].summary}" for name in names]


_OPTIONS = "`sfumato COMMAND --help` shows the options of a command."
