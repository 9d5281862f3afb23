"""The harmless inputs that stand beside a hostile one."""

import json
import pathlib

import numpy as np
import torch
from PIL import Image


def write_good(folder: pathlib.Path) -> pathlib.Path:
    """A noise, painted digits, pictures with their names' labels."""
    numbers = np.random.default_rng(0)
    for inside in ("noises", "painted/mnistm", "pictures"):
        (folder / inside).mkdir(parents=True)
    torch.save(torch.from_numpy(numbers.standard_normal((1, 3, 64, 64))).float(), str(folder / "noises" / "00.pt"))
    for digit in range(6):
        picture = Image.fromarray(numbers.integers(0, 256, (28, 28, 3), dtype=np.uint8))
        picture.save(folder / "painted" / "mnistm" / f"{digit}_001.png")
    picture.save(folder / "pictures" / "0_1.png")
    (folder / "labels.json").write_text(json.dumps({"0": "zero", "1": "one"}))
    return folder
