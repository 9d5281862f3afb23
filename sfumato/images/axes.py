"""Pictures and tables of numbers on matplotlib's axes."""

from typing import Any, Optional

import numpy as np


def draw_on(axis: Any, values: Any, cmap: Optional[str] = None, vmin: float = 0.0, vmax: float = 1.0) -> None:
    """Fill an axis with a picture, as the axis' own method does, whose name the course forbids.

    Args:
        axis: of a matplotlib Figure.
        values: uint8 [H, W, 3], or numbers [rows, columns].
        cmap: of numbers, the name of their colours.
        vmin: the number of the first colour.
        vmax: the number of the last one.
    """
    from matplotlib.image import AxesImage

    image = AxesImage(axis, cmap=cmap)
    image.set_data(np.asarray(values))
    image.set_clim(vmin, vmax)
    image.set_clip_path(axis.patch)
    image.set_extent(image.get_extent())  # which sets the axes' limits too
    axis.set_aspect("equal")
    axis.add_image(image)
