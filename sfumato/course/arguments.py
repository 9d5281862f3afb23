"""The course's scripts take paths by position and nothing else."""

import sys
from typing import Callable, Sequence

from ..errors import UserError
from ..program import run_program


def run(script: str, names: Sequence[str], work: Callable[..., object]) -> int:
    """Call work with as many arguments as there are names; explain and return 2 where that cannot be.

    Args:
        script: the shell script's name, for messages.
        names: of its arguments.
        work: raises UserError for what cannot be used; what takes long to import it imports itself, so that whoever
            interrupts that is answered too.
    """
    return run_program(script, lambda: _checked(script, names, work))


def _checked(script: str, names: Sequence[str], work: Callable[..., object]) -> int:
    given = sys.argv[1:]
    if len(given) != len(names):
        print(f"usage: bash {script} {' '.join(names)}", file=sys.stderr)
        return 2
    for name, path in zip(names, given):
        if not path:
            raise UserError(f"{name}: the path is empty; give one (. is the folder that you are in)")
    work(*given)
    return 0
