"""Noise tensors as files: FOLDER/00.pt, 01.pt ..., each [1, 3, H, W] or [3, H, W] in floating point."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import read_tensor, visible_files, write_torch
from ..diffusion import SeededNoise, seed_of
from ..errors import UserError
from ..models.face_unet import LARGEST
from ..options import check_options, number
from ..outputs import holding

_ENDINGS = (".pt", ".npy")


def noise_paths(folder: Path) -> List[Path]:
    """All .pt and .npy files of a folder in natural order: 2 before 10.

    Raises:
        UserError: if there is no such folder, nothing in it, or two files of one stem, which is the picture's name.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds the noises, 00.pt and so on")
    paths = sorted((path for path in visible_files(folder) if path.suffix.lower() in _ENDINGS), key=_natural)
    if not paths:
        raise UserError(f"{folder}: holds no .pt or .npy file; give the folder of the noises, 00.pt and so on")
    for one, other in zip(paths, paths[1:]):
        if one.stem == other.stem:
            raise UserError(f"{other}: would be painted where {one.name} is, as {one.stem}.png; keep one of them")
    return paths


def read_noise(path: Path, size: int) -> Tensor:
    """One noise, float32 [3, size, size] on the CPU, from wherever it was saved.

    Raises:
        UserError: if the file does not hold exactly that, or a number in it is not finite.
    """
    noise = read_tensor(path, f"a noise is a tensor [1, 3, {size}, {size}]")
    if tuple(noise.shape) not in ((1, 3, size, size), (3, size, size)):
        raise UserError(f"{path}: has the shape {list(noise.shape)}; this network needs [1, 3, {size}, {size}]")
    if not noise.is_floating_point():
        raise UserError(f"{path}: holds {str(noise.dtype)[6:]} numbers; a noise is in floating point")
    bad = int((~noise.isfinite()).sum())
    if bad:
        raise UserError(f"{path}: {bad} of its numbers are NaN or infinite; make or get the file again")
    return noise.reshape(3, size, size).float()


def drawn_noise(number: int, size: int, seed: int) -> Tensor:
    """One of `drawn_noises` by its number from 0: [3, size, size]."""
    return SeededNoise([seed_of(seed, number)], (3, size, size))()[0]


def drawn_noises(count: int, size: int, seed: int) -> Tensor:
    """Noises where no files are given: [count, 3, size, size], each a function of seed and its number."""
    return torch.stack([drawn_noise(number, size, seed) for number in range(count)])


def some_noises(folder: Path, count: int, size: int) -> Tensor:
    """The first noises of a folder: [count, 3, size, size]; see `chosen_noises`."""
    return chosen_noises(folder, range(count), size)


def chosen_noises(folder: Path, numbers: Sequence[int], size: int) -> Tensor:
    """Noises of a folder by their numbers from 0, in the order of `noise_paths`: [len(numbers), 3, size, size].

    Raises:
        UserError: if it has fewer, or one cannot be used.
    """
    paths, needed = noise_paths(folder), max(numbers) + 1
    if len(paths) < needed:
        raise UserError(f"{folder}: holds {len(paths)} noise(s); {needed} are needed")
    return torch.stack([read_noise(paths[number], size) for number in numbers])


def _natural(path: Path) -> Tuple[Any, ...]:
    """Runs of digits compare as numbers; the name itself decides between 1 and 01."""
    parts = re.split(r"(\d+)", path.stem)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


@dataclass
class NoiseOptions:
    """Draw noises OUT/00.pt, 01.pt ... in the course's format, for `faces generate`."""

    out: Path
    """Folder to write into; made if missing."""
    count: int = number(10, 1)
    """How many."""
    size: int = number(64, 1, LARGEST)
    """Height and width: 64 for the shipped network, 256 for the course's."""
    seed: int = number(0)
    """Other seeds give other noises; noise n is the same however many are drawn."""


def noise(options: NoiseOptions) -> Path:
    """Write the noises; returns the folder.

    Raises:
        UserError: for a number out of its range, or a folder that cannot be made.
    """
    check_options(options)
    digits = max(2, len(str(options.count - 1)))
    with holding(options.out):
        for place in range(options.count):
            tensor = drawn_noise(place, options.size, options.seed)
            write_torch(options.out / f"{place:0{digits}d}.pt", tensor[None].clone(), durable=False)
    print(f"wrote {options.count} noises to {options.out}")
    return options.out
