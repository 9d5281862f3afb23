"""Pages: templates filled in, as HTML that needs no network and as paper."""

import contextlib
import os
import re
from typing import Any, Iterator, List, Mapping, Optional, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..errors import first_line
from .numbering import REFERENCE

GET_PDF = "`pip install weasyprint` (it needs Pango)"
"""What to do where no PDF can be made."""
_DPI = 200
"""Of pictures on paper."""
_LETTERS, _FULL = (10.4, 10.8, 10.0, 9.6, 11.2, 9.2), 0.67
"""Sizes of letters on paper, in points, the best first; and how full each sheet is to be."""
_MARKS = re.compile(r"`([^`]*)`|\$([^$]*)\$|\*([^*]+)\*")
_RAISED = re.compile(r"([_^])(\w+|\*)")
_TAGS = {"_": "sub", "^": "sup"}


def filled(template: str, **content: Any) -> str:
    """A page from a template of this folder."""
    environment = Environment(
        loader=PackageLoader("sfumato.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["prose"] = prose
    # What made a picture stands in its own order: prompt and seed first.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    page = environment.get_template(template).render(**content)
    # Names of files may hold bytes that are no UTF-8; they are shown as escapes.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def prose(text: str, figures: Optional[Mapping[str, int]] = None) -> Markup:
    """Plain text as HTML: `code`, $x_T$ as a symbol with what is lowered (_) or raised (^), and *titles* slanted.

    Args:
        text: with references to figures such as (@eta).
        figures: key -> number of those that are on the page; a reference to another is left out.
    """
    pieces = REFERENCE.split(text)
    shown = [_marked(pieces[0])]
    for keys, after in zip(pieces[1::2], pieces[2::2]):
        there = [figures[key] for key in re.findall(r"[\w-]+", keys) if figures and key in figures]
        links = Markup(", ").join(Markup('<a href="#figure-{0}">Figure {0}</a>').format(number) for number in there)
        shown += [Markup(" ({})").format(links) if there else Markup(""), _marked(after)]
    return Markup("").join(shown)


def _marked(text: str) -> Markup:
    parts, end = [], 0
    for found in _MARKS.finditer(text):
        parts.append(Markup("{}").format(text[end : found.start()]))
        code, symbol, title = found.groups()
        if code is not None:
            parts.append(Markup("<code>{}</code>").format(code))
        elif symbol is not None:
            parts.append(Markup("<i>{}</i>").format(_symbol(symbol)))
        else:
            parts.append(Markup("<em>{}</em>").format(title))
        end = found.end()
    return Markup("").join([*parts, Markup("{}").format(text[end:])])


def _symbol(text: str) -> Markup:
    pieces = _RAISED.split(text)
    shown = Markup("{}").format(pieces[0])
    for mark, raised, after in zip(pieces[1::3], pieces[2::3], pieces[3::3]):
        shown += Markup(f"<{_TAGS[mark]}>{{}}</{_TAGS[mark]}>{{}}").format(raised, after)
    return shown


def missing_for_pdf() -> Optional[str]:
    """Why no PDF can be made here, in a line; None where one can."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        return first_line(error)
    return None


def as_pdf(page: str, letters: Sequence[float] = _LETTERS) -> bytes:
    """The page on A4; the same page always gives the same bytes.

    Args:
        page: as HTML.
        letters: sizes in points, of which the first is taken that leaves no sheet more than a third empty, or the one
            that comes nearest to that.
    """
    with _timeless():
        printed: bytes = laid_out(page, letters).write_pdf(dpi=_DPI)
    return printed


def laid_out(page: str, letters: Sequence[float] = _LETTERS) -> Any:
    """The sheets of `as_pdf`, as its library has them."""
    from weasyprint import HTML

    best, most = None, -1.0
    for points in letters:
        sized = f"<style>@media print {{ body {{ font-size: {points}pt }} }}</style></head>"
        tried = HTML(string=page.replace("</head>", sized, 1)).render(dpi=_DPI)
        least = min(fullness(tried))
        if least > most:
            best, most = tried, least
        if most >= _FULL:
            break
    return best


def fullness(document: Any) -> List[float]:
    """How far down each sheet of a laid-out document is filled, 0 ... 1; 1 where the library does not say."""
    found = []
    for sheet in document.pages:
        box = getattr(sheet, "_page_box", None)
        if box is None:
            return [1.0] * len(document.pages)
        # A line of text, or a picture: what holds others may be stretched.
        ends = [
            one.position_y + one.height for one in box.children[0].descendants() if not getattr(one, "children", ())
        ]
        top, height = box.margin_top, box.height
        found.append(min(1.0, max(0.0, max(ends, default=top) - top) / height))
    return found


@contextlib.contextmanager
def _timeless() -> Iterator[None]:
    """Have the fonts inside a PDF tell no time of their making, unless the user's own is told."""
    told = "SOURCE_DATE_EPOCH" in os.environ
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    try:
        yield
    finally:
        if not told:
            del os.environ["SOURCE_DATE_EPOCH"]
