"""The digits' section."""

import re
from dataclasses import replace
from typing import Any, List, Mapping, Optional, Sequence

import numpy as np
import torch

from ..images import crossed_out, open_picture, read_film, sheet
from .curves import confusions
from .found import Found, Note, short
from .parts import Figure, Part, Section, Shot, Table, of
from .section import Kind, section
from .shots import image, moving, picture, shot, told
from .training import training
from .words import in_a_row, words

NAMES = {"mnistm": "MNIST-M", "svhn": "SVHN"}
_JUDGES = {
    "Classifier.pth": "the course's Classifier.pth",
    "timm resnet34_svhn": "timm's resnet34_svhn",
    **{f"sfumato judge of {dataset}": f"our own judge of {name}" for dataset, name in NAMES.items()},
}
_SHOWN = 50
_MOST_MISSES, _MISS = 12, 224
"""Misread digits that are shown, and how many pixels wide."""
_SWEPT = re.compile(r"^guidance scale ([\d.]+): (\d+ of \d+) read as asked$")
_READ = re.compile(r"^t = (\d+): (\d+) of (\d+) read in x0, (\d+) in x_t$")
_LEGIBLE = 0.9
_FRONT = ("read as asked", "recall", "distance")
_METHOD = ("network", "objective", "guidance", *(f"difficulty.{what}" for what in ("svhn", "guidance", "time")))


def digits_section(found: Found) -> Section:
    """Pictures, the reverse process, accuracy, confusion, variety and training curves, of what is there."""
    scores = "accuracy: `sfumato digits generate OUT`, then `sfumato digits evaluate OUT`"
    kinds = [
        Kind("digits figures", _figures, "sheets and the reverse process: `sfumato digits figures OUT`"),
        Kind("digits evaluate", _scores, scores, measures="digits generate"),
        Kind("digits generate", _painted),
        Kind("digits front", _front),
        Kind("digits train", training, "training curves: `sfumato digits train hw2_data/digits RUN`"),
    ]
    method = [words(f"digits.{name}") for name in _METHOD]
    return section("Digits: two datasets, from noise", [words("digits")], kinds, found, method)


def _figures(note: Note) -> Part:
    figures = sheets(note)
    for dataset, name in NAMES.items():
        figures += reverse(note, dataset, name)
    for dataset, name in NAMES.items():
        figures += _guided(note, dataset, name)
    return Part("Painted digits", figures=figures)


def sheets(note: Note) -> List[Figure]:
    """Ten by ten digits of each dataset."""
    there = [(note.file(f"{dataset}-sheet.png"), name) for dataset, name in NAMES.items()]
    return [
        picture(path, f"ten by ten painted digits, {name}", words("caption.sheet", name=name), note, "sheet")
        for path, name in there
        if path
    ]


def reverse(note: Note, dataset: str, name: str) -> List[Figure]:
    """How noise becomes digits of a dataset."""
    film = note.file(f"{dataset}-reverse-process.webp")
    caption = " ".join([words("caption.reverse", name=name), *(_legible(read_film(film)[1]) if film else [])])
    alt = f"digits coming out of noise, {name}"
    found = moving(note, f"{dataset}-reverse-process", alt, caption, "t", "reverse")
    # Ten digits in rows are too small on paper.
    paper = [figure.shots[0] for figure in first_zero(note, dataset, name)]
    return [replace(figure, paper=next(iter(paper), None)) for figure in found]


def _legible(labels: Sequence[str]) -> List[str]:
    """From which times on nine of ten digits are read as asked, in a sentence; [] where the film does not say."""
    told = [match.groups() for match in map(_READ.match, labels) if match]
    since = {}
    for what, read in (("clean", 1), ("noisy", 3)):
        last = None
        for one in reversed(told):
            if int(one[read]) < _LEGIBLE * int(one[2]):
                break
            last = f"t = {one[0]} on ({one[read]} of {one[2]})"
        since[what] = last
    return [words("caption.legible", **since)] if all(since.values()) else []


def first_zero(note: Note, dataset: str, name: str) -> List[Figure]:
    """Six moments of how the first 0 of a dataset came out of noise."""
    caption = words("caption.first-zero", name=name)
    return moving(note, f"{dataset}-first-zero", f"six moments of painting a zero, {name}", caption, "t", "reverse")


def _guided(note: Note, dataset: str, name: str) -> List[Figure]:
    """The same noises at several guidance scales."""
    alt = f"digits at several guidance scales, {name}"
    found = moving(note, f"{dataset}-guidance", alt, "", "guidance scale", "guidance")
    seen = ", ".join(_SWEPT.sub(r"\2 at \1", one.label) for figure in found for one in figure.shots[1:])
    return [replace(figure, caption=words("caption.guidance", name=name, seen=seen)) for figure in found]


