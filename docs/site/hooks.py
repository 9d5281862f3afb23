"""What the site does to its pages beyond Markdown: TeX becomes MathML, and what no reader needs is left out.

MathML is drawn by the browser itself: no script and no font, from this host or another.
"""

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

_TEX = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
_SHORT_CODE = re.compile(r"<code>([^<\n]{1,24})</code>")
_NOT_CONVERTED = re.compile(r"<m[ion]>(\\\w+|&)</m[ion]>")


def mathml(tex: str, display: bool) -> str:
    """An equation as browsers draw it.

    Raises:
        ValueError: for TeX that the converter does not know; it would stand on the page as it is.
    """
    # Code hosts know `aligned` inside of $$, the converter `align*`.
    known = tex.replace("{aligned}", "{align*}")
    drawn = convert(known, display="block" if display else "inline")
    drawn = drawn.replace("<mi>&#x0007E;</mi>", "<mo>&#x223C;</mo>")
    # Bars of a norm would grow one by one, each with what it happens to be in a row with.
    drawn = drawn.replace("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>')
    drawn = drawn.replace('<mi mathvariant="script">N</mi>', "<mi>&#x1D4A9;</mi>")
    unknown = _NOT_CONVERTED.search(drawn)
    if unknown:
        raise ValueError(f"{unknown[1]} in {tex}")
    if not display:
        return drawn
    return f'<div class="equation" tabindex="0">{drawn}</div>'


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """The page's HTML, before the theme is put around it."""

    def equation(found: "re.Match[str]") -> str:
        try:
            return mathml(html.unescape(found[3]).strip(), found[2] == "[")
        except ValueError as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error

    content = _TEX.sub(equation, content)
    return _SHORT_CODE.sub(r'<code class="short">\1</code>', content)  # `--eta` is not parted at its dashes


def on_post_page(output: str, **_: Any) -> str:
    """Without the spaces that lines begin with, which nobody sees: a tenth of the site. Code stays as it is."""
    parts = re.split(r"(<pre\b.*?</pre>)", output, flags=re.DOTALL)
    return "".join(part if place % 2 else re.sub(r"\n\s+", "\n", part) for place, part in enumerate(parts))


def on_post_build(config: Any) -> None:
    """Leave out what no reader asks for: the theme's source maps, how other languages are stemmed, a server's page."""
    site = Path(config.site_dir)
    for path in [*site.rglob("*.map"), *site.glob("assets/javascripts/lunr/**/*.js"), site / "404.html"]:
        path.unlink()
