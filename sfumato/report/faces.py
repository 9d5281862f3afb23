"""The faces' section."""

import math
from typing import Any, Dict, List

from ..images import captioned, open_picture
from .curves import lines_over_times
from .found import Found, Note, short
from .parts import Figure, Part, Section, Table, image, picture
from .section import Kind, section
from .training import training
from .words import in_a_row, words

_SHOWN = 10
_EARLY = (861, 761)
"""Times at which the first noise is looked for."""
_DRAWINGS = {
    "difference": ("ours, the truth and their difference", "The difference is enhanced."),
    "eta": ("faces at several etas", "Each row is one noise, each column one eta."),
    "between": (
        "faces between two noises, a row along the arc and a row along the straight line",
        "From one noise to the other: along the arc (slerp) above, along the straight line (lerp) below.",
    ),
    "paths": (
        "norm of the noise, contrast and detail of the face along both paths",
        "What the network is given, and what it makes of it.",
    ),
    "scaled": ("faces of noises that were made shorter", "Each row is one length, each column one noise."),
    "invert": ("a picture and what its inverted noises paint", "The picture comes first."),
}
"""Name of a drawing -> what it shows, and its caption."""


def faces_section(found: Found) -> Section:
    """Exactness, the eta grid, slerp and lerp, inversion, of what is there."""
    exactness = "exactness: `sfumato faces generate NOISE OUT UNet.pt`, then `sfumato faces evaluate OUT GT`"
    kinds = [
        Kind("faces evaluate", _exactness, exactness, measures="faces generate"),
        Kind("faces generate", _painted),
        Kind("faces eta", _eta, "the eta grid: `sfumato faces eta --out OUT`"),
        Kind("faces interpolate", _paths, "slerp and lerp: `sfumato faces interpolate --out OUT`"),
        Kind("faces invert", _inversion),
        Kind("faces train", training),
    ]
    return section("Faces: exact DDIM", [words("faces")], kinds, found)


def _exactness(note: Note) -> Part:
    rows = [[one["name"], f"{one['mse']:.4f}", str(one["largest"])] for one in note.content["pictures"]]
    mean, limit = note.content["mean_mse"], note.content["limit"]
    return Part(
        "Against the true pictures",
        words=[exactness(note)],
        tables=[Table("Each picture.", ["picture", "mean squared error", "largest difference"], rows)],
        figures=shown(note, "difference"),
        glance=[("faces: mean squared error against the true pictures", f"{mean:.4f} (limit {limit:g})")],
    )


def exactness(note: Note) -> str:
    """The error against the true pictures, in words."""
    return words("exactness", mean=note.content["mean_mse"], limit=note.content["limit"])


def _eta(note: Note) -> Part:
    etas, moved = note.content["etas"], note.content["rms_distance_from_first"]
    rows = [[f"noise {row:02d}", *(f"{value:.3f}" for value in values)] for row, values in enumerate(moved)]
    return Part(
        "Eta",
        words=[words("eta.method"), *eta_words(note).values()],
        figures=[*shown(note, "eta"), eta_kept(note)],
        tables=[Table("Distance from the first face.", ["", *(f"eta {value:g}" for value in etas)], rows)],
    )


def eta_words(note: Note) -> Dict[str, str]:
    """What is seen in the grid, and why: the paragraphs by name."""
    found = note.content
    etas, times, kept = found["etas"], found["times"], found["kept"]
    first, last = (_means(found[f"rms_distance_from_{which}"]) for which in ("first", "last"))
    middle = len(etas) // 2
    early, later = (_nearest(times, wanted) for wanted in _EARLY)
    ends = {"low": etas[0], "high": etas[-1]}
    some = min(1, len(etas) - 1)
    place, place_later = times.index(early), times.index(later)
    detail = [sum(column) / len(column) for column in found["detail"]]
    blurred = detail[-1] < detail[0]
    return {
        "seen": words("eta.seen", first=first[some], second=etas[some], last=first[-1], high=etas[-1]),
        "forgetting": words(
            "eta.forgetting",
            replaced=1 - kept[-1][1] ** 2,
            start=times[0],
            second=times[1],
            early=early,
            later=later,
            kept_early=kept[-1][place],
            kept_later=kept[-1][place_later],
            high=etas[-1],
            low=etas[some],
            kept_low=kept[some][place_later],
            kept_low_end=kept[some][-1],
        ),
        "alike": words(
            "eta.alike",
            middle=etas[middle],
            high=etas[-1],
            between=last[middle],
            other=_means(found["rms_distance_by_other_noise"])[0],
        ),
        "quality": words(
            "eta.quality",
            **ends,
            steps=len(times) - 1,
            detail_low=detail[0],
            detail_high=detail[-1],
            verdict=", so the faces become smoother" if blurred else ", so noise is left over in the faces",
        ),
    }


