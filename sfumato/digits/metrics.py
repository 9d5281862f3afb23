"""How painted digits are read; how faithful and varied they are is `sfumato.pictures.metrics`."""

import torch
from torch import Tensor


def confusion_matrix(wanted: Tensor, found: Tensor, classes: int = 10) -> Tensor:
    """Counts [classes, classes]: row = the digit asked for, column = the digit seen."""
    return torch.bincount(wanted * classes + found, minlength=classes**2).reshape(classes, classes)
