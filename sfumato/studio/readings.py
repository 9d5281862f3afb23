"""What the judges read in painted digits, for the page: the digit and how sure they are."""

import json
from pathlib import Path
from typing import Any, Dict

from ..checkpoints import write_text
from ..digits.evaluate import read_painted
from ..digits.labels import DATASETS
from ..images import picture_files
from ..pictures.judges import in_parts, load_judge


def leave_readings(folder: Path, to: Path) -> None:
    """Read every digit in FOLDER/{mnistm,svhn} and write {"mnistm/3_001.png": {"digit": 3, "sure": 0.99}} to a file.

    Args:
        folder: that `digits generate` painted into.
        to: the file.
    """
    found: Dict[str, Any] = {}
    for dataset in DATASETS:
        paths = picture_files(folder / dataset, (".png",)) if (folder / dataset).is_dir() else []
        if not paths:
            continue
        sure, digits = in_parts(load_judge(dataset), read_painted(folder / dataset)[0]).softmax(dim=1).max(dim=1)
        for path, digit, share in zip(paths, digits.tolist(), sure.tolist()):
            found[f"{dataset}/{path.name}"] = {"digit": digit, "sure": round(share, 4)}
    write_text(to, json.dumps(found))
