"""How pictures come out of noise: the moments of their walk, as a figure and as a film.

Both show two rows: x_t, and the clean picture that the network sees in it. In the figure the columns are times and each
picture has two rows of its own; in the film the columns are pictures, and time passes.
"""

import math
from itertools import zip_longest
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence, Tuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..diffusion import CLEAN, Schedule, Step
from ..images import clear_paper, folded, from_pixels, save_film, save_image, text_box, text_size, to_pixels, write
from .judges import read_as_asked

_COLUMNS = 6
"""Times of a figure: of a walk of ten even steps over 1,000 times the course's 1000, 800, 600, 400, 200 and 0."""
_NOISY, _SEEN = "noisy x_t", "what the network sees of x_0"
_GAP = 4
_WIDE, _LARGEST = 1150, 256
"""About how wide a film is, and the most that a picture takes of it, in pixels."""
_DRAWN, _TEXT, _BESIDE, _BETWEEN = 1706, 32, 262, 44
"""A figure's width, its letters, the room for what its rows are called, and between its halves; it is shown at half
that size."""
_TOO_LARGE = 1.25
_SECONDS, _FRAMES = 2.0, 20
"""Of a film, before the finished pictures."""


class Moment(NamedTuple):
    """A walk at one time."""

    when: str
    """Such as "t = 820"."""
    x: Tensor
    """x_t of each picture as uint8 [N, H, W, 3]."""
    x0: Tensor
    """The clean pictures that the network sees in them, uint8 [N, H, W, 3]."""


def moments_of(
    step: Step, last: bool, schedule: Schedule, places: Sequence[int], seen: Callable[[Tensor], Tensor] = to_pixels
) -> List[Moment]:
    """What a step shows of some pictures of its batch: where it began, and of the last step its end too.

    Args:
        step: of a walk.
        last: whether no other follows.
        schedule: that is walked.
        places: of the pictures in the batch.
        seen: makes pixels of tensors like x.
    """
    chosen = torch.tensor(places, device=step.x.device)

    def pixels(x: Tensor) -> Tensor:
        shown = seen(x[chosen].nan_to_num())
        return shown.expand(*shown.shape[:3], 3)

    # Next to the noise of a schedule that lets it grow, x_t is brought back to a picture's size.
    grown = max(1.0, math.hypot(*schedule.levels(step.from_t)))
    found = [Moment(time_in_words(schedule, step.from_t), pixels(step.from_x / grown), pixels(step.x0))]
    if last:
        end = pixels(step.x)
        found.append(Moment(time_in_words(schedule, step.t), end, end))
    return found


def watched(walk: Iterator[Step], schedule: Schedule, found: List[Moment], places: Sequence[int]) -> Iterator[Step]:
    """The steps of a walk, while every moment of some of its pictures is noted, from pure noise to the clean pictures.

    Args:
        walk: the steps.
        schedule: that is walked.
        found: takes the moments.
        places: of the pictures in the batch.
    """
    before = None
    for step in walk:
        if before is not None:
            found += moments_of(before, False, schedule, places)
        before = step
        yield step
    if before is not None:
        found += moments_of(before, True, schedule, places)


def time_in_words(schedule: Schedule, t: float) -> str:
    """A time as figures say it: of a table as the papers count, from 1 up, with 0 for the clean picture."""
    if schedule.clean == CLEAN:
        return f"t = {round(t) + 1}"
    return f"t = {t:.2f}" if schedule.start == 1 else f"\u03c3 = {t:.3g}"


def evenly(count: int, wanted: int) -> List[int]:
    """Places among so many, the first and the last with them, as far from one another as can be."""
    wanted = min(count, wanted)
    return [round(place * (count - 1) / max(1, wanted - 1)) for place in range(wanted)]


