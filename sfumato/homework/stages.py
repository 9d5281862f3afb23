"""The parts of the work, one after the other, each of which is done once.

    OUT/runs/.done/NAME        of a finished stage: a digest of all that it was made from

A stage that was interrupted goes on by itself, for what it calls does; one whose inputs changed is done again, and all
that follow from it.
"""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from .. import __version__
from ..bars import Bar
from ..checkpoints import write_text
from ..errors import UserError
from ..outputs import open_folder
from ..runs import digest


class Stage(NamedTuple):
    """One part of the work."""

    name: str
    """Of its mark."""
    problem: str
    """Such as "1"."""
    what: str
    """Is done, in a line for the plan."""
    seconds: Callable[[], float]
    """That it takes, as far as one can know; measured, so asked only where it is left to do."""
    inputs: Any
    """All that it is made from, as JSON holds it."""
    work: Callable[[], object]
    made: Sequence[Path] = ()
    """Files and folders that are there when it is done."""
    after: Sequence[str] = ()
    """Stages whose results it is made from too."""


class Marks:
    """Which stages are done.

    Args:
        runs: the folder that holds them.
    """

    def __init__(self, runs: Path) -> None:
        self._folder = runs / ".done"
        self._states: Dict[str, str] = {}

    def left(self, stages: Sequence[Stage]) -> List[Stage]:
        """Those that are to be done; to be asked with all stages in their order."""
        self._states = {}
        for stage in stages:
            before = [self._states.get(name, "") for name in stage.after]
            self._states[stage.name] = digest([__version__, stage.name, stage.inputs, before])
        return [stage for stage in stages if not self._is_done(stage)]

    def _is_done(self, stage: Stage) -> bool:
        path = self._folder / stage.name
        same = path.is_file() and path.read_text() == self._states[stage.name]
        return same and all(made.exists() for made in stage.made)

    def unmark(self, stage: Stage) -> None:
        """Before it is worked on."""
        (open_folder(self._folder) / stage.name).unlink(missing_ok=True)

    def mark(self, stage: Stage) -> None:
        """After its work."""
        write_text(self._folder / stage.name, self._states[stage.name])


def refuse_left_out(left_out: Sequence[UserError]) -> None:
    """End a stage that could not do all, as the course's scripts end: what was done stands.

    Raises:
        UserError: the first of what could not be done.
    """
    for fault in left_out:
        raise fault


class Planned(NamedTuple):
    """A stage that is left to do."""

    stage: Stage
    seconds: int


def planned(stages: Sequence[Stage], marks: Marks) -> List[Planned]:
    """What is left, with its time.

    Args:
        stages: all, in their order.
        marks: of what is done.
    """
    return [Planned(stage, max(1, round(stage.seconds()))) for stage in marks.left(stages)]


def do(left: Sequence[Planned], marks: Marks) -> None:
    """Do it, under a bar over all of it, which goes by the seconds that were planned."""
    total = sum(seconds for _, seconds in left)
    with Bar(total=total, desc="the whole homework", unit="s of work") as bar:
        for stage, seconds in left:
            Bar.write(f"problem {stage.problem}: {stage.what}" if stage.problem else stage.what)
            marks.unmark(stage)
            stage.work()
            marks.mark(stage)
            bar.update(seconds)
