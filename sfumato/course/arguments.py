"""The course's scripts take paths by position and nothing else."""

import sys
from typing import Callable, List, Sequence

from ..errors import UserError, in_one_line, in_words, speak_plainly


def run(script: str, names: Sequence[str], work: Callable[..., object]) -> int:
    """Call work with as many arguments as there are names; explain and return 2 where that cannot be.

    Args:
        script: the shell script's name, for messages.
        names: of its arguments.
        work: raises UserError for what cannot be used.
    """
    speak_plainly(script)
    given: List[str] = sys.argv[1:]
    if len(given) != len(names):
        print(f"usage: bash {script} {' '.join(names)}", file=sys.stderr)
        return 2
    try:
        work(*given)
    except UserError as error:
        print(f"{script}: {in_one_line(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{script}: {in_one_line(in_words(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{script}: interrupted; run it again", file=sys.stderr)
        return 2
    return 0
