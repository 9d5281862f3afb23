"""Marks on pictures that are seen without colour."""

from PIL import Image, ImageDraw

_LIGHT, _DARK = (255, 255, 255), (176, 0, 32)
_SHARE = 14
"""A line is as wide as this part of the picture's shorter side."""


def crossed_out(picture: Image.Image, side: int) -> Image.Image:
    """A picture that is wrong: enlarged to a square of `side` pixels, each of its own still seen, struck through from
    corner to corner, and marked with a cross in the upper right one.

    The line is dark with a light rim, so that it stands out on any picture, in grey too.
    """
    shown = picture.convert("RGB").resize((side, side), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(shown)
    wide, mark = max(2, side // _SHARE), side // 4
    edge = side - 1
    lines = [((0, edge), (edge, 0))]
    inset = mark // 4
    box = (side - mark, 0, edge, mark)
    cross = [
        ((box[0] + inset, inset), (edge - inset, mark - inset)),
        ((box[0] + inset, mark - inset), (edge - inset, inset)),
    ]
    for line in lines:
        draw.line(line, fill=_LIGHT, width=wide)
        draw.line(line, fill=_DARK, width=max(1, wide // 2))
    draw.rectangle(box, fill=_LIGHT)
    for line in cross:
        draw.line(line, fill=_DARK, width=max(2, wide // 2))
    return shown
