"""The film of a painting: how its first pictures came out of noise, noted while they are painted.

Pictures that were painted earlier, or that another process paints, are painted again for it and saved nowhere: so the
pictures of a run are the same bytes with a film and without.
"""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Generic, List, Optional, Sequence, TypeVar

import torch

from ..diffusion import Step
from ..errors import UserError
from ..images import FILM_ENDINGS, check_film
from ..outputs import open_folder, refuse_file
from .walks import Moment, kept_for, moments_of, save_walk

if TYPE_CHECKING:
    from .painting import Painting

Asked = TypeVar("Asked")

FILM = {
    "help": (
        "Also write how the first pictures come out of noise, x_t and what the network sees in it: a film, ending in"
        " .webp, .gif or .mp4, or a figure of six moments, ending in .png. The pictures stay the same."
    )
}
"""The metadata of an option for the film."""
_PICTURES = 6
"""The most that are shown."""
LOOKED_THROUGH = 10_000
"""Pictures among which the first of each kind are found."""


def check_filming(film: Optional[Path], out: Path) -> None:
    """Refuse early what could not be written at the end.

    Args:
        film: None for none.
        out: where pictures are painted.

    Raises:
        UserError: for a wrong ending, an .mp4 without ffmpeg, or a film among the pictures.
    """
    if film is None:
        return
    if film.suffix.lower() not in (*FILM_ENDINGS, ".png"):
        first, second, third = FILM_ENDINGS
        kinds = f"a film ends in {first}, {second} or {third}, a figure of six moments in .png"
        raise UserError(f"{film}: {kinds}; give such a name")
    if film.suffix.lower() != ".png":
        check_film(film)
    if film.is_dir():
        raise UserError(f"{film}: is a folder; give the name of a film")
    refuse_file(film.parent)
    whole = out.resolve()
    if whole in (film.resolve(), *film.resolve().parents):
        raise UserError(f"{film}: would count as one of the pictures in {out}; give --film a path outside that folder")


class Filming(Generic[Asked]):
    """Takes the moments of a painting's first pictures, step by step, and makes the film of them.

    Args:
        painting: what is painted.
        path: of the film.
    """

    def __init__(self, painting: "Painting[Asked]", path: Path) -> None:
        self._painting, self._path = painting, path
        self.pictures: List[Asked] = _first_of_each_kind(painting)
        self._moments: Dict[Asked, Dict[int, Moment]] = {asked: {} for asked in self.pictures}
        self._kept = set(kept_for(path, painting.steps))

    def see(self, batch: Sequence[Asked], step: Step) -> None:
        """Note what a step of a batch shows of the film's pictures."""
        places = [place for place, asked in enumerate(batch) if asked in self._moments]
        last = step.index == self._painting.steps - 1
        if not places or not (last or step.index in self._kept):
            return
        found = moments_of(step, last, self._painting.schedule, places, self._painting.seen)
        for number, moment in enumerate(found, start=step.index):
            for row, place in enumerate(places):
                own = Moment(moment.when, moment.x[row : row + 1], moment.x0[row : row + 1])
                if number in self._kept:
                    self._moments[batch[place]][number] = own

    def save(self) -> Path:
        """Write the film, all moments having been seen; returns its path."""
        own = [self._moments[asked] for asked in self.pictures]
        found = [
            Moment(
                own[0][number].when,
                torch.cat([moments[number].x for moments in own]),
                torch.cat([moments[number].x0 for moments in own]),
            )
            for number in sorted(self._kept)
        ]
        open_folder(self._path.parent)
        return save_walk(found, self._path, [self._painting.caption(asked) for asked in self.pictures])


def _first_of_each_kind(painting: "Painting[Asked]") -> List[Asked]:
    """The first picture of each caption, then the second of each, until they are enough; in the order of captions."""
    kinds: Dict[str, List[Asked]] = {}
    for asked in itertools.islice(painting.wanted(), LOOKED_THROUGH):
        kinds.setdefault(painting.caption(asked), []).append(asked)
    turns = itertools.chain(*itertools.zip_longest(*kinds.values(), fillvalue=None))
    chosen = set(itertools.islice((asked for asked in turns if asked is not None), _PICTURES))
    return [asked for kind in kinds.values() for asked in kind if asked in chosen]
