"""A picture of any size and mode as the array that a network of one size sees."""

from pathlib import PurePath
from typing import Callable, Dict, Tuple

import numpy as np
from PIL import Image, ImageOps

from ..errors import UserError

Size = Tuple[int, int]
"""Height and width."""


def _cropped(image: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(image, size[::-1], Image.Resampling.BICUBIC)


def _squeezed(image: Image.Image, size: Size) -> Image.Image:
    return image.resize(size[::-1], Image.Resampling.BICUBIC)


def _padded(image: Image.Image, size: Size) -> Image.Image:
    inside = ImageOps.contain(image, size[::-1], Image.Resampling.BICUBIC)
    paper = Image.new("RGB", size[::-1], (255, 255, 255))
    paper.paste(inside, ((paper.width - inside.width) // 2, (paper.height - inside.height) // 2))
    return paper


FITS: Dict[str, Callable[[Image.Image, Size], Image.Image]] = {
    "crop": _cropped,
    "pad": _padded,
    "squeeze": _squeezed,
}
"""Rules by name: the shorter side fits, the rest is cut off evenly; all of it fits, on white; each side by itself."""


def fitted(
    image: Image.Image, size: Size, fit: str, channels: int, upscale: bool, where: PurePath, shift: int = 0
) -> np.ndarray:
    """uint8 [channels, height + 2 shift, width + 2 shift].

    Args:
        image: RGB.
        size: of what is seen of it at once.
        fit: one of FITS.
        channels: 3 for colour, 1 for grey (ITU-R 601's luma).
        upscale: whether a smaller picture is enlarged.
        where: the picture's path, for the error.
        shift: pixels more on every side.

    Raises:
        UserError: for a smaller picture that is not to be enlarged.
    """
    height, width = (side + 2 * shift for side in size)
    scales = height / image.height, width / image.width
    if (min(scales) if fit == "pad" else max(scales)) > 1 and not upscale:
        what = f"that {size[1]}x{size[0]} moved by {shift} need" if shift else "asked for"
        raise UserError(
            f"{where}: is {image.width}x{image.height}, smaller than the {width}x{height} {what}; give"
            " larger ones, ask for less with --size, or enlarge such pictures with --upscale, where there is one"
        )
    exact = image if image.size == (width, height) else FITS[fit](image, (height, width))
    pixels = np.asarray(exact.convert("L") if channels == 1 else exact, dtype=np.uint8)
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
