"""From whatever colours a picture has to red, green and blue of 8 bits."""

from typing import Any, Optional

import numpy as np
from PIL import Image

_WHITE = 255
_STEPS = {"L;2": 85, "L;4": 17}
"""Grey levels from one stored number to the next, where fewer than 8 bits are stored."""
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


class ColourError(Exception):
    """Numbers of which nobody says what colour they are; its text goes behind a file's name."""


def stored_as(image: Any) -> str:
    """How an opened picture's numbers lie in its file, which Pillow forgets once it has decoded them."""
    told = image.tile[0][3] if getattr(image, "tile", None) else ""
    return str(told[0] if isinstance(told, tuple) and told else told)


def in_rgb(image: Image.Image, stored: str, ground: int = _WHITE) -> Image.Image:
    """A new picture in RGB.

    Grey of 16 bits is divided by 257, which takes 65535 to 255; a palette, CMYK and 1 bit become what Pillow makes of
    them; what is transparent is laid on a ground.

    Args:
        image: decoded.
        stored: of `stored_as`, before it was decoded.
        ground: its grey level; white by default.

    Raises:
        ColourError: for numbers of 32 bits or in floating point, whose white is in no file.
        ValueError: for colours that Pillow does not convert.
    """
    key = image.info.get("transparency")
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return _of_sixteen_bits(image, stored, key, ground)
    if image.mode in ("I", "F"):
        raise ColourError("holds numbers of which it does not say which one is white; save it with 8 or 16 bits")
    if image.mode in _WITH_ALPHA or (image.mode == "P" and may_be_transparent(image)):
        return _laid_on(image.convert("RGBA"), ground)
    if key is not None and image.mode in ("1", "L", "RGB"):
        return _without_key(image, stored, key, ground)
    return image.convert("RGB")


def may_be_transparent(image: Image.Image) -> bool:
    """Whether a picture says of its pixels how opaque they are, or has a colour that stands for nothing."""
    palette = image.palette.mode if image.mode == "P" and image.palette is not None else ""
    return image.mode in _WITH_ALPHA or "transparency" in image.info or palette.endswith("A")


def on_white(image: Image.Image) -> Image.Image:
    """A picture of mode RGBA in RGB, what is transparent laid on white."""
    return _laid_on(image, _WHITE)


def _laid_on(image: Image.Image, ground: int) -> Image.Image:
    paper = Image.new("RGB", image.size, (ground, ground, ground))
    paper.paste(image, mask=image)
    return paper


def _of_sixteen_bits(image: Image.Image, stored: str, key: Optional[int], ground: int) -> Image.Image:
    values = np.asarray(image).astype(np.uint16)
    # TIFFs may hold 12 bits, and may count from white to black.
    white = 4095 if stored.startswith("I;12") else 65535
    grey = ((np.arange(white + 1) * 255 + white // 2) // white).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(262) == 0:
        grey = grey[::-1]
    shown = grey[np.minimum(values, white)]
    if key is not None:
        shown[values == key] = ground
    return Image.fromarray(shown).convert("RGB")


def _without_key(image: Image.Image, stored: str, key: Any, ground: int) -> Image.Image:
    """A PNG or GIF in which one colour stands for nothing; Pillow compares it in other numbers than it is stored in."""
    if ";16" in stored:
        raise ColourError("has 16 bits a colour and one that is transparent; save it with 8 bits or an alpha channel")
    pixels = np.array(image.convert("RGB"))
    colour = np.array(key) * _STEPS.get(stored, 1) if image.mode != "1" else np.array(255 if key else 0)
    pixels[(pixels == colour).all(axis=-1)] = ground
    return Image.fromarray(pixels)
