"""Progress bars: drawn on a terminal; elsewhere, as in a log, a whole line now and then."""

import contextlib
import io
import sys
import time
from contextvars import ContextVar
from typing import Any, Callable, ContextManager, Iterator, Optional

from tqdm import tqdm

_SECONDS = 30.0
"""Between two lines where there is no terminal."""
_WHOLE: "ContextVar[Optional[Bar]]" = ContextVar("whole", default=None)
HEARD: ContextVar[Optional[Callable[["Bar"], None]]] = ContextVar("HEARD", default=None)
"""Called whenever a bar would be drawn, and when it ends, by who shows bars elsewhere than on a terminal."""


class Bar(tqdm):
    """tqdm's bar on a terminal or in a notebook.

    Where the standard error is neither, it says a line every half minute and, unless it is one that does not stay, one
    at the end; where there is none it says nothing. What cannot be written is lost, and the work goes on.
    """

    def __init__(self, *args: Any, **how: Any) -> None:
        self._drawn, self._said, self._told = _is_seen(), time.monotonic(), -1
        if not self._drawn:
            # Whatever tqdm writes by itself, to move and to clear, is for terminals.
            how.update(file=io.StringIO(), ncols=0)
        super().__init__(*args, **{**how, "disable": how.get("disable", False) or sys.stderr is None})

    def display(self, msg: Optional[str] = None, pos: Optional[int] = None) -> Any:
        """Show where the work stands; tqdm calls it as often as a terminal can take."""
        self._tell()
        if self._drawn:
            return super().display(msg, pos)
        if time.monotonic() - self._said >= _SECONDS:
            self._say()
        return True

    def close(self) -> None:
        """End the bar; called again it does nothing."""
        if not self.disable:
            self._tell()
        if not self._drawn and not self.disable and self.leave and self._told != self.n:
            self._say()
        super().close()

    def _tell(self) -> None:
        heard = HEARD.get()
        if heard is not None:
            heard(self)

    def _say(self) -> None:
        self._said, self._told = time.monotonic(), self.n
        with contextlib.suppress(OSError, ValueError):
            print(self, file=sys.stderr, flush=True)


@contextlib.contextmanager
def moving(whole: Bar) -> Iterator[None]:
    """Have what the block does move one bar, that of the whole, where `bar_of` would begin another for each part."""
    before = _WHOLE.set(whole)
    try:
        yield
    finally:
        _WHOLE.reset(before)


def bar_of(**how: Any) -> ContextManager[Bar]:
    """A new bar, or that of the whole which this is a part of; see `moving`.

    Args:
        how: as of `Bar`.
    """
    whole = _WHOLE.get()
    return Bar(**how) if whole is None else contextlib.nullcontext(whole)


def _is_seen() -> bool:
    """Whether somebody looks on: at a terminal, or at a notebook, which is none and draws bars all the same."""
    stream = sys.stderr
    return stream is not None and (type(stream).__module__.startswith("ipykernel") or stream.isatty())
