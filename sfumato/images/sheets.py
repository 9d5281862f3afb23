"""Many pictures on one sheet.

What has text has no ground: it stands on white and on dark pages alike, and its text is of a tone that is read on both
(`style`). `save_image` and `open_picture` lay it on white where that is asked for.
"""

from typing import Any, Sequence, Union

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from .style import INK

_GAP = 2
_WHITE = (255, 255, 255)
_CLEAR = (*ImageColor.getrgb(INK), 0)
"""Ink of no weight: the edges of letters fade to it without a fringe."""
_MARGIN = 8
_TEXT = 16


def sheet(pixels: Tensor, columns: int, scale: int = 2, clear: bool = False) -> Image.Image:
    """Pictures side by side: uint8 [N, H, W, 3], row by row, on white paper, enlarged by a whole factor.

    Args:
        pixels: of the pictures.
        columns: pictures a row.
        scale: the factor.
        clear: whether there is nothing between them in place of white: RGBA.
    """
    large = pixels.numpy().repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, _ = large.shape
    rows = -(-count // columns)
    paper = np.empty((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 4 if clear else 3), np.uint8)
    paper[:] = _CLEAR if clear else _WHITE
    for index, picture in enumerate(large):
        top = _GAP + index // columns * (height + _GAP)
        left = _GAP + index % columns * (width + _GAP)
        paper[top : top + height, left : left + width, :3] = picture
        paper[top : top + height, left : left + width, 3:] = 255
    return Image.fromarray(paper)


def labelled_grid(
    cells: Union[Tensor, Sequence[np.ndarray]], rows: Sequence[str], columns: Sequence[str], side: int = 128
) -> Image.Image:
    """Pictures in rows and columns with a label at each, RGBA without a ground.

    Args:
        cells: uint8 [H, W, 3] of one size, row by row; len(rows) * len(columns) of them, or all as [N, H, W, 3].
        rows: labels at the left; may have several lines.
        columns: labels at the top.
        side: pictures lower than this are enlarged by a whole factor to at least this.

    Raises:
        ValueError: if the number of cells is another.
    """
    if len(cells) != len(rows) * len(columns):
        raise ValueError(f"{len(rows)} rows and {len(columns)} columns do not hold {len(cells)} pictures")
    scale = -(-side // cells[0].shape[0])
    pixels = cells if isinstance(cells, Tensor) else torch.from_numpy(np.stack(list(cells)))
    inner = sheet(pixels, len(columns), scale, clear=True)
    draw = ImageDraw.Draw(inner)
    left = 2 * _MARGIN + max(round(draw.multiline_textbbox((0, 0), text, font=_font())[2]) for text in rows)
    top = 2 * _MARGIN + max(round(draw.multiline_textbbox((0, 0), text, font=_font())[3]) for text in columns)
    paper = Image.new("RGBA", (left + inner.width, top + inner.height), _CLEAR)
    paper.paste(inner, (left, top))
    draw = ImageDraw.Draw(paper)
    height, width = (scale * side + _GAP for side in cells[0].shape[:2])
    for index, text in enumerate(rows):
        middle = (left - _MARGIN, top + _GAP + index * height + height // 2)
        draw.multiline_text(middle, text, fill=INK, font=_font(), anchor="rm", align="right")
    for index, text in enumerate(columns):
        middle = (left + _GAP + index * width + width // 2, top // 2)
        draw.multiline_text(middle, text, fill=INK, font=_font(), anchor="mm", align="center")
    return paper


def captioned(pictures: Sequence[Image.Image], texts: Sequence[str], columns: int, side: int = 160) -> Image.Image:
    """Pictures in rows, each with some lines of text below it, RGBA without a ground.

    Args:
        pictures: RGB of any size; each is scaled to fit a square of `side`.
        texts: one a picture.
        columns: pictures a row.
        side: in pixels.
    """
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    boxes = [measure.multiline_textbbox((0, 0), text, font=_font()) for text in texts]
    width = max(side, *(round(box[2]) for box in boxes)) + 2 * _MARGIN
    height = side + max(round(box[3]) for box in boxes) + 3 * _MARGIN
    rows = -(-len(pictures) // columns)
    paper = Image.new("RGBA", (columns * width, rows * height), _CLEAR)
    draw = ImageDraw.Draw(paper)
    for index, (picture, text) in enumerate(zip(pictures, texts)):
        left, top = index % columns * width + _MARGIN, index // columns * height + _MARGIN
        scale = side / max(picture.size)
        # Small pictures are enlarged in whole squares, so that each pixel can be seen.
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
        shown = picture.resize((round(picture.width * scale), round(picture.height * scale)), how)
        paper.paste(shown, (left, top))
        draw.multiline_text((left, top + side + _MARGIN), text, fill=INK, font=_font())
    return paper


def _font() -> Any:
    return ImageFont.load_default(_TEXT)
