"""Rows of pictures with the words beneath each, such as what was asked for."""

import textwrap
from typing import List, NamedTuple, Sequence

from PIL import Image, ImageDraw, ImageFont

_GAP, _TEXT = 4, 18
_INK = (123, 123, 123, 255)
"""Read on white and on dark pages alike; the ground is none."""


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
    font = ImageFont.load_default(_TEXT)
    width = max(len(row.pictures) for row in rows) * (side + _GAP) - _GAP
    width = max(width, 2 * side)
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    letters = max(8, int(width / measure.textlength("0", font=font)))
    said = ["\n".join(_lines(row.text, letters)) for row in rows]
    shown = [[_fitted(picture, side) for picture in row.pictures] for row in rows]
    heights = [max(picture.height for picture in pictures) for pictures in shown]
    below = [round(measure.multiline_textbbox((0, 0), text or " ", font=font)[3]) + 4 * _GAP for text in said]
    paper = Image.new("RGBA", (width, sum(heights) + sum(below)))
    draw, top = ImageDraw.Draw(paper), 0
    for pictures, text, height, words in zip(shown, said, heights, below):
        for column, picture in enumerate(pictures):
            paper.paste(picture, (column * (side + _GAP) + (side - picture.width) // 2, top))
        draw.multiline_text((0, top + height + _GAP), text, fill=_INK, font=font)
        top += height + words
    return paper


def _lines(text: str, letters: int) -> List[str]:
    return textwrap.wrap(text, letters) or [""]


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    if scale >= 1:
        size = (picture.width * int(scale), picture.height * int(scale))
        return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
