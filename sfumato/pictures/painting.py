"""Painting many pictures into a folder, whatever paints them.

    OUT/...             the pictures, each with its settings in it
    OUT/run.json        the settings that made them; not where the folder is handed in

A picture is a function of the settings and of what is asked for: not of the batch, the process or the run that it was
painted in. A run that was interrupted goes on with what is missing.
"""

import contextlib
import itertools
import time
from abc import ABC, abstractmethod
from contextvars import ContextVar
from pathlib import Path
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    Generic,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
)

import torch
from torch import Tensor, nn

from ..bars import Bar, bar_of
from ..devices import DTYPES, Worker, autocast, in_batches, keep_freed_memory
from ..diffusion import Schedule, Step
from ..errors import UserError
from ..images import save_png, to_pixels
from ..models.packing import packed
from ..runs import open_run, painted_by, say_next
from .filming import LOOKED_THROUGH, Filming
from .handing_in import handed_in

Asked = TypeVar("Asked")
"""What a job knows of one picture that is asked for."""
AfterStep = Callable[[Step], object]
"""Told of each step of a walk."""
SEEN: ContextVar[Optional[Callable[["Painting[Any]", Sequence[Any], Step], None]]] = ContextVar("SEEN", default=None)
"""Shown every step of every batch that `paint_all` paints, with what is painted and which pictures; changes nothing."""


class Painting(ABC, Generic[Asked]):
    """What a job asks for, and how it is painted.

    Attributes:
        command: that paints, such as "digits generate".
        what: is painted, in a word, for the bar.
        steps: of one picture.
        settings: all that decides the pictures but which they are.
        schedule: that their walks are on.
    """

    command: str
    what: str
    steps: int
    settings: Mapping[str, Any]
    schedule: Schedule

    @abstractmethod
    def wanted(self) -> Iterator[Asked]:
        """All pictures, walked and not listed: there may be millions."""

    @abstractmethod
    def count(self) -> int:
        """How many they are."""

    @abstractmethod
    def path(self, asked: Asked) -> Path:
        """Of a picture, below the folder."""

    @abstractmethod
    def note(self, asked: Asked) -> Dict[str, Any]:
        """What is written into a picture."""

    def drawn(self, asked: Asked) -> Dict[str, int]:
        """By which options a command paints it: {"run_seed": its --seed, "count": the --count that reaches it}; empty
        where the picture is told otherwise, as by a noise's file."""
        return {}

    def texts(self, asked: Asked) -> Dict[str, str]:
        """What is written into a picture besides, for other programs."""
        return {}

    @abstractmethod
    def paint(self, batch: List[Asked], after_step: AfterStep) -> Tensor:
        """A batch: uint8 [B, H, W, channels]; `after_step` is told of every step, to move a bar."""

    def alike(self, asked: Asked) -> Any:
        """Pictures of which this differs are not painted at once."""
        return None

    def caption(self, asked: Asked) -> str:
        """What a film says beneath a picture; the first of each caption are shown."""
        return ""

    def seen(self, x: Tensor) -> Tensor:
        """What a film shows of tensors on a walk [n, ...]: uint8 [n, H, W, channels]."""
        return to_pixels(x)

    def name(self, run: str, asked: Asked) -> str:
        """The run's name, by which a painted picture is known; with what else decides it and may change."""
        return run

    def finish(self, out: Path) -> None:
        """What else a folder gets that is not handed in, once all pictures are there."""

    def then(self, out: Path) -> str:
        """What one does with the pictures, as one types it; empty for looking at them."""
        return ""


def paint_all(
    painting: Painting[Asked],
    out: Path,
    batch_size: int,
    overwrite: bool = False,
    inside: Sequence[str] = (),
    left_out: Optional[List[UserError]] = None,
    film: Optional[Path] = None,
) -> Path:
    """Paint what is asked for and not there yet.

    Args:
        painting: what, and how.
        out: the folder.
        batch_size: pictures at once.
        overwrite: whether pictures of other settings are painted over.
        inside: folders to make in it, in which nothing else lies.
        left_out: given where the folder is handed in: then no note is kept in it, what was painted is known by what
            each picture tells of itself, and what lies in the way there is added; see `handed_in`.
        film: of the first pictures, to write too; see `filming`.

    Returns:
        The folder.

    Raises:
        UserError: if the folder cannot be made, or holds pictures of other settings.
    """
    worker, total = Worker.here(), painting.count()
    length: Dict[str, Any] = {"total": worker.share_of(total) * painting.steps, "unit": "step"}
    length.update(desc=f"painting {painting.what}", disable=worker.rank > 0)
    made = open_run(out, painting.command, painting.settings, worker, inside, overwrite, noted=left_out is None)
    filming = Filming(painting, film) if film is not None and worker.rank == 0 else None
    with made as run, _unfinished(painting, out, inside, left_out) as within, bar_of(**length) as bar:
        began, done = time.monotonic(), 0
        if filming is not None:
            _paint_again(painting, filming, out, run, batch_size)
        for batch in _batches(worker.share(painting.wanted()), painting, batch_size):
            missing = _missing(painting, batch, out, run)
            if not missing:
                bar.update(len(batch) * painting.steps)
                continue
            pixels = painting.paint(batch, _watching(bar, batch, painting, filming))
            for place in missing:
                asked = batch[place]
                told = {"batch": [place, len(batch)], "run": painting.name(run, asked), **painting.drawn(asked)}
                _save(painting, asked, pixels[place], out, within, told)
            done += len(batch)
            bar.set_postfix_str(f"{done / (time.monotonic() - began):.2f} pictures/s", refresh=False)
        if left_out is None:
            painting.finish(out)
    if worker.rank == 0:
        print(f"wrote {total} picture{'s' * (total != 1)} to {out}")
    if filming is not None:
        print(f"wrote {filming.save()}")
    if worker.rank == 0:
        say_next(painting.command, out, painting.then(out))
    return out


