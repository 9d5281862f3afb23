"""One page of what runs show, as HTML that needs no network and as PDF."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..checkpoints import atomic_path, write_text
from ..runs import open_folder
from .concepts import concepts_section
from .digits import digits_section
from .embedded import QUICK, TRAINING, WHOLE, run_embedded
from .faces import faces_section
from .found import find_runs
from .parts import Section
from .words import words


@dataclass
class ReportOptions:
    """Put the results of runs on one page, OUT/report.html, and the same as OUT/report.pdf."""

    out: Path
    """Folder to write into; made if missing."""
    run: Tuple[Path, ...] = ()
    """Folders of runs, searched with all below them. Without any, what ships is run first, into OUT/runs: some minutes;
    a second report takes those that are there."""
    quick: bool = False
    """Without --run: a tenth of the pictures and steps, to see what a report looks like; its numbers mean little."""
    title: str = "Diffusion from data to scored pictures"
    """The report's."""
    author: str = ""
    """Whose it is."""
    pdf: bool = True
    """Whether the PDF is written too, which needs `pip install weasyprint`."""


def report(options: ReportOptions) -> List[Path]:
    """Write the report; returns its files.

    Raises:
        UserError: for folders that hold no run.
    """
    folders = options.run
    if not folders:
        runs = open_folder(options.out / ("quick-runs" if options.quick else "runs"))
        run_embedded(runs, QUICK if options.quick else WHOLE)
        folders = (runs, TRAINING)
    found = find_runs(folders)
    sections = [digits_section(found), faces_section(found), concepts_section(found)]
    open_folder(options.out)
    page = options.out / "report.html"
    write_text(page, rendered(sections, options.title, options.author))
    written = [page]
    if options.pdf:
        # On paper nothing unfolds: there the settings stand open.
        paper = _as_pdf(rendered(sections, options.title, options.author, unfolded=True), options.out / "report.pdf")
        written += [paper] if paper else []
    for path in written:
        print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return written


def rendered(sections: List[Section], title: str, author: str = "", unfolded: bool = False) -> str:
    """The page.

    Args:
        sections: in their order.
        title, author: of the page.
        unfolded: whether settings stand open.
    """
    environment = Environment(
        loader=PackageLoader("sfumato.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["with_code"] = _with_code
    return environment.get_template("page.html.j2").render(
        title=title,
        lead=" ".join(part for part in (f"{author}." if author else "", words("lead")) if part),
        sections=sections,
        glance=[row for section in sections for part in section.parts for row in part.glance],
        open=unfolded,
        footer=f"Made by sfumato {__version__}.",
    )


def _with_code(text: str) -> Markup:
    """Plain text as HTML, with what stands between backticks as code."""
    return Markup("").join(
        Markup("<code>{}</code>" if place % 2 else "{}").format(part) for place, part in enumerate(text.split("`"))
    )


def _as_pdf(page: str, path: Path) -> Optional[Path]:
    """The page on A4, or None where the library for it, or what that needs from the system, is missing."""
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        print(f"no PDF: {reason}; `pip install weasyprint` (it needs Pango), or print the HTML from a browser")
        return None
    with atomic_path(path) as beside:
        HTML(string=page).write_pdf(str(beside))
    return path
