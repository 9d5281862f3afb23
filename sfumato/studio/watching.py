"""What a painting's first batch looks like after each step: x_t and, beside it, the x_0 that the network sees in it.

Where a look takes long, as decoding the latents of a full-size Stable Diffusion on a CPU, steps are left out, so that
looking takes no more than a third of the time.
"""

from pathlib import Path
from time import monotonic
from typing import Any, Callable, List, Optional, Sequence

from ..diffusion import Step
from ..images import save_image, sheet
from ..outputs import open_folder
from ..pictures.painting import Painting
from ..pictures.walks import Moment, moments_of

_MOST = 8
"""Pictures that are shown of a batch."""
_COLUMNS = 4
_LONG, _BETWEEN = 1.0, 2.0
"""Seconds of a look that is long, and how many times as long nothing is looked at after it."""
NOISY, CLEAN = "x_t-{:04d}.png", "x_0-{:04d}.png"
"""Names of the sheets after so many steps."""


class Watching:
    """Leaves a sheet of x_t and one of x_0 for each step.

    Args:
        folder: to leave them in.
        tell: is told of each: step, of how many, and when it is on the walk.
    """

    def __init__(self, folder: Path, tell: Callable[..., None]) -> None:
        self._folder, self._tell = folder, tell
        self._batch: Optional[List[Any]] = None
        self._not_before = 0.0

    def __call__(self, painting: "Painting[Any]", batch: Sequence[Any], step: Step) -> None:
        """See a step; those of the first batch are kept."""
        if self._batch is None:
            self._batch = list(batch)
        last, began = step.index == painting.steps - 1, monotonic()
        if list(batch) != self._batch or (began < self._not_before and not last):
            return
        open_folder(self._folder)
        places = range(min(_MOST, len(batch)))
        for number, moment in enumerate(moments_of(step, last, painting.schedule, places, painting.seen), step.index):
            self._leave(moment, number)
            self._tell(step=number, of=painting.steps, when=moment.when)
        took = monotonic() - began
        self._not_before = began + took * (1 + _BETWEEN) if took > _LONG else 0.0

    def _leave(self, moment: Moment, number: int) -> None:
        for name, pixels in ((NOISY, moment.x), (CLEAN, moment.x0)):
            save_image(sheet(pixels, min(_COLUMNS, len(pixels)), 1), self._folder / name.format(number))