def _painted(note: Note) -> Part:
    figures = []
    for dataset, name in NAMES.items():
        paths = note.pictures(dataset)
        picked = [paths[place * len(paths) // _SHOWN] for place in range(_SHOWN)] if len(paths) > _SHOWN else paths
        if picked:
            pixels = torch.stack([torch.from_numpy(np.array(open_picture(path))) for path in picked])
            caption = f"{name}: {len(picked)} of {len(paths)} pictures, in the order of their names."
            drawn = sheet(pixels, columns=min(10, len(picked)), clear=True)
            figures.append(image(drawn, f"painted digits, {name}", caption, told(picked[0], note)))
    return Part(f"Digits in {short(note.folder)}", figures=figures)


def _scores(note: Note) -> Part:
    datasets = note.content["datasets"]
    rows = [
        [
            NAMES.get(one["dataset"], one["dataset"]),
            of(one["accuracy"], one["pictures"]),
            f"{one['recall']:.2f}",
            f"{one['precision']:.2f}",
            f"{one['frechet_distance']:.2f}",
            _JUDGES.get(one["judge"], one["judge"]),
        ]
        for one in datasets
    ]
    header = ["dataset", "read as asked", "recall", "precision", "Frechet distance", "judge"]
    glance = [(f"{row[0]}: digits read as asked, by {row[5]}", row[1]) for row in rows]
    glance += [(f"{row[0]}: share of real digits that have a painted one near them (recall)", row[2]) for row in rows]
    return Part(
        "Accuracy and variety",
        words=[words("digits.accuracy", accuracies=accuracies(datasets), mean=together(datasets))],
        figures=[confused(datasets), *_misread(note)],
        tables=[Table("How many digits are read as asked, and how they compare with real ones.", header, rows)],
        glance=glance,
    )


def _front(note: Note) -> Part:
    """What accuracy costs in variety, at several guidance scales."""
    points, real = note.content["points"], note.settings["real"]
    path, count = note.file("front.png"), points[0]["datasets"][0]["pictures"]
    told = {"count": count, "against": note.settings["against"], "judge": note.settings["judge"]}
    halves = in_a_row([f"{one['recall_of_halves']:.2f} for {NAMES.get(name, name)}" for name, one in real.items()])
    caption = words("caption.front", halves=halves, **told)
    header = ["label", "weak", *(f"{NAMES.get(name, name)}: {what}" for name in real for what in _FRONT)]
    rows = [
        [
            _scale(point["guidance_scale"], point["guide_from"]),
            _scale(point["weak_scale"], point["weak_from"]),
            *(cell for one in point["datasets"] for cell in _front_cells(one)),
        ]
        for point in points
    ]
    return Part(
        "What accuracy costs in variety",
        words=[words("digits.front")],
        figures=[picture(path, "accuracy against recall and Frechet distance", caption, note, "front")] if path else [],
        tables=[Table(words("caption.front.table", **told), header, rows)],
    )


def _scale(scale: float, begin: Optional[float]) -> str:
    """A guidance scale and from which time on it holds."""
    return "none" if scale == 1 else f"{scale:g}" if begin is None else f"{scale:g} from {begin:g}"


def _front_cells(one: Mapping[str, Any]) -> List[str]:
    return [of(one["accuracy"], one["pictures"]), f"{one['recall']:.2f}", f"{one['frechet_distance']:.2f}"]


def confused(datasets: Sequence[Mapping[str, Any]]) -> Figure:
    """What was read in the pictures of each digit."""
    tables = {NAMES.get(one["dataset"], one["dataset"]): one["confusion"] for one in datasets}
    often = [text for one in datasets for text in mistakes(one)[:1]]
    most = words("caption.confusion.most", mistakes=in_a_row(often)) if often else words("caption.confusion.none")
    caption = words("caption.confusion", right=together(datasets), most=most)
    return replace(confusions(tables, "confusion matrices of the painted digits", caption), key="confusion")


def _misread(note: Note) -> List[Figure]:
    """The digits that were read as something else, crossed out."""
    shots: List[Shot] = []
    asked = [(one, miss) for one in note.content["datasets"] for miss in one.get("misread", [])]
    for one, miss in asked[:_MOST_MISSES]:
        path = note.file(f"{one['dataset']}/{miss['picture']}")
        if path:
            name = NAMES.get(one["dataset"], one["dataset"])
            label = f"{name} {miss['asked']}, read as {miss['read']}"
            drawn = crossed_out(open_picture(path), _MISS)
            shots.append(shot(drawn, f"misread digit, crossed out: {label}", label, told=told(path, note)))
    some = f" (here are {len(shots)})" if len(shots) < len(asked) else ""
    pictures = sum(one["pictures"] for one in note.content["datasets"])
    caption = words("caption.misread", misread=of(len(asked), pictures), some=some)
    return [Figure(shots, caption, "row", key="misread")] if shots else []


def together(datasets: Sequence[Mapping[str, Any]]) -> str:
    pictures = [one["pictures"] for one in datasets]
    return of(sum(round(one["accuracy"] * one["pictures"]) for one in datasets), sum(pictures))


def accuracies(datasets: Sequence[Mapping[str, Any]]) -> str:
    """The accuracy of each dataset and who judged it, in words."""
    told = "; ".join(
        f"{of(one['accuracy'], one['pictures'])} {NAMES.get(one['dataset'], one['dataset'])} pictures are read as"
        f" asked by {_JUDGES.get(one['judge'], one['judge'])}"
        for one in datasets
    )
    return told[:1].upper() + told[1:]


def mistakes(dataset: Mapping[str, Any]) -> List[str]:
    """What was misread, the most frequent first, in words."""
    name = NAMES.get(dataset["dataset"], dataset["dataset"])
    found = [
        (count, f"{asked} of {name} read as {read} ({of(count, sum(row))})")
        for asked, row in enumerate(dataset["confusion"])
        for read, count in enumerate(row)
        if count and asked != read
    ]
    return [text for _, text in sorted(found, key=lambda one: -one[0])]
