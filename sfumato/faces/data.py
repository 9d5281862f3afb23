"""Faces to train on: a zip file or a folder of square pictures of one size."""

from pathlib import Path, PurePath, PurePosixPath
from typing import Iterator, Sequence, Tuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from ..checkpoints import is_hidden, member_bytes, opened_zip, visible_files
from ..devices import main_memory
from ..diffusion import Schedule, seed_of, stratified_times
from ..errors import UserError
from ..images import PICTURE_ENDINGS, from_pixels, open_picture, pictures_among

_MOST_BYTES = 64 << 20
"""That one packed picture may have; as one of the network's size it needs some kilobytes."""


def read_faces(source: Path, size: int) -> np.ndarray:
    """All pictures, in order of name: uint8 [N, 3, size, size].

    Args:
        source: a .zip, or a folder, searched through all its folders; see `visible_files` for what is hidden.
        size: that every picture must have.

    Raises:
        UserError: naming a picture that cannot be used; if there is none, or more than fit into memory.
    """
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder; give a zip or folder of faces")
    if source.is_dir():
        paths = pictures_among(visible_files(source, deep=True), source)
        return _decoded(source, size, paths, ((path, open_picture(path)) for path in paths))
    with opened_zip(source, "zip file of faces", "give a zip or folder of faces") as archive:
        files = {PurePosixPath(info.filename): info for info in archive.infolist() if not info.is_dir()}
        names = pictures_among(sorted(name for name in files if not is_hidden(name)), source)
        raw = ((source / name, member_bytes(archive, files[name], _MOST_BYTES)) for name in names)
        return _decoded(source, size, names, ((path, open_picture(path, content)) for path, content in raw))


def _decoded(
    source: Path, size: int, names: Sequence[PurePath], pictures: Iterator[Tuple[Path, Image.Image]]
) -> np.ndarray:
    if not names:
        raise UserError(f"{source}: holds no picture ({', '.join(PICTURE_ENDINGS)}); give a zip or folder of faces")
    needed, memory = len(names) * 3 * size * size, main_memory()
    if memory is not None and needed > memory[0]:
        raise UserError(
            f"{source}: its {len(names)} pictures take {needed / 2**30:.1f} GiB and {memory[0] / 2**30:.1f} are free;"
            " give fewer, or free some memory"
        )
    pixels = np.empty((len(names), 3, size, size), dtype=np.uint8)
    for place, (path, image) in enumerate(tqdm(pictures, "reading", len(names), unit="face")):
        if image.size != (size, size):
            raise UserError(f"{path}: is {image.width}x{image.height}; the network is for {size}x{size}")
        pixels[place] = np.asarray(image).transpose(2, 0, 1)
    return pixels


class FaceBatches:
    """What one training step learns from, drawn from the step's number alone; every second face is mirrored.

    Args:
        pixels: uint8 [N, 3, H, W].
        batch_size: pictures in a global batch.
        schedule: of the noise.
        seed: of everything drawn.
    """

    def __init__(self, pixels: np.ndarray, batch_size: int, schedule: Schedule, seed: int) -> None:
        self._pixels = torch.from_numpy(pixels)
        self._batch_size, self._schedule, self._seed = batch_size, schedule, seed

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Those rows of a step's batch: x0 [n, 3, H, W] in [-1, 1], t [n], eps like x0."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._pixels), (self._batch_size,), generator=source)
        x0 = from_pixels(self._pixels[picked])
        mirrored = torch.rand(self._batch_size, generator=source) < 0.5
        x0[mirrored] = x0[mirrored].flip(-1)
        t = stratified_times(self._schedule, self._batch_size, source)
        eps = torch.randn(x0.shape, generator=source)
        return x0[rows], t[rows], eps[rows]
