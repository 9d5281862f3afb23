"""Painted faces against the ground truth: mean squared error on the scale 0 ... 255, as the course computes it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, List, Optional

import numpy as np
from PIL import Image

from ..checkpoints import some
from ..errors import UserError
from ..images import labelled_grid, open_picture, picture_files, save_image
from ..options import check_options, number
from ..outputs import open_folder
from ..runs import write_note


@dataclass
class EvaluateOptions:
    """Compare the faces OUT/*.png with those of the same names in GT."""

    out: Path
    """The folder that `faces generate` painted into."""
    truth: Path
    """The folder of true pictures."""
    limit: float = number(20.0, 0)
    """The largest mean squared error of a picture that passes, on the scale 0 ... 255."""
    write: Optional[Path] = None
    """Where to write scores.json and difference.png; OUT/evaluation by default."""


@dataclass
class FaceScore:
    """How near one picture came."""

    name: str
    mse: float
    """Mean over all values of the squared difference of the bytes."""
    largest: int
    """The largest difference of any byte."""
    passes: bool


def evaluate(options: EvaluateOptions) -> List[FaceScore]:
    """Score every true picture; prints the scores and writes them, and a picture of the differences.

    Raises:
        UserError: if a folder, a picture or its like is missing, or two differ in size.
    """
    check_options(options)
    names = _names(options)
    pairs = [(_read(options.out / name), _read(options.truth / name)) for name in names]
    for name, (ours, theirs) in zip(names, pairs):
        if ours.shape != theirs.shape:
            (h, w), (height, width) = ours.shape[:2], theirs.shape[:2]
            raise UserError(f"{options.out / name}: is {w}x{h}; the true picture is {width}x{height}")
    scores = [_score(name, ours, theirs, options.limit) for name, (ours, theirs) in zip(names, pairs)]
    mean = sum(score.mse for score in scores) / len(scores)
    folder = open_folder(options.write or options.out / "evaluation")
    numbers = {"mean_mse": mean, "limit": options.limit, "pictures": [asdict(score) for score in scores]}
    settings = {"out": options.out, "truth": options.truth}
    write_note(folder / "scores.json", "faces evaluate", settings, **numbers)
    save_image(_differences(names, pairs, scores), folder / "difference.png")
    for score in scores:
        verdict = "pass" if score.passes else "FAIL"
        print(f"{score.name}: MSE {score.mse:.4f}, largest difference {score.largest}   {verdict}")
    passed = sum(score.passes for score in scores)
    print(
        f"mean MSE {mean:.4f}; {passed} of {len(scores)} within {options.limit:g}   (numbers and picture in {folder})"
    )
    return scores


def _names(options: EvaluateOptions) -> List[str]:
    for folder in (options.out, options.truth):
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; give OUT and the folder of true pictures")
    folders = (options.out, options.truth)
    painted, true = ({path.name for path in picture_files(folder, (".png",))} for folder in folders)
    if not painted:
        raise UserError(f"{options.out}: holds no PNG; paint some with `sfumato faces generate`")
    for here, there, word in ((painted, true, options.truth), (true, painted, options.out)):
        missing = sorted(here - there)
        if missing:
            raise UserError(f"{word}: lacks {some(missing)}; the two folders must hold pictures of the same names")
    return sorted(painted)


def _read(path: Path) -> Any:
    return np.asarray(open_picture(path)).astype(np.float64)


def _score(name: str, ours: Any, theirs: Any, limit: float) -> FaceScore:
    difference = np.abs(ours - theirs)
    mse = float((difference**2).mean())
    return FaceScore(name, mse, int(difference.max()), mse <= limit)


def _differences(names: List[str], pairs: List[Any], scores: List[FaceScore]) -> Image.Image:
    """Ours, the truth, and their difference made visible, a row a picture."""
    gain = max(1, int(255 / max(1, *(score.largest for score in scores))))
    cells = [cell for ours, theirs in pairs for cell in (ours, theirs, np.minimum(gain * np.abs(ours - theirs), 255))]
    return labelled_grid(
        [cell.astype(np.uint8) for cell in cells],
        rows=[f"{score.name}\nMSE {score.mse:.3f}" for score in scores],
        columns=["ours", "truth", f"|difference| x {gain}"],
    )
