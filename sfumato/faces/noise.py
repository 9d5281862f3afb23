"""Drawing noise tensors into files, for those who have none from the course."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ..checkpoints import atomic_path
from ..errors import in_range
from ..runs import open_folder
from .noises import drawn_noise


@dataclass
class NoiseOptions:
    """Draw noises OUT/00.pt, 01.pt ... in the course's format, for `faces generate`."""

    out: Path
    """Folder to write into; made if missing."""
    count: int = 10
    """How many."""
    size: int = 64
    """Height and width: 64 for the shipped network, 256 for the course's."""
    seed: int = 0
    """Other seeds give other noises; noise n is the same however many are drawn."""


def noise(options: NoiseOptions) -> Path:
    """Write the noises; returns the folder.

    Raises:
        UserError: for a count or size below 1, or a folder that cannot be made.
    """
    for name in ("count", "size"):
        in_range(options, name, 1)
    open_folder(options.out)
    digits = max(2, len(str(options.count - 1)))
    for number in range(options.count):
        tensor = drawn_noise(number, options.size, options.seed)
        with atomic_path(options.out / f"{number:0{digits}d}.pt", durable=False) as beside:
            torch.save(tensor[None].clone(), str(beside))
    print(f"wrote {options.count} noises to {options.out}")
    return options.out
