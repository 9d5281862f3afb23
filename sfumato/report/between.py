"""The part of slerp and lerp: the faces between two noises, what is measured along the way, and a control."""

import math
from typing import Any, Dict, List, Tuple

from .face_drawings import shown
from .found import Note
from .parts import Figure, Part
from .words import in_a_row, words


def paths_part(note: Note) -> Part:
    """What lies between two noises, and why."""
    told = paths_words(note)
    return Part(
        "Between two noises: slerp and lerp",
        [words("paths.method")],
        paths_figures(note),
        reasons=list(told.values()),
        glance=[_norm_midway(note)],
    )


def _norm_midway(note: Note) -> Tuple[str, str]:
    """For the first page."""
    middle, found = len(note.content["alpha"]) // 2, note.content
    norms = [f"{name} {found[name]['norm'][middle]:.0f}" for name in ("slerp", "lerp")]
    return "length of the noise midway between two noises", f"{', '.join(norms)}, of {found['slerp']['norm'][0]:.0f}"


def paths_figures(note: Note) -> List[Figure]:
    """The faces along both paths, what is measured along them, and the control."""
    found = note.content
    middle = len(found["alpha"]) // 2
    told: Dict[str, Any] = {"whole": found["slerp"]["norm"][0]}
    for name in ("slerp", "lerp"):
        told.update({f"{name}_{what}": values[middle] for what, values in found[name].items()})
    rows = found["control"]["rows"]
    ends = {"short": rows[-1]["scale"], "full_contrast": rows[0]["contrast"], "short_contrast": rows[-1]["contrast"]}
    return [*shown(note, "between", **told), *shown(note, "paths", **told), *shown(note, "scaled", **ends)]


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
