"""The faces' section."""

from dataclasses import replace
from typing import Any, Dict, List

from .between import paths_part
from .curves import lines_over_times
from .face_drawings import shown
from .found import Found, Note, short
from .parts import Figure, Part, Section, Table, some_of
from .section import Kind, section
from .shots import cells
from .training import training
from .words import words

_SHOWN = 10
_EARLY = (861, 761)
"""Times at which the first noise is looked for."""


def faces_section(found: Found) -> Section:
    """Exactness, the eta grid, slerp and lerp, inversion, of what is there."""
    exactness = "exactness: `sfumato faces generate NOISE OUT UNet.pt`, then `sfumato faces evaluate OUT GT`"
    kinds = [
        Kind("faces evaluate", _exactness, exactness, measures="faces generate"),
        Kind("faces generate", _painted),
        Kind("faces eta", _eta, "the eta grid: `sfumato faces eta --out OUT`"),
        Kind("faces interpolate", paths_part, "slerp and lerp: `sfumato faces interpolate --out OUT`"),
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
        tables=[
            Table("Each picture against the true one.", ["picture", "mean squared error", "largest difference"], rows)
        ],
        figures=shown(
            note,
            "difference",
            mean=mean,
            count=len(rows),
            largest=max(one["largest"] for one in note.content["pictures"]),
        ),
        glance=[("faces: mean squared error against the true pictures", f"{mean:.4f} (limit {limit:g})")],
    )


def exactness(note: Note) -> str:
    """The error against the true pictures, in words."""
    return words("exactness", mean=note.content["mean_mse"], limit=note.content["limit"])


def _eta(note: Note) -> Part:
    etas, moved = note.content["etas"], note.content["rms_distance_from_first"]
    rows = [[f"noise {row:02d}", *(f"{value:.3f}" for value in values)] for row, values in enumerate(moved)]
    header = ["", *(f"eta {value:g}" for value in etas)]
    return Part(
        "Eta: how much of the first noise is kept",
        words=[words("eta.method")],
        figures=[*eta_grid(note), eta_kept(note)],
        tables=[Table("How far each face lies from its row's first one, in units of [-1, 1].", header, rows)],
        reasons=list(eta_words(note).values()),
    )


def eta_grid(note: Note) -> List[Figure]:
    """The faces, a row a noise and a column an eta."""
    etas, moved = note.content["etas"], _means(note.content["rms_distance_from_first"])
    rows = len(note.content["rms_distance_from_first"])
    return shown(note, "eta", noises=rows, low=etas[0], high=etas[-1], moved=moved[-1])


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
    found = note.content
    lines = {f"eta {eta:g}": kept for eta, kept in zip(found["etas"], found["kept"])}
    t = _nearest(found["times"], _EARLY[-1])
    left = found["kept"][-1][found["times"].index(t)]
    caption = words("caption.kept", high=found["etas"][-1], t=t, left=left)
    return replace(
        lines_over_times(found["times"], lines, "correlation with the first noise over time", caption), key="kept"
    )


def _nearest(times: List[float], wanted: float) -> float:
    return min(times, key=lambda t: abs(t - wanted))


def _means(rows: List[List[float]]) -> List[float]:
    return [sum(column) / len(column) for column in zip(*rows)]


def _inversion(note: Note) -> Part:
    rows = [_inverted(one) for one in note.content["found"]]
    header = ["steps", "mean squared error", "PSNR", "mean of the noise", "its deviation"]
    best = min(note.content["found"], key=lambda one: one["mse"])
    return Part(
        "From a picture to its noise, and back",
        words=[words("inversion")],
        figures=shown(note, "invert", steps=best["steps"], mse=best["mse"]),
        tables=[Table("How near the painted picture comes.", header, rows)],
    )


def _painted(note: Note) -> Part:
    paths = note.pictures()
    shots = cells(paths[:_SHOWN], "painted face", note, [path.stem for path in paths[:_SHOWN]])
    caption = words("caption.faces", shown=some_of(len(shots), len(paths)))
    figures = [Figure(shots, caption, "row")] if shots else []
    return Part(f"Faces in {short(note.folder)}", figures=figures)


def _inverted(one: Any) -> List[str]:
    spread = [f"{one['noise_mean']:+.3f}", f"{one['noise_std']:.3f}"]
    return [str(one["steps"]), f"{one['mse']:.2f}", f"{one['psnr']:.1f} dB", *spread]
