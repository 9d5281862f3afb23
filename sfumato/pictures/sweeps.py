"""Pictures painted for a comparison: many noises under one bar, and what is measured of what came of them."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..bars import Bar
from ..diffusion import Step
from ..images import labelled_grid, save_film, save_image, sheet, to_pixels
from ..model import Diffusion
from .judges import read_as_asked
from .memory import batch_that_fits
from .painting import walked

Walk = Callable[[Tensor, List[int]], Iterator[Step]]
"""(noises [B, 3, H, W], a seed each) -> the walk from there."""
SCALES = (1.0, 0.9, 0.71)
"""Of noises that are made shorter: not, a little, and as short as two that are mixed half and half on a line."""
GUIDANCE = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Guidance scales that are shown side by side, from nothing of the label to much of it."""


def swept(model: Diffusion, walk: Walk, noises: Tensor, seeds: Sequence[int], steps: int, what: str) -> Tensor:
    """Pictures of noises, as many at a time as fit: [N, 3, H, W] on the CPU.

    Args:
        model: that walks.
        walk: from some of the noises.
        noises: [N, 3, H, W].
        seeds: one a noise.
        steps: of a walk.
        what: the bar says.

    Raises:
        UserError: if a number is not finite.
    """
    batch, parts = batch_that_fits(model), []
    with Bar(total=len(noises) * steps, desc=what, unit="step") as bar:
        for start in range(0, len(noises), batch):
            some = noises[start : start + batch]
            steps_of_some = _counted(walk(some, list(seeds[start : start + batch])), bar, len(some))
            parts.append(walked(steps_of_some, model).cpu())
    return torch.cat(parts)


def _counted(walk: Iterator[Step], bar: Bar, count: int) -> Iterator[Step]:
    for step in walk:
        bar.update(count)
        yield step


def measured(noises: Tensor, pictures: Tensor) -> Dict[str, List[float]]:
    """Numbers of each noise and of its picture [N, 3, H, W].

    `norm` is the noise's; `contrast` is the standard deviation of a picture's numbers, and `detail` the mean difference
    between neighbours above each other, which smoothing takes.
    """
    return {
        "norm": [float(noise.norm()) for noise in noises],
        "contrast": [float(picture.std()) for picture in pictures],
        "detail": [float((picture[:, 1:] - picture[:, :-1]).abs().mean()) for picture in pictures],
    }


def apart(columns: Sequence[Tensor], from_which: Tensor) -> List[List[float]]:
    """Root mean square differences [picture][column] of columns of pictures [N, 3, H, W] from one of them."""
    found = [(column - from_which).square().flatten(1).mean(dim=1).sqrt() for column in columns]
    return [list(map(float, row)) for row in zip(*found)]


def shortened(walk: Walk, paint: Callable[[Tensor, str], Tensor], noises: Tensor) -> Tuple[Image.Image, Dict[str, Any]]:
    """What comes of noises that are made shorter and mixed with nothing: a row a length, and the means of each row.

    `along_noise` is the cosine between the clean picture that the first step predicts, of the first noise, and that
    noise.

    Args:
        walk, noises: see `swept`.
        paint: (noises, what the bar says) -> pictures.
    """
    rows, means = [], []
    for scale in SCALES:
        faces = paint(scale * noises, f"noises of {scale:g} their length")
        first = next(walk(scale * noises[:1], [0])).x0
        along = F.cosine_similarity(first.flatten(), noises[0].flatten(), dim=0)
        numbers = {name: float(np.mean(values)) for name, values in measured(scale * noises, faces).items()}
        means.append({"scale": scale, **numbers, "along_noise": float(along)})
        rows.append(faces)
    columns = [f"noise {place:02d}" for place in range(len(noises))]
    grid = labelled_grid(to_pixels(torch.cat(rows)), [f"{scale:g}" for scale in SCALES], columns, corner="length")
    return grid, {"noises": len(noises), "rows": means}


def saved(drawn: Image.Image, path: Path) -> Path:
    """A figure in its file, which is told; returns the path."""
    print(f"wrote {save_image(drawn, path)}")
    return path


def save_guidance(
    path: Path, painted: Callable[[float], Tensor], judge: Callable[[Tensor], Tensor], asked: Tensor, across: int
) -> List[Path]:
    """The same noises at several guidance scales, and how many of their pictures a judge reads as asked.

    Args:
        path: without an ending; see `save_sweep`.
        painted: guidance scale -> pictures [N, 3, H, W] in [-1, 1], on the CPU.
        judge: of them, to logits [N, classes].
        asked: the class of each [N].
        across: pictures a row.
    """
    shown = {}
    for scale in GUIDANCE:
        x = painted(scale)
        right = read_as_asked(judge, x, asked)
        shown[f"guidance scale {scale:g}: {right} of {len(x)} read as asked"] = to_pixels(x)
    return save_sweep(path, shown, across)


def save_sweep(path: Path, shown: Mapping[str, Tensor], across: int, scale: int = 2) -> List[Path]:
    """The same noises under several settings: PATH.png, a row a setting, and PATH.webp, a frame a setting.

    Args:
        path: without an ending.
        shown: setting -> its pictures, uint8 [N, H, W, 3]; in the rows stand the first of them.
        across: pictures a row.
        scale: by which they are enlarged in the film.
    """
    frames = [sheet(pixels, across, scale, clear=True) for pixels in shown.values()]
    rows = [text.replace(": ", "\n") for text in shown]
    grid = labelled_grid(torch.cat([pixels[:across] for pixels in shown.values()]), rows, [""] * across, 56)
    film = save_film(path.with_suffix(".webp"), frames, list(shown), milliseconds=900)
    return [save_image(grid, path.with_suffix(".png")), film]
