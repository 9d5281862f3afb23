"""Pictures with what was answered of each: its likeliest names, and their shares as bars."""

from typing import List, NamedTuple, Sequence, Tuple

from PIL import Image, ImageDraw

from .films import clear_paper
from .fonts import INK, folded, text_box, write
from .style import LINES, SHARPNESS, TEXT, WIDTH

_COLUMNS = 2
_LETTER = SHARPNESS * TEXT
_CELL = SHARPNESS * WIDTH // _COLUMNS
_SIDE, _GAP, _THICK = 240, 24, 12


class Answered(NamedTuple):
    """One picture, and the names that are shown beside it."""

    picture: Image.Image
    title: str
    """Above the bars, such as the file's name."""
    shares: Sequence[Tuple[str, float]]
    """(name, share of 1), the likeliest first; of any length in all pictures alike."""


def with_bars(answers: Sequence[Answered]) -> Image.Image:
    """RGBA without a ground: two pictures a row, each with its bars at its right.

    Args:
        answers: at least one.
    """
    columns = min(_COLUMNS, len(answers))
    height = max(_SIDE, *(_height(one) for one in answers)) + _GAP
    paper = clear_paper(columns * _CELL, -(-len(answers) // columns) * height)
    for place, one in enumerate(answers):
        left, top = place % columns * _CELL, place // columns * height
        shown = _fitted(one.picture)
        paper.paste(shown, (left + (_SIDE - shown.width) // 2, top))
        _draw_bars(ImageDraw.Draw(paper), (left + _SIDE + _GAP, top), _CELL - _SIDE - 2 * _GAP, one)
    return paper


def _line() -> int:
    return text_box("0", _LETTER)[1]


def _height(one: Answered) -> int:
    return _line() + _GAP // 2 + len(one.shares) * (_line() + _THICK + _GAP // 3)


def _draw_bars(draw: ImageDraw.ImageDraw, place: Tuple[int, int], width: int, one: Answered) -> None:
    left, top = place
    write(draw, place, folded(one.title, _LETTER, width, 1), _LETTER)
    top += _line() + _GAP // 2
    for name, share in one.shares:
        number = f"{share:.1%}"
        room = width - text_box(number, _LETTER)[0] - _GAP
        write(draw, (left, top), folded(name, _LETTER, room, 1), _LETTER)
        write(draw, (left + width, top), number, _LETTER, "ra")
        top += _line()
        # The frame is what a share of 1 fills, so that a bar is read without the others.
        draw.rectangle((left, top, left + width, top + _THICK), outline=(*INK, 255))
        if round(share * width) > 0:
            draw.rectangle((left, top, left + round(share * width), top + _THICK), fill=LINES[0].colour)
        top += _THICK + _GAP // 3


def _fitted(picture: Image.Image) -> Image.Image:
    scale = _SIDE / max(picture.size)
    # Small pictures are enlarged in whole squares, so that each pixel can be seen.
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    sides: List[int] = [max(1, round(side * scale)) for side in picture.size]
    return picture.convert("RGB").resize((sides[0], sides[1]), how)
