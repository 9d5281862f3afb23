"""The next part of a batch is drawn while the present one is learned from."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Optional, Sequence, Tuple

import torch
from torch import Tensor

Draw = Callable[[int, slice], Sequence[Tensor]]
"""(step, rows) -> the tensors of those rows of the step's global batch."""

Place = Tuple[int, slice]
"""A step, counted from 0, and rows of its batch."""


class DrawnAhead:
    """A draw with a thread of its own, which is always one part ahead and never more.

    What is drawn is a function of its place, so that it does not matter when, or whether what was begun is taken. To be
    used in a `with`: at its end the thread is gone, however it came to that.

    The thread draws with one processor. With more it would have a team of OpenMP's threads beside the network's,
    and where there are more such threads than processors GNU's lets each wait asleep at every barrier: on two
    processors a step of a small network took 1.7 times as long (`benchmarks/prefetch.py`).

    Args:
        draw: called from the thread, by one place at a time.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw, self._pool = draw, ThreadPoolExecutor(1, thread_name_prefix="draw")
        threads = torch.get_num_threads()
        self._pool.submit(_with_one_processor).result()
        # What was set in that thread is also what threads begin with that have not computed yet.
        torch.set_num_threads(threads)
        self._begun: Optional[Tuple[Place, Future[Sequence[Tensor]]]] = None

    def __enter__(self) -> "DrawnAhead":
        return self

    def __exit__(self, *what: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, place: Place, coming: Optional[Place]) -> Sequence[Tensor]:
        """The tensors of a place; those of the coming one are begun.

        Raises:
            Exception: that drawing them raised, with its traceback.
        """
        if self._begun is None or self._begun[0] != place:
            self._begin(place)
        assert self._begun is not None
        drawn = self._begun[1].result()
        self._begun = None
        if coming is not None:
            self._begin(coming)
        return drawn

    def _begin(self, place: Place) -> None:
        self._begun = place, self._pool.submit(self._draw, *place)


def _with_one_processor() -> None:
    torch.get_num_threads()  # or the first computation of this thread sets it anew
    torch.set_num_threads(1)