def eta_kept(note: Note) -> Figure:
    """How much of the first noise is left at each time."""
    lines = {f"eta {eta:g}": kept for eta, kept in zip(note.content["etas"], note.content["kept"])}
    caption = "What is left of the first noise: its correlation with the noise at time t, computed from the schedule."
    return lines_over_times(note.content["times"], lines, "correlation with the first noise over time", caption)


def _nearest(times: List[float], wanted: float) -> float:
    return min(times, key=lambda t: abs(t - wanted))


def _means(rows: List[List[float]]) -> List[float]:
    return [sum(column) / len(column) for column in zip(*rows)]


def _paths(note: Note) -> Part:
    figures = [figure for name in ("between", "paths", "scaled") for figure in shown(note, name)]
    return Part("Between two noises", [words("paths.method"), *paths_words(note).values()], figures)


def paths_words(note: Note) -> Dict[str, str]:
    """What is seen along both paths, and why: the paragraphs by name."""
    found = note.content
    middle = len(found["alpha"]) // 2
    told = {name: {what: values[middle] for what, values in found[name].items()} for name in ("slerp", "lerp")}
    begun = {name: found[name]["norm"][0] for name in told}
    rows = found["control"]["rows"]
    short = rows[-1]
    return {
        "seen": words(
            "paths.seen", **{f"{name}_{what}": told[name][what] for name in told for what in ("contrast", "detail")}
        ),
        "shell": words(
            "paths.shell",
            expected=math.sqrt(found["values"]),
            angle=math.degrees(math.acos(found["cosine"])),
            **{name: told[name]["norm"] / begun[name] for name in told},
        ),
        "control": words(
            "paths.control",
            count=found["control"]["noises"],
            scales=in_a_row([f"{row['scale']:g}" for row in rows]),
            contrasts=in_a_row([f"{row['contrast']:.3f}" for row in rows]),
            details=in_a_row([f"{row['detail']:.3f}" for row in rows]),
        ),
        "why": words(
            "paths.why",
            start=found["start"],
            signal=found["signal"],
            factor=1 / found["signal"],
            along_short=short["along_noise"],
            short=short["scale"],
            along_full=rows[0]["along_noise"],
        ),
    }


def shown(note: Note, name: str) -> List[Figure]:
    """A drawing that a faces' command left, where it is there."""
    path = note.file(f"{name}.png")
    return [picture(path, *_DRAWINGS[name])] if path else []


def _inversion(note: Note) -> Part:
    rows = [_inverted(one) for one in note.content["found"]]
    header = ["steps", "mean squared error", "PSNR", "mean of the noise", "its deviation"]
    return Part(
        "From a picture to its noise, and back",
        words=[words("inversion")],
        figures=shown(note, "invert"),
        tables=[Table("How near the painted picture comes.", header, rows)],
    )


def _painted(note: Note) -> Part:
    paths = note.pictures()[:_SHOWN]
    figures = []
    if paths:
        row = captioned([open_picture(path) for path in paths], [path.stem for path in paths], columns=5)
        figures = [image(row, "painted faces", "The first faces, by their noises' names.")]
    return Part(f"Faces in {short(note.folder)}", figures=figures)


def _inverted(one: Any) -> List[str]:
    spread = [f"{one['noise_mean']:+.3f}", f"{one['noise_std']:.3f}"]
    return [str(one["steps"]), f"{one['mse']:.2f}", f"{one['psnr']:.1f} dB", *spread]
