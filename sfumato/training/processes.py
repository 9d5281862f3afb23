"""The processes of one training, and how each notices that another is gone.

Who waits for a sum of gradients cannot tell a process that works for long (a look, a million pictures to decode) from
one behind a cut wire. So nobody is believed gone for being late: sums may wait for a day, and beside them a thread of
each process exchanges a word with all others every few seconds, whatever the process itself is doing. Where a word
stays away, each process that is left says so and ends.
"""

import contextlib
import os
import sys
import threading
import time
from datetime import timedelta
from typing import Any, Callable, Iterator, Mapping, Optional, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState
from accelerate.utils import gather_object

from ..devices import Worker
from ..errors import UserError, first_line, in_one_line
from .setup import only_our_settings

SILENCE = 90.0
"""Seconds without a word after which a process counts as gone."""
_WORD_EVERY = 2.0
_FAILS, _STAYS, _LEAVES = -1.0, 0.0, 1.0
"""The words: what is heard is the least of what all say."""
_LAST_WORDS = 5.0
"""Seconds that a process has to end by itself once another is gone, before it is ended."""
_MEETING = 300.0
"""Seconds in which all processes must have met; torchrun starts them together."""
_UNTIMED = timedelta(days=1)
_AGAIN = "start the same command on all machines again to go on from the last saved state"

_Got = TypeVar("_Got")


class Company:
    """What this process knows of the others; alone it has none to know of. All make theirs together, by `company`.

    Attributes:
        steps_done: says where the training stands.
    """

    def __init__(self) -> None:
        self.steps_done: Callable[[], int] = lambda: 0
        self._word, self._lost = _STAYS, ""
        self._thread: Optional[threading.Thread] = None
        self._wake, self._over, self._told = threading.Event(), threading.Event(), threading.Event()
        if Worker.here().world > 1:
            self._group = _meet()
            self._thread = threading.Thread(target=self._talk, name="company", daemon=True)
            self._thread.start()

    def leave(self) -> None:
        """Part, when all others do: they are waited for, however long they work.

        Raises:
            UserError: if one of them is gone.
        """
        self._say(_LEAVES)
        if self._lost:
            raise UserError(self._lost)

    def fail(self, error: BaseException) -> str:
        """Part, for an error; the others end too.

        Returns:
            What to tell in place of the error, where it comes of another process being gone; else nothing.
        """
        self._say(_FAILS)
        return self._lost if isinstance(error, RuntimeError) else ""

    def _say(self, word: float) -> None:
        """The last word. The interpreter must not end while threads are inside a sum, so they are waited for."""
        if self._thread is not None:
            self._word = word
            self._wake.set()
            self._over.wait()
            self._told.set()
            self._thread.join()
            dist.destroy_process_group(self._group)
            self._thread = None

    def _talk(self) -> None:
        began, heard = 0.0, torch.tensor([_STAYS])
        try:
            while heard == _STAYS:
                self._wake.wait(_WORD_EVERY)
                said = self._word
                began, heard = time.monotonic(), torch.tensor([said])
                dist.all_reduce(heard, dist.ReduceOp.MIN, self._group)
            if heard == _FAILS != said:
                self._lost = self._line(0.0)
        except RuntimeError:
            self._lost = self._line(time.monotonic() - began)
        self._over.set()
        # Where a sum fails too, its process tells of it; where that waits on, or works on, nobody else will.
        if self._lost and not self._told.wait(_LAST_WORDS):
            _end(self._lost)

    def _line(self, waited: float) -> str:
        step = self.steps_done()
        where = f"after step {step}" if step else "before the first step"
        if waited < SILENCE / 2:
            return f"another process of this training has ended ({where}); see what it says, then {_AGAIN}"
        return f"another process of this training does not answer since {SILENCE:.0f} s ({where}); {_AGAIN}"


_here: Optional[Company] = None


@contextlib.contextmanager
def company() -> Iterator[Company]:
    """All processes enter together, do what they do, each for as long as it takes, and leave together.

    Inside one it is that one. Sums and barriers in it wait for as long as all processes live.

    Raises:
        UserError: if another process is gone. Where that is not noticed by an error, the process is ended, with the
            same line and status 2.
    """
    global _here
    if _here is not None:
        yield _here
        return
    _here = Company()
    try:
        yield _here
        _here.leave()
    except BaseException as error:
        line = _here.fail(error)
        if line:
            raise UserError(line) from None
        raise
    finally:
        _here = None


def in_turn(make: Callable[[], _Got]) -> _Got:
    """What every process reads and the first of them makes: files that it leaves are the others' to find.

    The first process goes first, then the first of every other machine, which may have folders of its own, then all.

    Raises:
        Exception: as `make` does.
        UserError: if another process is gone, such as the first, for what it could not make.
    """
    here = Worker.here()
    if here.world == 1:
        return make()
    turn = 0 if here.rank == 0 else 1 if here.local_rank == 0 else 2
    with company():
        for _ in range(turn):
            PartialState().wait_for_everyone()
        made = make()
        for _ in range(turn, 2):
            PartialState().wait_for_everyone()
    return made


def wait_for_all() -> None:
    """Until every process of a training is here, such as after each made its share of files that all read.

    Raises:
        UserError: if another process is gone.
    """
    if Worker.here().world > 1:
        with company():
            PartialState().wait_for_everyone()


def agreed(of: Mapping[str, Any]) -> None:
    """Refuse to train together what is not the same for all processes.

    Args:
        of: what must be, by name, each process its own.

    Raises:
        UserError: in all of them, naming what differs.
    """
    if Worker.here().world == 1:
        return
    first, *others = gather_object([{name: str(value) for name, value in of.items()}])
    differs = next((name for name in first for other in others if other.get(name) != first[name]), None)
    if differs is not None:
        raise UserError(
            f"the processes of this training do not all have the same {differs}; give every machine the same command,"
            " the same files (copied with their times, as rsync -a does) and a run's folder that all see"
        )


def _meet() -> Any:
    """Have Accelerate join the processes, if it did not yet; the group in which they talk."""
    late = threading.Timer(_MEETING, _end, [f"the processes of this training did not meet in {_MEETING:.0f} s; {_WAY}"])
    late.daemon = True
    late.start()
    try:
        # Accelerate joins processes without GPUs only when told that it is to use the CPU.
        with only_our_settings():
            PartialState(cpu=Worker.here().device().type == "cpu", timeout=_UNTIMED)
        return dist.new_group(backend="gloo", timeout=timedelta(seconds=SILENCE))
    except RuntimeError as error:
        raise UserError(f"the processes of this training cannot meet ({first_line(error)}); {_WAY}") from None
    finally:
        late.cancel()


_WAY = "name the network between the machines by GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME, such as eth0"


def _end(line: str) -> None:
    """End this process, whose main thread may wait inside a library that nothing calls out of."""
    print(f"\nsfumato: {in_one_line(line)}", file=sys.stderr, flush=True)
    os._exit(2)
