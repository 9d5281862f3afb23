"""How pictures come out of noise: the moments of their walk, as a figure and as a film.

Both show two rows: x_t, and the clean picture that the network sees in it. In the figure the columns are times and each
picture has two rows of its own; in the film the columns are pictures, and time passes.
"""

import math
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence, Tuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..diffusion import CLEAN, Schedule, Step
from ..images import INK, clear_paper, folded, font, save_film, save_image, text_size, to_pixels

_COLUMNS = 6
"""Times of a figure: of a walk of ten even steps over 1,000 times the course's 1000, 800, 600, 400, 200 and 0."""
_NOISY, _SEEN = "noisy x\u209c", "what the network sees of x\u2080"
_GAP = 4
_WIDE, _LARGEST = 1150, 256
"""About how wide a film is, and the most that a picture takes of it, in pixels."""
_DRAWN, _TEXT, _BESIDE, _BETWEEN = 1680, 27, 236, 44
"""A figure's width, its letters, the room for what its rows are called, and between its halves; it is shown at half
that size."""
_SECONDS = 2.0


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
    return sorted({round(place * (count - 1) / max(1, wanted - 1)) for place in range(min(count, wanted))})


def save_walk(found: Sequence[Moment], path: Path, captions: Sequence[str] = ()) -> Path:
    """A figure where the path ends in .png, else a film; see `save_moments` and `save_walk_film`."""
    if path.suffix.lower() == ".png":
        return save_moments(found, path, captions)
    return save_walk_film(found, path, captions)


def save_walk_film(found: Sequence[Moment], path: Path, captions: Sequence[str] = ()) -> Path:
    """The pictures side by side, x_t above and below it the x0 seen in it, in about two seconds; the finished pictures
    stay for two more.

    Args:
        found: the moments.
        path: see `save_film`.
        captions: one a picture; stands beneath it, and once beneath neighbours that have the same.
    """
    side = min(_LARGEST, _WIDE // len(found[0].x))
    frames = [_frame(fitted(moment.x, side), fitted(moment.x0, side), captions) for moment in found]
    return save_film(path, frames, [moment.when for moment in found], round(1000 * _SECONDS / len(found)))


def _frame(x: Sequence[Image.Image], x0: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    step, height = x[0].width + _GAP, x[0].height
    width = max(len(x) * step - _GAP, round(font(_TEXT).getlength(_SEEN)))
    letters, line = font(text_size(width)), round(1.5 * text_size(width))
    spans = _spans(captions)
    told = [(begin, folded(text, letters, count * step - 3 * _GAP), count) for begin, count, text in spans]
    below = line * max((text.count("\n") + 1 for _, text, _ in told if text), default=0)
    paper = clear_paper(width, 2 * (line + height) + line // 2 + below)
    draw = ImageDraw.Draw(paper)
    for top, name, pictures in ((0, _NOISY, x), (line + height + line // 4, _SEEN, x0)):
        _write(draw, (0, top + line // 2), name, letters, "lm")
        for place, picture in enumerate(pictures):
            paper.paste(picture, (place * step, top + line))
    for begin, text, count in told:
        middle = (begin * step + (count * step - _GAP) // 2, paper.height - below)
        _write(draw, middle, text, letters, "ma")
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
    (width, height), letters = cells[0][0][0].size, font(_TEXT)
    line, rows = round(1.5 * _TEXT), -(-count // halves)
    caption = line if any(captions) else 0
    pair, half = caption + 2 * (height + _GAP) + line // 2, len(shown) * (width + _GAP) - _GAP
    paper = clear_paper(_BESIDE + halves * (half + _BETWEEN) - _BETWEEN, line + rows * pair - line // 2)
    draw = ImageDraw.Draw(paper)
    for picture in range(count):
        left, top = _BESIDE + picture // rows * (half + _BETWEEN), line + picture % rows * pair
        if caption:
            _write(draw, (left, top + line // 2), captions[picture], letters, "lm")
        for column, (moment, (x, x0)) in enumerate(zip(shown, cells)):
            across = left + column * (width + _GAP)
            if picture % rows == 0:
                _write(draw, (across + width // 2, line // 2), moment.when, letters, "mm")
            for row, part in enumerate((x, x0)):
                paper.paste(part[picture], (across, top + caption + row * (height + _GAP)))
    for row, name in enumerate((_NOISY, folded(_SEEN, letters, _BESIDE - line))):
        middle = (_BESIDE - line // 2, line + caption + row * (height + _GAP) + height // 2)
        _write(draw, middle, name, letters, "rm")
    return save_image(paper, path)


def _write(draw: Any, place: Tuple[int, int], text: str, letters: Any, anchor: str) -> None:
    align = {"l": "left", "m": "center", "r": "right"}[anchor[0]]
    draw.multiline_text(place, text, fill=(*INK, 255), font=letters, anchor=anchor, align=align)


def fitted(pixels: Tensor, side: int) -> List[Image.Image]:
    """Pictures uint8 [N, H, W, 3] no higher than side: small ones enlarged in whole squares, larger ones resampled."""
    height, width = pixels.shape[1:3]
    times = side // max(height, width)
    if times >= 2 or max(height, width) == side:
        how, size = Image.Resampling.NEAREST, (width * max(1, times), height * max(1, times))
    else:
        scale = side / max(height, width)
        how, size = Image.Resampling.LANCZOS, (max(1, round(width * scale)), max(1, round(height * scale)))
    return [Image.fromarray(one.numpy()).resize(size, how) for one in pixels]
