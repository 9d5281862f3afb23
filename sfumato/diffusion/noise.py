"""A seed a picture, and the paths between two noises.

Each picture draws from a generator of its own, on the CPU: it is the same in any batch, process, and on any device.
"""

import hashlib
from typing import Sequence, Tuple, Union

import torch
from torch import Tensor

Device = Union[str, torch.device]


class SeededNoise:
    """Standard normal noise, one stream a picture.

    Args:
        seeds: one whole number a picture.
        shape: of one picture, such as (3, 28, 28).
        device: of the noise that is handed out; the drawing itself is on the CPU.

    Each call draws the next [B, *shape] of every stream. The first is by custom x_T.
    """

    def __init__(self, seeds: Sequence[int], shape: Tuple[int, ...], device: Device = "cpu") -> None:
        self.shape, self.device = tuple(shape), device
        self._streams = [torch.Generator().manual_seed(generator_seed(seed)) for seed in seeds]

    def __call__(self) -> Tensor:
        return torch.stack([torch.randn(self.shape, generator=stream) for stream in self._streams]).to(self.device)


def seed_of(*parts: Union[int, str]) -> int:
    """A seed for a generator that is a function of all parts and alike for none."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def generator_seed(seed: int) -> int:
    """A seed that PyTorch's generators take, for any whole number: itself where they take it."""
    return int(seed) if -(2**63) <= seed < 2**64 else seed_of(int(seed))


def lerp(start: Tensor, end: Tensor, weight: float) -> Tensor:
    """(1 - weight) start + weight end: the straight path, on which Gaussian noise loses norm midway."""
    return (1.0 - weight) * start + weight * end


def slerp(start: Tensor, end: Tensor, weight: float) -> Tensor:
    """The great-circle path between two noises (Shoemake 1985; Song et al. 2020 DDIM, eq. 67).

        x = sin((1 - weight) theta) / sin(theta) start + sin(weight theta) / sin(theta) end

    theta is the angle between the whole tensors. Parallel noises leave no arc to follow and give `lerp`; between
    opposite ones every great circle is as short as any, and the one through a fixed perpendicular is taken.

    Args:
        start, end: of one shape, neither all zero.
        weight: 0 gives start, 1 gives end.

    Raises:
        ValueError: if the shapes differ or a tensor is all zero.
    """
    if start.shape != end.shape:
        raise ValueError(f"slerp needs two tensors of one shape, got {tuple(start.shape)} and {tuple(end.shape)}")
    a, b = start.cpu().double(), end.cpu().double()  # Apple's GPUs have no float64
    norm_a, norm_b = float(a.norm()), float(b.norm())
    if norm_a == 0.0 or norm_b == 0.0:
        raise ValueError("slerp has no direction to or from a tensor that is all zero")
    # atan2 of the two half-angle chords keeps its digits at both ends, where arccos of the cosine loses them.
    unit_a, unit_b = a / norm_a, b / norm_b
    theta = 2.0 * torch.atan2((unit_a - unit_b).norm(), (unit_a + unit_b).norm())
    if float(theta) < 1e-6:
        return lerp(start, end, weight)
    if float(torch.sin(theta)) < 1e-6:
        turned = torch.cos(weight * theta) * unit_a + torch.sin(weight * theta) * _perpendicular(unit_a)
        return (turned * ((1.0 - weight) * norm_a + weight * norm_b)).to(start)
    mixed = torch.sin((1.0 - weight) * theta) * a + torch.sin(weight * theta) * b
    return (mixed / torch.sin(theta)).to(start)


def _perpendicular(unit: Tensor) -> Tensor:
    """A unit tensor at a right angle to unit, always the same one."""
    flat = unit.flatten()
    axis = torch.eye(1, len(flat), dtype=flat.dtype).roll(int(flat.abs().argmin()))[0]
    axis = axis - (axis @ flat) * flat
    return (axis / axis.norm()).reshape(unit.shape)
