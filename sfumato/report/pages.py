"""Pages: templates filled in, as HTML that needs no network and as paper."""

import contextlib
import os
import re
from typing import Any, Iterator, Mapping, Optional

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..errors import first_line
from .numbering import REFERENCE

GET_PDF = "`pip install weasyprint` (it needs Pango)"
"""What to do where no PDF can be made."""
_DPI = 200
"""Of pictures on paper."""
_MARKS = re.compile(r"`([^`]*)`|\$([^$]*)\$|\*([^*]+)\*")
_RAISED = re.compile(r"([_^])(\w+|\*)")
_TAGS = {"_": "sub", "^": "sup"}


def filled(template: str, **content: Any) -> str:
    """A page from a template of this folder."""
    environment = Environment(
        loader=PackageLoader("sfumato.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["prose"] = prose
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


def as_pdf(page: str) -> bytes:
    """The page on A4; the same page always gives the same bytes."""
    from weasyprint import HTML

    with _timeless():
        printed: bytes = HTML(string=page).write_pdf(dpi=_DPI)
    return printed


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