def kept_for(path: Path, steps: int) -> List[int]:
    """Which moments of a walk `save_walk` shows: six of a figure; of a film all, or every second, third and so on, and
    the last."""
    if path.suffix.lower() == ".png":
        return evenly(steps + 1, _COLUMNS)
    return sorted({*range(0, steps, -(-steps // _FRAMES)), steps})


def save_walk(found: Sequence[Moment], path: Path, captions: Sequence[str] = ()) -> Path:
    """A figure where the path ends in .png, else a film; see `save_moments` and `save_walk_film`."""
    if path.suffix.lower() == ".png":
        return save_moments(found, path, captions)
    return save_walk_film(found, path, captions)


def readings(found: Sequence[Moment], judge: Callable[[Tensor], Tensor], asked: Tensor) -> List[str]:
    """How many pictures of each moment a judge reads as asked, in words.

    Args:
        found: the moments.
        judge: of pictures [N, 3, H, W] in [-1, 1], to logits [N, classes].
        asked: the class of each picture [N].
    """
    told = []
    for moment in found:
        clean, noisy = (
            read_as_asked(judge, from_pixels(pixels.permute(0, 3, 1, 2)), asked) for pixels in (moment.x0, moment.x)
        )
        told.append(f"{clean} of {len(asked)} read in x0, {noisy} in x_t")
    return told


def save_walk_film(found: Sequence[Moment], path: Path, captions: Sequence[str] = (), told: Sequence[str] = ()) -> Path:
    """The pictures side by side, x_t above and below it the x0 seen in it, in about two seconds; the finished pictures
    stay for two more.

    Args:
        found: the moments.
        path: see `save_film`.
        captions: one a picture; stands beneath it, and once beneath neighbours that have the same.
        told: of each moment, beside its time.
    """
    labels = [f"{moment.when}: {text}" if text else moment.when for moment, text in zip_longest(found, told)]
    side = min(_LARGEST, _WIDE // len(found[0].x))
    frames = [_frame(fitted(moment.x, side), fitted(moment.x0, side), captions) for moment in found]
    return save_film(path, frames, labels, round(1000 * _SECONDS / max(1, len(found) - 1)))


def _frame(x: Sequence[Image.Image], x0: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    step, height = x[0].width + _GAP, x[0].height
    width = max(len(x) * step - _GAP, text_box(_SEEN, text_size(0))[0])
    size, line = text_size(width), round(1.5 * text_size(width))
    told = [(begin, folded(text, size, count * step - size), count) for begin, count, text in _spans(captions)]
    below = max((text_box(text, size)[1] for _, text, _ in told if text), default=0)
    paper = clear_paper(width, 2 * (line + height) + line // 4 + below + (line // 4 if below else 0))
    draw = ImageDraw.Draw(paper)
    for top, name, pictures in ((0, _NOISY, x), (line + height + line // 4, _SEEN, x0)):
        write(draw, (0, top + line // 2), name, size, "lm")
        for place, picture in enumerate(pictures):
            paper.paste(picture, (place * step, top + line))
    for begin, text, count in told:
        write(draw, (begin * step + (count * step - _GAP) // 2, paper.height - below), text, size, "ma")
    return paper


def _spans(captions: Sequence[str]) -> List[Tuple[int, int, str]]:
    """(first place, how many, text) of neighbours with one caption."""
    found: List[Tuple[int, int, str]] = []
    for place, text in enumerate(captions):
        if found and found[-1][2] == text:
            found[-1] = (found[-1][0], found[-1][1] + 1, text)
        else:
            found.append((place, 1, text))
    return found


def save_moments(found: Sequence[Moment], path: Path, captions: Sequence[str] = ()) -> Path:
    """Six moments of each picture, two rows each, x_t above and the x0 seen in it below; several in two halves.

    Args:
        found: the moments; of less than seven all.
        path: a PNG.
        captions: one a picture, above its rows.
    """
    shown = [found[place] for place in evenly(len(found), _COLUMNS)]
    count = len(shown[0].x)
    halves = min(2, count)
    side = (_DRAWN - _BESIDE - (halves - 1) * _BETWEEN) // (halves * len(shown)) - _GAP
    cells = [(fitted(moment.x, side), fitted(moment.x0, side)) for moment in shown]
    width, height = cells[0][0][0].size
    line, rows, half = round(1.5 * _TEXT), -(-count // halves), len(shown) * (width + _GAP) - _GAP
    told = [folded(text, _TEXT, half, most=2) for text in captions]
    above = max((text_box(text, _TEXT)[1] + _GAP for text in told if text), default=0)
    top, pair = line + (line // 4 if above else 0), above + 2 * (height + _GAP) + line // 2
    paper = clear_paper(_BESIDE + halves * (half + _BETWEEN) - _BETWEEN, top + rows * pair - line // 2)
    draw = ImageDraw.Draw(paper)
    for picture in range(count):
        left, begin = _BESIDE + picture // rows * (half + _BETWEEN), top + picture % rows * pair
        if told:
            write(draw, (left, begin + above - _GAP), told[picture], _TEXT, "ld")
        if picture % rows == 0:
            _write_times(draw, left, [moment.when for moment in shown], width)
        for column, pictures in enumerate(cells):
            for row, part in enumerate(pictures):
                place = (left + column * (width + _GAP), begin + above + row * (height + _GAP))
                paper.paste(part[picture], place)
    for row, name in enumerate((_NOISY, folded(_SEEN, _TEXT, _BESIDE - line))):
        middle = (_BESIDE - line // 2, top + above + row * (height + _GAP) + height // 2)
        write(draw, middle, name, _TEXT, "rm")
    return save_image(paper, path)


def _write_times(draw: Any, left: int, times: Sequence[str], width: int) -> None:
    """A time above each column; where columns are narrow, what is alike in all (t =) once, beside them."""
    middle = round(0.75 * _TEXT)
    if max(text_box(text, _TEXT)[0] for text in times) > width - _TEXT // 2:
        if left == _BESIDE:
            write(draw, (left - middle, middle), times[0].rpartition(" ")[0], _TEXT, "rm")
        times = [text.rpartition(" ")[2] for text in times]
    for column, text in enumerate(times):
        write(draw, (left + column * (width + _GAP) + width // 2, middle), text, _TEXT, "mm")


def fitted(pixels: Tensor, side: int) -> List[Image.Image]:
    """Pictures uint8 [N, H, W, 3] in about a square of side: small ones in whole squares, larger ones resampled."""
    longest = max(pixels.shape[1:3])
    times = round(side / longest)
    whole = times >= 1 and times * longest <= _TOO_LARGE * side
    scale, how = (times, Image.Resampling.NEAREST) if whole else (side / longest, Image.Resampling.LANCZOS)
    height, width = (max(1, round(scale * one)) for one in pixels.shape[1:3])
    return [Image.fromarray(one.numpy()).resize((width, height), how) for one in pixels]
