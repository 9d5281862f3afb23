"""Our own judges of digits: which digit a picture shows, and the features that painted pictures are compared in."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from torch import Tensor

from ..checkpoints import ModelFormat, loaded, read_model
from ..models.digit_classifier import DigitJudge
from ..models.shipped import shipped

FORMAT = ModelFormat("sfumato digit judge 1", "digit judge", "`digits train-judge`")
JUDGES = ("mnistm", "svhn")
"""Datasets of which a judge ships."""

_WEIGHTS = shipped()
_BATCH = 250


def shipped_judge_path(dataset: str) -> Path:
    """Where the package keeps its judge of a dataset."""
    if dataset not in JUDGES:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of {', '.join(JUDGES)}")
    return _WEIGHTS / f"judge-{dataset}.safetensors"


def load_judge(dataset: str, path: Optional[Path] = None) -> DigitJudge:
    """Our own judge of a dataset, trained on its real digits alone.

    Args:
        dataset: "mnistm" or "svhn".
        path: a file that `digits train-judge` wrote; the shipped one by default.

    Raises:
        UserError: if the file is not a judge.
    """
    path = shipped_judge_path(dataset) if path is None else path
    state, _ = read_model(path, FORMAT)
    return loaded(DigitJudge, state, path, FORMAT.what)


@torch.no_grad()
def in_parts(network: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """network of all pixels [N, ...], without holding all its intermediate results at once."""
    return torch.cat([network(part) for part in pixels.split(_BATCH)])


def read_as_asked(judge: Callable[[Tensor], Tensor], x: Tensor, asked: Tensor) -> int:
    """How many pictures [N, 3, H, W] in [-1, 1] a judge, which answers logits [N, classes], reads as asked [N]."""
    return int((in_parts(judge, x).argmax(dim=1) == asked).sum())


def confusion_matrix(wanted: Tensor, found: Tensor, classes: int) -> Tensor:
    """Counts [classes, classes]: row = what was asked for, column = what is seen."""
    return torch.bincount(wanted * classes + found, minlength=classes**2).reshape(classes, classes)


def misread(paths: Sequence[Path], wanted: Tensor, found: Tensor) -> List[Dict[str, Any]]:
    """The pictures that are read as something else than was asked for, in their order: picture, asked, read."""
    read = zip(paths, wanted.tolist(), found.tolist())
    return [{"picture": path.name, "asked": asked, "read": seen} for path, asked, seen in read if asked != seen]
