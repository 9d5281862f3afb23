"""The section of comparisons: two settings of a painting on one sheet, and which name CLIP finds for pictures."""

from .found import Found, Note, short
from .parts import Part, Section
from .section import Kind, section
from .shots import picture
from .words import words


def comparing_section(found: Found) -> Section:
    """Grids and classified pictures, of what is there."""
    return section("Compared", [], [Kind("grid", _grid), Kind("classify", _classified)], found)


def _grid(note: Note) -> Part:
    settings = note.settings
    across, down = settings["across"][0], (settings["down"] or [""])[0]
    path = note.file("grid.png")
    caption = words("caption.grid" if down else "caption.grid-row", across=across, down=down)
    figures = [picture(path, f"a grid of pictures, {across} from left to right", caption, note)] if path else []
    return Part(f"{across}{' and ' * bool(down)}{down} in {short(note.folder)}", figures=figures)


def _classified(note: Note) -> Part:
    content, path = note.content, note.file("classify.png")
    caption = words("caption.classify", clip=content["clip"], names=len(content["names"]))
    figures = [picture(path, "pictures, each with its likeliest names as bars", caption, note)] if path else []
    return Part(f"Which name fits, in {short(note.folder)}", figures=figures)
