"""The course's scripts take paths by position and nothing else."""

import importlib
import sys
from typing import Callable, List, Optional, Sequence

from ..errors import UserError
from ..program import complain, run_program

Work = Callable[..., Optional[List[UserError]]]
"""Does what a script is for; what it returns could not be done, while the rest is."""


def start(name: str) -> int:
    """Do what a script is for, by the name of its module here; the exit status."""
    return int(importlib.import_module(f".{name}", __package__).main())


def run(script: str, names: Sequence[str], work: Work) -> int:
    """Call work with as many arguments as there are names; explain and return 2 where that, or a part of it, cannot be.

    Args:
        script: the shell script's name, for messages.
        names: of its arguments.
        work: raises UserError for what cannot be used; what takes long to import it imports itself, so that whoever
            interrupts that is answered too.
    """
    return run_program(script, lambda: _checked(script, names, work))


def _checked(script: str, names: Sequence[str], work: Work) -> int:
    given = sys.argv[1:]
    if len(given) != len(names):
        print(f"usage: bash {script} {' '.join(names)}", file=sys.stderr)
        return 2
    for name, path in zip(names, given):
        if not path:
            raise UserError(f"{name}: the path is empty; give one (. is the folder that you are in)")
    left_out = work(*given) or []
    for fault in left_out:
        complain(script, str(fault))
    return 2 if left_out else 0
