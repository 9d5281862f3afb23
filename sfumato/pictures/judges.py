"""Our own judges of digits: which digit a picture shows, and the features that painted pictures are compared in."""

from pathlib import Path
from typing import Optional

from ..checkpoints import ModelFormat, loaded, read_model
from ..models.digit_classifier import DigitJudge
from ..models.shipped import shipped

FORMAT = ModelFormat("sfumato digit judge 1", "digit judge", "`digits train-judge`")
JUDGES = ("mnistm", "svhn")
"""Datasets of which a judge ships."""

_WEIGHTS = shipped()


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
