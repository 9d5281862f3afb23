"""What lies between two noises: two paths in rows over one axis, and side by side as a film that begins anew.

A path is what it is called and a picture at each weight of its second noise.
"""

from pathlib import Path
from typing import List, Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from ..images import labelled_grid, save_film, to_pixels

_THERE = 30
"""Frames from one noise to the other; as many lead back."""
_FRAME_SIDE = 256
_MILLISECONDS = 80
_FIGURE_SPACE = "\u2007"
"""As wide as a digit: nothing moves but what changes."""


def stops_of(count: int) -> List[float]:
    """So many weights in even steps from 0 to 1."""
    return [stop / (count - 1) for stop in range(count)]


def loop_weights() -> List[float]:
    """The weight of each of a film's 60 frames: to the other noise and back, neither end twice."""
    there = stops_of(_THERE + 1)
    return [*there, *there[-2:0:-1]]


def rows_of(paths: Mapping[str, Tensor], weights: Sequence[float]) -> Image.Image:
    """A row a path, a column a weight.

    Args:
        paths: name -> pictures [N, 3, H, W], one a weight.
        weights: rising.
    """
    short = all(abs(10 * weight - round(10 * weight)) < 1e-6 for weight in weights)
    return labelled_grid(
        to_pixels(torch.cat(list(paths.values()))),
        rows=list(paths),
        columns=[f"{weight:.1f}" if short else f"{weight:.2f}" for weight in weights],
        corner="alpha",
    )


def save_loop(
    path: Path, paths: Mapping[str, Mapping[float, Tensor]], norms: Mapping[str, Mapping[float, float]]
) -> Path:
    """The film: paths side by side, the weight beneath, above each its name and its noise's norm; returns the path.

    Args:
        path: of the film.
        paths: name -> weight -> picture [3, H, W], of all of `loop_weights`.
        norms: name -> weight -> norm of the noise.
    """
    frames, labels = [], []
    for weight in loop_weights():
        told = [f"{name}, norm {f'{norms[name][weight]:5.1f}'.replace(' ', _FIGURE_SPACE)}" for name in paths]
        faces = to_pixels(torch.stack([faces[weight] for faces in paths.values()]))
        frames.append(labelled_grid(faces, rows=[""], columns=told, side=_FRAME_SIDE))
        labels.append(f"alpha = {weight:.2f}")
    return save_film(path, frames, labels, milliseconds=_MILLISECONDS, hold=_MILLISECONDS)
