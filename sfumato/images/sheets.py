"""Many pictures on one sheet.

What has text has no ground: it stands on white and on dark pages alike, and its text is of a tone that is read on both
(`style`). `save_image` and `open_picture` lay it on white where that is asked for.
"""

from typing import Sequence, Tuple, Union

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .films import clear_paper
from .fonts import INK, folded, font
from .style import TEXT, WIDTH

_GAP = 2
_WHITE = (255, 255, 255)
_LEAST = 16
"""Of letters, in pixels; those of sheets that are wider than a page are larger, so that they are read there."""


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
    paper[:] = (*INK, 0) if clear else _WHITE
    for index, picture in enumerate(large):
        top = _GAP + index // columns * (height + _GAP)
        left = _GAP + index % columns * (width + _GAP)
        paper[top : top + height, left : left + width, :3] = picture
        paper[top : top + height, left : left + width, 3:] = 255
    return Image.fromarray(paper)


def sheet_cells(drawn: Image.Image, columns: int, count: int) -> np.ndarray:
    """The pictures of a sheet that `sheet` laid without enlarging them: uint8 [count, H, W, 3].

    Raises:
        ValueError: if it is no such sheet.
    """
    pixels, rows = np.asarray(drawn)[_GAP:, _GAP:, :3], -(-count // columns)
    if pixels.shape[0] % rows or pixels.shape[1] % columns:
        raise ValueError(f"{drawn.width}x{drawn.height} pixels are no sheet of {rows} rows and {columns} columns")
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    grid = pixels.reshape(rows, height, columns, width, 3)[:, : height - _GAP, :, : width - _GAP]
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4).reshape(-1, *grid.shape[1::2], 3)[:count])


def labelled_grid(
    cells: Union[Tensor, Sequence[np.ndarray]],
    rows: Sequence[str],
    columns: Sequence[str],
    side: int = 128,
    corner: str = "",
    fold: bool = False,
) -> Image.Image:
    """Pictures in rows and columns with a label at each, RGBA without a ground.

    Args:
        cells: uint8 [H, W, 3] of one size, row by row; len(rows) * len(columns) of them, or all as [N, H, W, 3].
        rows: labels at the left; may have several lines.
        columns: labels at the top.
        side: pictures lower than this are enlarged by a whole factor to at least this.
        corner: what the columns' labels are values of, at their left.
        fold: whether labels that are wider than a picture, or half as much more at the left, are broken into lines, and
            cut where they would be many.

    Raises:
        ValueError: if the number of cells is another.
    """
    if len(cells) != len(rows) * len(columns):
        raise ValueError(f"{len(rows)} rows and {len(columns)} columns do not hold {len(cells)} pictures")
    scale = -(-side // cells[0].shape[0])
    pixels = cells if isinstance(cells, Tensor) else torch.from_numpy(np.stack(list(cells)))
    inner = sheet(pixels, len(columns), scale, clear=True)
    letters = _Letters(inner.width)
    if fold:
        width = scale * cells[0].shape[1]
        rows = [letters.folded(text, 3 * width // 2) for text in rows]
        columns = [letters.folded(text, width) for text in columns]
    widest = max(letters.size(text)[0] for text in (*rows, corner))
    left = 2 * letters.margin + widest if widest else 0
    top = 2 * letters.margin + max(letters.size(text)[1] for text in (*columns, corner))
    paper = clear_paper(left + inner.width, top + inner.height)
    paper.paste(inner, (left, top))
    height, width = (scale * side + _GAP for side in cells[0].shape[:2])
    letters.write(paper, (left - letters.margin, top // 2), corner, "right")
    for index, text in enumerate(rows):
        letters.write(paper, (left - letters.margin, top + _GAP + index * height + height // 2), text, "right")
    for index, text in enumerate(columns):
        letters.write(paper, (left + _GAP + index * width + width // 2, top // 2), text, "center")
    return paper


def captioned(pictures: Sequence[Image.Image], texts: Sequence[str], columns: int, side: int = 160) -> Image.Image:
    """Pictures in rows, each with some lines of text below it, RGBA without a ground.

    Args:
        pictures: RGB of any size; each is scaled to fit a square of `side`.
        texts: one a picture.
        columns: pictures a row.
        side: in pixels.
    """
    letters = _Letters(columns * side)
    margin = letters.margin
    boxes = [letters.size(text) for text in texts]
    width = max(side, *(box[0] for box in boxes)) + 2 * margin
    height = side + max(box[1] for box in boxes) + 3 * margin
    rows = -(-len(pictures) // columns)
    paper = clear_paper(columns * width, rows * height)
    for index, (picture, text) in enumerate(zip(pictures, texts)):
        left, top = index % columns * width + margin, index // columns * height + margin
        scale = side / max(picture.size)
        # Small pictures are enlarged in whole squares, so that each pixel can be seen.
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
        shown = picture.resize((round(picture.width * scale), round(picture.height * scale)), how)
        paper.paste(shown, (left, top))
        letters.write(paper, (left, top + side + margin), text)
    return paper


class _Letters:
    """The text of a sheet, as large as it must be to be read where a page shows the sheet in its width.

    Args:
        width: of the sheet, about, in pixels.
    """

    def __init__(self, width: int) -> None:
        height = max(_LEAST, round(width * TEXT / WIDTH))
        self.margin, self._font, self._height = height // 2, font(height), height
        self._measure = ImageDraw.Draw(Image.new("L", (1, 1)))

    def folded(self, text: str, width: int) -> str:
        """A text in lines of at most so many pixels, and not many."""
        return folded(text, self._height, width)

    def size(self, text: str) -> Tuple[int, int]:
        """Width and height of some lines."""
        box = self._measure.multiline_textbbox((0, 0), text, font=self._font)
        return round(box[2]), round(box[3])

    def write(self, paper: Image.Image, at: Tuple[int, int], text: str, align: str = "left") -> None:
        """Lines whose left upper corner is at a place, or the middle of their right side, or their middle."""
        anchor = {"left": "la", "right": "rm", "center": "mm"}[align]
        ink = (*INK, 255)
        ImageDraw.Draw(paper).multiline_text(at, text, fill=ink, font=self._font, anchor=anchor, align=align)
