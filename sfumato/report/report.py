"""One page of what runs show, as HTML that needs no network and as PDF."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple, Union

from .. import __version__
from ..checkpoints import atomic_path, shortened, write_text
from ..errors import UserError
from ..outputs import open_folder
from .comparing import comparing_section
from .concepts import concepts_section
from .digits import digits_section
from .embedded import QUICK, TRAINING, WHOLE, run_embedded
from .faces import faces_section
from .found import find_runs
from .numbering import numbered, numbers_of
from .pages import GET_PDF, as_pdf, filled, missing_for_pdf
from .parts import Figure, Section, Table
from .pictures import pictures_section
from .words import words

_FOOTER = "Made by sfumato"
"""By which a page is known as an earlier report."""


@dataclass
class ReportOptions:
    """Put the results of runs on one page, OUT/report.html, and the same as OUT/report.pdf."""

    out: Path
    """Folder to write into; made if missing."""
    run: Optional[Tuple[Path, ...]] = None
    """Folders of runs, searched with all below them. Without this, what ships is run first, into OUT/runs, which
    takes some minutes; a second report takes those that are there."""
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
        UserError: for folders that hold no run, or an output that cannot be written.
    """
    page, paper = options.out / "report.html", options.out / "report.pdf"
    for path in (page, paper):
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give another output path, or move it away")
    folders = _folders(options)
    found = find_runs(folders)
    jobs = (digits_section, faces_section, concepts_section, pictures_section, comparing_section)
    sections = [one(found) for one in jobs]
    # What is not there is told after what is.
    sections = sorted((one for one in sections if one.parts or one.absent), key=lambda one: not one.parts)
    if not any(section.parts for section in sections):
        where, there = ", ".join(map(str, folders)), ", ".join(map(shortened, sorted(found.notes)))
        raise UserError(f"{where}: nothing to show: there are runs of {there} only; add --run folders")
    # On paper nothing unfolds: there the settings stand open.
    printed = _printed(rendered(sections, options.title, options.author, paper=True)) if options.pdf else None
    open_folder(options.out)
    again = page.is_file() and _FOOTER in page.read_text(encoding="utf-8", errors="replace")
    write_text(page, rendered(sections, options.title, options.author))
    written = [page]
    if printed:
        with atomic_path(paper) as beside:
            beside.write_bytes(printed)
        written.append(paper)
    elif again and paper.exists():
        paper.unlink()
        print(f"removed {paper}, which showed an earlier report")
    for path in written:
        print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return written


def _folders(options: ReportOptions) -> Sequence[Path]:
    """Where to look for runs; those of what ships are made first."""
    if options.run is None:
        runs = open_folder(options.out / ("quick-runs" if options.quick else "runs"))
        run_embedded(runs, QUICK if options.quick else WHOLE)
        return runs, TRAINING
    if not options.run:
        raise UserError("--run: give at least one folder, or leave it out to run what ships")
    if options.quick:
        raise UserError("--quick: is for running what ships; leave it out where --run gives runs")
    return options.run


def rendered(sections: List[Section], title: str, author: str = "", paper: bool = False) -> str:
    """The page, its figures and tables numbered.

    Args:
        sections: in their order.
        title, author: of the page.
        paper: whether it is for paper, where settings stand open and no script runs.
    """
    parts = [part for section in sections for part in section.parts]
    rows = [row for part in parts for row in part.glance]
    glance = [Table("At a glance.", ["what", "measured"], rows)] if rows else []
    blocks: List[Union[Figure, Table]] = [*glance]
    for part in parts:
        blocks += [*part.figures, *part.tables]
    numbered(blocks)
    everywhere, runs = numbers_of(blocks), [part for part in parts if part.settings]
    for place, part in enumerate(runs, 1):
        part.run = place
    for part in (*parts, *(section.method for section in sections if section.method)):
        part.references = {**everywhere, **numbers_of(part.figures)}
    return filled(
        "page.html.j2",
        title=title,
        lead=" ".join(part for part in (f"{author}." if author else "", words("lead")) if part),
        sections=sections,
        references=everywhere,
        glance=next(iter(glance), None),
        runs=runs,
        open=paper,
        scripted=not paper,
        footer=f"{_FOOTER} {__version__}.",
    )


def _printed(page: str) -> Optional[bytes]:
    """The page on A4, or None where the library for it, or what that needs from the system, is missing."""
    reason = missing_for_pdf()
    if reason:
        print(f"no PDF: {reason}; {GET_PDF}, or print the HTML from a browser")
    return None if reason else as_pdf(page)
