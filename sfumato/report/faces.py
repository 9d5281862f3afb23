"""The faces' section."""

from typing import Any, List

from ..images import captioned, open_picture
from .found import Found, Note, short
from .parts import Figure, Part, Section, Table, image, picture
from .section import Kind, section
from .training import training
from .words import words

_SHOWN = 10


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
        words=[words("exactness", mean=mean, limit=limit)],
        tables=[Table("Each picture.", ["picture", "mean squared error", "largest difference"], rows)],
        figures=_there(note, "difference.png", "ours, the truth and their difference", "The difference is enhanced."),
        glance=[("faces: mean squared error against the true pictures", f"{mean:.4f} (limit {limit:g})")],
    )


def _eta(note: Note) -> Part:
    etas, moved = note.content["etas"], note.content["rms_distance_from_first"]
    rows = [[f"noise {row:02d}", *(f"{value:.3f}" for value in values)] for row, values in enumerate(moved)]
    means = [sum(column) / len(column) for column in zip(*moved)]
    told = words("eta", first=means[0], low=etas[0], last=means[-1], high=etas[-1])
    return Part(
        "Eta",
        words=[told],
        figures=_there(note, "eta.png", "faces at several etas", "Each row is one noise, each column one eta."),
        tables=[Table("Distance from the first face.", ["", *(f"eta {value:g}" for value in etas)], rows)],
    )


def _paths(note: Note) -> Part:
    middle = len(note.content["alpha"]) // 2
    norms, contrasts = ({name: note.content[name][key] for name in ("slerp", "lerp")} for key in ("norm", "contrast"))
    kept = {name: norms[name][middle] / norms[name][0] for name in norms}
    told = words(
        "paths",
        **kept,
        slerp_contrast=contrasts["slerp"][middle],
        lerp_contrast=contrasts["lerp"][middle],
    )
    figures = [
        *_there(note, "slerp.png", "faces along the arc between two noises", "Slerp: along the arc."),
        *_there(note, "lerp.png", "faces along the line between two noises", "Lerp: along the straight line."),
        *_there(
            note,
            "paths.png",
            "norm of the noise and contrast of the face along both paths",
            "What the network is given, and what it makes of it.",
        ),
    ]
    return Part("Between two noises", [told], figures)


def _inversion(note: Note) -> Part:
    rows = [_inverted(one) for one in note.content["found"]]
    header = ["steps", "mean squared error", "PSNR", "mean of the noise", "its deviation"]
    return Part(
        "From a picture to its noise, and back",
        words=[words("inversion")],
        figures=_there(note, "invert.png", "a picture and what its inverted noises paint", "The picture comes first."),
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


def _there(note: Note, name: str, alt: str, caption: str) -> List[Figure]:
    path = note.file(name)
    return [picture(path, alt, caption)] if path else []
