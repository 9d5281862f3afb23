"""Equations as drawings: the maker of PDFs knows no MathML, and matplotlib sets TeX's mathematics by itself."""

import io
from base64 import b64encode
from typing import NamedTuple

_SIZE = 13
_MARGIN = 2


class Equation(NamedTuple):
    """An equation inside a page."""

    source: str
    """A data URI."""
    alt: str
    """The equation in TeX."""
    width: float
    """In points, as it is to be shown."""


def equation(tex: str) -> Equation:
    """One line of mathematics.

    Args:
        tex: what matplotlib's mathtext knows of TeX, without dollars.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    text = f"${tex}$"
    # Letters are drawn as shapes, since no reader's machine needs to have TeX's fonts; names are the same every time.
    with matplotlib.rc_context({"mathtext.fontset": "stix", "svg.fonttype": "path", "svg.hashsalt": "sfumato"}):
        font = FontProperties(size=_SIZE)
        width, height, depth, *_ = MathTextParser("path").parse(text, dpi=72, prop=font)
        width, height, depth = width + 2 * _MARGIN, height + 2 * _MARGIN, depth + _MARGIN
        drawn = Figure(figsize=(width / 72, height / 72))
        drawn.patch.set_alpha(0)
        drawn.text(_MARGIN / width, depth / height, text, fontproperties=font)
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return Equation(f"data:image/svg+xml;base64,{b64encode(buffer.getvalue()).decode()}", tex, width)
