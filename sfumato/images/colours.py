"""From whatever colours a picture has to red, green and blue of 8 bits."""

from typing import Any, Optional

import numpy as np
from PIL import Image

_WHITE = (255, 255, 255)
_STEPS = {"L;2": 85, "L;4": 17}
"""Grey levels from one stored number to the next, where fewer than 8 bits are stored."""


class ColourError(Exception):
    """Numbers of which nobody says what colour they are; its text goes behind a file's name."""


def stored_as(image: Any) -> str:
    """How an opened picture's numbers lie in its file, which Pillow forgets once it has decoded them."""
    told = image.tile[0][3] if getattr(image, "tile", None) else ""
    return str(told[0] if isinstance(told, tuple) and told else told)


def in_rgb(image: Image.Image, stored: str) -> Image.Image:
    """A new picture in RGB.

    Grey of 16 bits is divided by 257, which takes 65535 to 255; a palette, CMYK and 1 bit become what Pillow makes of
    them; what is transparent is laid on white.

    Args:
        image: decoded.
        stored: of `stored_as`, before it was decoded.

    Raises:
        ColourError: for numbers of 32 bits or in floating point, whose white is in no file.
        ValueError: for colours that Pillow does not convert.
    """
    key = image.info.get("transparency")
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return _of_sixteen_bits(image, stored, key)
    if image.mode in ("I", "F"):
        raise ColourError("holds numbers of which it does not say which one is white; save it with 8 or 16 bits")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or (image.mode == "P" and _has_alpha(image)):
        return on_white(image.convert("RGBA"))
    if key is not None and image.mode in ("1", "L", "RGB"):
        return _without_key(image, stored, key)
    return image.convert("RGB")


def _has_alpha(image: Image.Image) -> bool:
    return "transparency" in image.info or (image.palette is not None and image.palette.mode.endswith("A"))


def on_white(image: Image.Image) -> Image.Image:
    """A picture of mode RGBA in RGB, what is transparent laid on white."""
    ground = Image.new("RGB", image.size, _WHITE)
    ground.paste(image, mask=image)
    return ground


def _of_sixteen_bits(image: Image.Image, stored: str, key: Optional[int]) -> Image.Image:
    values = np.asarray(image).astype(np.uint16)
    # TIFFs may hold 12 bits, and may count from white to black.
    white = 4095 if stored.startswith("I;12") else 65535
    grey = ((np.arange(white + 1) * 255 + white // 2) // white).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(262) == 0:
        grey = grey[::-1]
    shown = grey[np.minimum(values, white)]
    if key is not None:
        shown[values == key] = 255
    return Image.fromarray(shown).convert("RGB")


def _without_key(image: Image.Image, stored: str, key: Any) -> Image.Image:
    """A PNG or GIF in which one colour stands for nothing; Pillow compares it in other numbers than it is stored in."""
    if ";16" in stored:
        raise ColourError("has 16 bits a colour and one that is transparent; save it with 8 bits or an alpha channel")
    pixels = np.array(image.convert("RGB"))
    colour = np.array(key) * _STEPS.get(stored, 1) if image.mode != "1" else np.array(255 if key else 0)
    pixels[(pixels == colour).all(axis=-1)] = 255
    return Image.fromarray(pixels)
