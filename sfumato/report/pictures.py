"""The section of one's own pictures: what was painted, how good it is beside real ones, and how it was learned."""

from typing import Any, List, Mapping

from .found import Found, Note, short
from .parts import Figure, Part, Section, Table, of, some_of
from .section import Kind, section
from .shots import cells, picture
from .training import training
from .words import words

_SHOWN, _LABELS = 6, 12
"""Pictures of a label, and labels, that are shown."""
_COLUMNS = {"painted": "all painted", "alike": "painted", "real": "real"}
_ROWS = {
    "frechet_distance": "Frechet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
}


def pictures_section(found: Found) -> Section:
    """Painted pictures, their measures and training curves, of what is there."""
    kinds = [
        Kind("pictures evaluate", _scores, measures="pictures generate"),
        Kind("pictures generate", _painted),
        Kind("pictures train", _trained),
    ]
    return section("Pictures of one's own", [words("pictures")], kinds, found)


def _painted(note: Note) -> Part:
    return Part(f"Pictures in {short(note.folder)}", figures=_shown(note))


def _shown(note: Note) -> List[Figure]:
    """The first pictures of each label, a row each; of a model without labels the first of all."""
    folders = ["", *sorted(path.name for path in note.folder.iterdir() if path.is_dir() and path.name[0] != ".")]
    rows = [(folder, paths) for folder, paths in ((folder, _paths(note, folder)) for folder in folders) if paths]
    figures = []
    for folder, paths in rows[:_LABELS]:
        shown = paths[:_SHOWN]
        what = words("caption.label" if folder else "caption.no-label", label=folder)
        caption = words("caption.painted", what=what, some=some_of(len(shown), len(paths)))
        figures.append(Figure(cells(shown, f"painted picture{folder and f', {folder}'}", note), caption, "row"))
    return figures


def _paths(note: Note, folder: str) -> List[Any]:
    # Sheets lie beside pictures without labels.
    return [path for path in note.pictures(folder) if path.stem.isdecimal()]


def _scores(note: Note) -> Part:
    content = note.content
    copying = content["copying"]
    share = of(copying["share"], copying["painted"])
    rows = [[title, *(f"{content[one][name]:.3f}" for one in _COLUMNS)] for name, title in _ROWS.items()]
    # Only some features have a detector.
    if content["painted"].get("found") is not None:
        rows.append(["faces found", *(f"{content[one]['found']:.1%}" for one in _COLUMNS)])
    counts = ["pictures", *(f"{content[one]['pictures']:,}" for one in _COLUMNS)]
    against = ["against real ones", *(f"{content[one]['against']:,}" for one in _COLUMNS)]
    table = Table(
        words("caption.compared", features=content["features"], dimensions=content["dimensions"]),
        ["", *_COLUMNS.values()],
        [counts, against, *rows],
    )
    told = {"verdict": copying["verdict"], "share": share, "fresh": f"{copying['fresh_share']:.1%}"}
    sheet, figures = note.file("sheet-nearest.png"), _shown(note)
    if sheet:
        alt = "painted pictures, each above the training picture that is nearest to it"
        figures.append(picture(sheet, alt, words("caption.nearest", **told), note, "nearest"))
    return Part(
        f"Measured: {short(note.folder)}",
        figures=figures,
        tables=[table],
        reasons=[words("pictures.copying", **told), *content["cautions"]],
        glance=_glance(content, share),
    )


def _glance(content: Mapping[str, Any], share: str) -> List[Any]:
    recall = words("pictures.recall", real=f"{content['real']['recall']:.2f}")
    return [
        (recall, f"{content['alike']['recall']:.2f}"),
        ("painted pictures that are nearer to a training picture than one in twenty unlearned ones is", share),
    ]


def _trained(note: Note) -> Part:
    part, seen = training(note), note.file("pictures.png")
    if seen:
        part.figures.insert(0, picture(seen, "pictures that are learned from", words("caption.seen"), note, "seen"))
    return part
