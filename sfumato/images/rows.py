"""Rows of pictures with the words beneath each, such as what was asked for."""

import textwrap
from typing import NamedTuple, Sequence

from PIL import Image, ImageDraw

from .films import clear_paper
from .fonts import INK, font

_GAP, _TEXT = 4, 18


class Row(NamedTuple):
    """Pictures side by side."""

    text: str
    """Beneath them."""
    pictures: Sequence[Image.Image]


def rows_with_words(rows: Sequence[Row], side: int = 192) -> Image.Image:
    """RGBA without a ground: all rows below each other, as wide as the longest.

    Args:
        rows: at least one, each of at least one picture.
        side: each picture is scaled to fit a square of so many pixels; small ones by a whole factor, so that each of
            their pixels is seen.
    """
    letters = font(_TEXT)
    width = max(len(row.pictures) for row in rows) * (side + _GAP) - _GAP
    width = max(width, 2 * side)
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    most = int(width / letters.getlength("0"))
    said = ["\n".join(textwrap.wrap(row.text, most)) for row in rows]
    shown = [[_fitted(picture, side) for picture in row.pictures] for row in rows]
    heights = [max(picture.height for picture in pictures) for pictures in shown]
    below = [round(measure.multiline_textbbox((0, 0), text or " ", font=letters)[3]) + 4 * _GAP for text in said]
    paper = clear_paper(width, sum(heights) + sum(below))
    draw, top = ImageDraw.Draw(paper), 0
    for pictures, text, height, words in zip(shown, said, heights, below):
        for column, picture in enumerate(pictures):
            paper.paste(picture, (column * (side + _GAP) + (side - picture.width) // 2, top))
        draw.multiline_text((0, top + height + _GAP), text, fill=INK, font=letters)
        top += height + words
    return paper


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    if scale >= 1:
        size = (picture.width * int(scale), picture.height * int(scale))
        return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
