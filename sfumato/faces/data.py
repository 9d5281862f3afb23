"""Faces to train on: a zip file or a folder of square pictures of one size."""

import zipfile
from pathlib import Path
from typing import Iterator, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..diffusion import seed_of, stratified_timesteps
from ..errors import UserError
from ..pictures import PICTURE_ENDINGS, from_pixels, open_picture


def read_faces(source: Path, size: int) -> np.ndarray:
    """All pictures, in order of name: uint8 [N, 3, size, size].

    Args:
        source: a .zip, or a folder, searched through all its folders.
        size: that every picture must have.

    Raises:
        UserError: naming a picture that cannot be used; if there is none.
    """
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder; give a zip or folder of faces")
    pictures = [_decoded(source / name, raw, size) for name, raw in tqdm(_files(source), "reading", unit="face")]
    if not pictures:
        raise UserError(f"{source}: holds no picture ({', '.join(PICTURE_ENDINGS)}); give a zip or folder of faces")
    return np.stack(pictures)


def _files(source: Path) -> Iterator[Tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if _shown(path):
                yield str(path.relative_to(source)), path.read_bytes()
        return
    try:
        with zipfile.ZipFile(source) as archive:
            for name in sorted(archive.namelist()):
                if _shown(Path(name)):
                    yield name, archive.read(name)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{source}: is no folder and no whole zip file ({error}); check the path") from None


def _shown(path: Path) -> bool:
    """Hidden files beside pictures are none, such as those that macOS puts into zip files."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")


def _decoded(path: Path, raw: bytes, size: int) -> np.ndarray:
    image = open_picture(path, raw)
    if image.size != (size, size):
        raise UserError(f"{path}: is {image.width}x{image.height}; the network is for {size}x{size}")
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


class FaceBatches:
    """What one training step learns from, drawn from the step's number alone; every second face is mirrored.

    Args:
        pixels: uint8 [N, 3, H, W].
        batch_size: pictures in a global batch.
        times: of the noise schedule.
        seed: of everything drawn.
    """

    def __init__(self, pixels: np.ndarray, batch_size: int, times: int, seed: int) -> None:
        self._pixels = torch.from_numpy(pixels)
        self._batch_size, self._times, self._seed = batch_size, times, seed

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: x0 [n, 3, H, W] in [-1, 1], t [n], eps like x0."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._pixels), (self._batch_size,), generator=source)
        x0 = from_pixels(self._pixels[picked])
        mirrored = torch.rand(self._batch_size, generator=source) < 0.5
        x0[mirrored] = x0[mirrored].flip(-1)
        t = stratified_timesteps(self._times, self._batch_size, source)
        eps = torch.randn(x0.shape, generator=source)
        return x0[rows], t[rows], eps[rows]
