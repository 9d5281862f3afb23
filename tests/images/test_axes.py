"""What is drawn on an axis is what matplotlib's own method draws, to the last byte."""

import io

import numpy as np
import pytest

from sfumato.images import draw_on

ROWS = [[3, 0], [1, 7]]


def drawn(draw):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1.5), layout="constrained")
    axis = figure.subplots()
    draw(axis)
    axis.set_title("a title")
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue()


@pytest.mark.parametrize(
    ("values", "how"),
    [
        (np.arange(60, dtype=np.uint8).reshape(4, 5, 3), {}),
        (ROWS, {"cmap": "Blues", "vmin": 0, "vmax": 7}),
        (ROWS, {"cmap": "Greys", "vmin": 0, "vmax": 21}),
    ],
)
def test_an_axis_is_filled_as_ever(values, how):
    ours = drawn(lambda axis: draw_on(axis, values, **how))
    assert ours == drawn(lambda axis: axis.imshow(values, **how))
    assert ours != drawn(lambda axis: draw_on(axis, np.asarray(values)[::-1], **how))
