"""Files as `torch.save` writes them, for those who read no others."""

from pathlib import Path
from typing import Any

import torch

from .files import atomic_path


def write_torch(path: Path, value: Any, durable: bool = True) -> None:
    """Write a file as `torch.save` does, whole or not at all; the same value gives the same bytes.

    Args:
        path: of the file.
        value: tensors and plain containers.
        durable: see `atomic_path`.

    Raises:
        OSError: naming the file, as where the disk is full.
    """
    # A file that is open, and no path: PyTorch writes a path's name into it, here one of chance.
    with atomic_path(path, durable) as beside, open(beside, "wb") as file:
        try:
            torch.save(value, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
