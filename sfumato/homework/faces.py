"""Problem 2: a face from every noise, its error, the grid of etas, and what lies between two noises."""

from typing import List

from ..course import hw2_2
from ..faces.evaluate import EvaluateOptions, evaluate
from ..faces.figures import EtaOptions, InterpolateOptions, eta, interpolate
from ..faces.noises import noise_paths
from .found import known_by
from .setup import Setup
from .stages import Stage, refuse_left_out

_ROWS, _ETAS = 4, 5
"""Noises and etas of the grid."""
_CONTROL = 4
"""Noises of the control, each in three lengths: a face of 256x256 takes a CPU a minute."""
_BETWEEN = 2 * 11 + 3 * _CONTROL


def face_stages(setup: Setup) -> List[Stage]:
    """What problem 2 takes; nothing without the course's network and noises."""
    noise, unet, truth = setup.found.noise, setup.found.unet, setup.found.truth
    if noise is None or unet is None:
        return []
    count, pictures = len(noise_paths(noise)), setup.out / "pictures" / "faces"
    made_from, rows = known_by(noise, unet), min(_ROWS, len(noise_paths(noise)))
    scores, grid, paths = (setup.runs / name for name in ("faces", "faces-eta", "faces-paths"))
    stages = [
        Stage(
            "faces",
            "2",
            f"paint {count} faces with {unet}",
            lambda: count * setup.face,
            made_from,
            lambda: refuse_left_out(hw2_2.paint(noise, pictures, unet)),
            made=[pictures],
        ),
        Stage(
            "faces-eta",
            "2",
            f"draw the grid of eta, {rows} noises by {_ETAS}",
            lambda: rows * (_ETAS + 1) * setup.face,  # the last once more, with other noise on the way
            made_from,
            lambda: eta(EtaOptions(out=grid, unet=unet, noise=noise, rows=rows)),
            made=[grid / "eta.json"],
        ),
    ]
    if count > 1:
        stages.append(
            Stage(
                "faces-paths",
                "2",
                "draw slerp and lerp between the first two noises, in eleven steps",
                lambda: _BETWEEN * setup.face,
                made_from,
                lambda: interpolate(InterpolateOptions(out=paths, unet=unet, noise=noise, control=_CONTROL)),
                made=[paths / "paths.json"],
            )
        )
    if truth is not None:
        stages.append(
            Stage(
                "faces-scores",
                "2",
                f"compare them with {truth}",
                lambda: 1.0,
                known_by(truth),
                lambda: evaluate(EvaluateOptions(pictures, truth, write=scores)),
                made=[scores / "scores.json"],
                after=["faces"],
            )
        )
    return stages
