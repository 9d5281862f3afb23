"""The features of real digits that painted ones are compared with, so that nobody needs the pictures to compare."""

from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import write_safetensors
from ..options import check_options, number
from ..outputs import open_for_file
from .evaluate import real_features
from .labels import DATASETS


@dataclass
class RealFeaturesOptions:
    """Write the shipped judges' features of real digits, for `digits evaluate`."""

    real: Path
    """An .npz with mnistm_x and svhn_x [N, 28, 28, 3] uint8: real digits that no model was trained on."""
    out: Path
    """The file to write, ending in .safetensors."""
    count: int = number(1952, 1)
    """The first so many of each dataset: distances between sets depend on their size, so it is the same for both."""


def write_real_features(options: RealFeaturesOptions) -> None:
    """Write the file; see RealFeaturesOptions.

    Raises:
        UserError: for digits or settings that cannot be used.
    """
    check_options(options)
    features = {dataset: real_features(dataset, options.real)[: options.count].half() for dataset in DATASETS}
    open_for_file(options.out)
    note = f"the shipped judges on the first {options.count} real digits of each dataset in {options.real.name}"
    write_safetensors(options.out, features, {"format": "sfumato digit features 1", "note": note})
    print(f"wrote {options.out}")
