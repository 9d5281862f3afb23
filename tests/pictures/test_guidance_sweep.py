"""The same noises at several guidance scales: what is shown is what was painted and counted."""

import numpy as np
import torch
from PIL import Image

from sfumato.images import read_film, to_pixels
from sfumato.pictures.sweeps import GUIDANCE, save_guidance, save_sweep


def painted(scale):
    """Four flat pictures, as bright as their scale is large."""
    return torch.full((4, 3, 8, 8), scale / 8 - 0.5)


def bright(x):
    """A judge that sees class 1 in whatever is brighter than grey, class 0 else."""
    light = x.mean(dim=(1, 2, 3))
    return torch.stack([-light, light], dim=1)


def test_a_frame_and_a_row_for_each_scale_with_what_the_judge_reads(tmp_path):
    written = save_guidance(tmp_path / "svhn-guidance", painted, bright, torch.tensor([1, 1, 1, 0]), across=2)
    assert [path.name for path in written] == ["svhn-guidance.png", "svhn-guidance.webp"]
    frames, labels = read_film(written[1])
    counts = [1 if scale <= 4 else 3 for scale in GUIDANCE]
    assert labels == [f"guidance scale {s:g}: {n} of 4 read as asked" for s, n in zip(GUIDANCE, counts)]
    wanted = [int(to_pixels(painted(scale))[0, 0, 0, 0]) for scale in GUIDANCE]
    assert [frame.getpixel((6, 6))[:3] for frame in frames] == [(level,) * 3 for level in wanted]
    with Image.open(written[0]) as still:
        pixels = np.asarray(still.convert("RGBA"))
    right = [pixels[row, -10] for row in range(len(pixels)) if pixels[row, -10, 3] == 255]
    assert [level for level in wanted if (level, level, level, 255) in {tuple(one) for one in right}] == wanted


def test_the_same_pictures_are_the_same_bytes(tmp_path):
    shown = {"eta 0": torch.zeros(2, 8, 8, 3, dtype=torch.uint8), "eta 1": torch.ones(2, 8, 8, 3, dtype=torch.uint8)}
    one, two = ([path.read_bytes() for path in save_sweep(tmp_path / name, shown, 2)] for name in ("one", "two"))
    assert one == two