def _missing(painting: Painting[Asked], batch: Sequence[Asked], out: Path, run: str) -> List[int]:
    """The places in a batch of pictures that are not there. All of it is painted if there is one: in a batch that is
    not that of a run which was never interrupted, a number is rounded otherwise."""
    return [
        place
        for place, asked in enumerate(batch)
        if not painted_by(painting.name(run, asked), out / painting.path(asked))
    ]


def _save(
    painting: Painting[Asked], asked: Asked, pixels: Tensor, out: Path, within: Optional[Path], told: Dict[str, Any]
) -> None:
    """Write a picture with its note, which says how it was made too, and its texts for other programs."""
    note = {**painting.note(asked), "command": painting.command, **told}
    save_png(out / painting.path(asked), pixels, note, within, painting.texts(asked))


def _watching(
    bar: Bar, batch: Sequence[Asked], painting: Painting[Asked], filming: Optional[Filming[Asked]]
) -> AfterStep:
    seen = SEEN.get()

    def after_step(step: Step) -> None:
        bar.update(len(batch))
        if filming is not None:
            filming.see(batch, step)
        if seen is not None:
            seen(painting, batch, step)

    return after_step


def _paint_again(painting: Painting[Asked], filming: Filming[Asked], out: Path, run: str, batch_size: int) -> None:
    """Paint the film's pictures that are there already, or are another process's, for the film alone."""
    worker, first = Worker.here(), set(filming.pictures)
    mine = set(filter(first.__contains__, worker.share(itertools.islice(painting.wanted(), LOOKED_THROUGH))))
    again = [
        asked
        for asked in filming.pictures
        if asked not in mine or painted_by(painting.name(run, asked), out / painting.path(asked))
    ]
    if not again:
        return
    with Bar(total=len(again) * painting.steps, unit="step", desc="painting again for the film") as bar:
        for batch in _batches(again, painting, batch_size):
            painting.paint(batch, _watching(bar, batch, painting, filming))


def _unfinished(
    painting: Painting[Asked], out: Path, inside: Sequence[str], left_out: Optional[List[UserError]]
) -> ContextManager[Optional[Path]]:
    """Where pictures are written before they take their names; None for beside them."""
    if left_out is None:
        return contextlib.nullcontext()
    return handed_in(out, inside, {out / painting.path(asked) for asked in painting.wanted()}, left_out)


def _batches(todo: Iterable[Asked], painting: Painting[Asked], size: int) -> Iterator[List[Asked]]:
    for _, alike in itertools.groupby(todo, painting.alike):
        yield from in_batches(alike, size)


@torch.no_grad()
def walked(
    steps: Iterator[Step], network: nn.Module, precision: str = "fp32", after_step: Optional[AfterStep] = None
) -> Tensor:
    """The end of a walk.

    Args:
        steps: of a sampler.
        network: that the steps ask, on their device; its weights are packed until the walk ends, see `packed`.
        precision: that it computes in; fp32 for that of its weights.
        after_step: told of every step.

    Raises:
        UserError: if a number is not finite.
    """
    weight = next(network.parameters())
    keep_freed_memory()
    with autocast(weight.device, precision), packed(network):
        for step in steps:
            x = step.x
            if after_step is not None:
                after_step(step)
    if not bool(x.isfinite().all()):
        own = next((name for name, dtype in DTYPES.items() if dtype == weight.dtype), precision)
        computed = own if precision == "fp32" else precision
        advice = "other weights, or more --steps" if computed == "fp32" else "--precision fp32"
        raise UserError(f"the pictures are not finite in {computed}, so none of them is saved; paint with {advice}")
    return x
