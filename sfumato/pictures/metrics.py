"""How faithful and varied painted pictures are: distances between two sets of features, and shares that are covered."""

from typing import List, Tuple

import torch
from torch import Tensor

_CHUNK = 1024
COVERAGE_NEIGHBOURS = 5
"""As in the experiments of Naeem et al. (2020)."""


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """The distance between two sets of features as Gaussians (Heusel et al. 2017, eq. 6).

        |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

    The trace of the root is the sum of the roots of the eigenvalues of C_a^(1/2) C_b C_a^(1/2), which is symmetric. It
    falls with the number of samples; compare only what was measured with equally many.

    Args:
        a, b: [n, d] and [m, d], at least two rows each.
    """
    a, b = a.double(), b.double()
    cov_a, cov_b = _covariance(a), _covariance(b)
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    return float(gap + cov_a.trace() + cov_b.trace() - 2 * cross)


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """The kernel distance, KID (Bińkowski et al. 2018, section 3): the unbiased squared maximum mean discrepancy

        mean k(a_i, a_j) + mean k(b_i, b_j) - 2 mean k(a_i, b_j),   i != j in the first two,

    with k(x, y) = (x . y / d + 1)^3, over all samples at once and not over random subsets of them. Its expectation does
    not depend on how many there are; between sets of one kind it is as often below 0 as above.

    Args:
        a, b: [n, d] and [m, d], at least two rows each.
    """
    a, b = a.double(), b.double()
    return _kernel_mean(a, a, others=True) + _kernel_mean(b, b, others=True) - 2 * _kernel_mean(a, b)


def _kernel_mean(a: Tensor, b: Tensor, others: bool = False) -> float:
    """The mean kernel of all pairs; with others, of two sets that are one, without each sample's with itself."""
    total = sum(float(_cubic(part @ b.T, b.shape[1]).sum()) for part in a.split(_CHUNK))
    if not others:
        return total / (len(a) * len(b))
    return (total - float(_cubic(a.square().sum(dim=1), a.shape[1]).sum())) / (len(a) * (len(a) - 1))


def _cubic(products: Tensor, dimensions: int) -> Tensor:
    return (products / dimensions + 1) ** 3


def precision_recall(painted: Tensor, real: Tensor, neighbours: int = 3) -> Tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, eq. 1-3).

    Around each sample of a set lies a ball that reaches its k-th nearest neighbour in that set. Precision is the share
    of painted samples inside a real ball: are they like real ones? Recall is the share of real samples inside a painted
    ball: is everything real also painted?

    Args:
        painted, real: features [n, d] and [m, d].
        neighbours: k; both sets need more than k samples.

    Raises:
        ValueError: if a set has too few samples.
    """
    if min(len(painted), len(real)) <= neighbours:
        raise ValueError(f"precision and recall need more than {neighbours} pictures in each set")
    return _covered(painted, real, neighbours), _covered(real, painted, neighbours)


def _covered(points: Tensor, centres: Tensor, neighbours: int) -> float:
    """The share of points inside at least one centre's ball."""
    points, centres = points.double(), centres.double()
    radii = _radii(centres, neighbours)
    inside = [(torch.cdist(p, centres) <= radii).any(dim=1) for p in points.split(_CHUNK)]
    return float(torch.cat(inside).double().mean())


def _radii(centres: Tensor, neighbours: int) -> Tensor:
    """How far each sample's k-th nearest other one is."""
    # Of k + 1 nearest the first is the centre itself.
    return torch.cat([torch.cdist(c, centres).kthvalue(neighbours + 1, dim=1).values for c in centres.split(_CHUNK)])


def coverage(painted: Tensor, real: Tensor, neighbours: int = COVERAGE_NEIGHBOURS) -> float:
    """Coverage (Naeem et al. 2020, section 3): the share of real samples that have a painted one in their ball.

    The balls are the real samples' own, so that one strange painted picture, whose ball is large, covers nothing.

    Args:
        painted, real: features [n, d] and [m, d].
        neighbours: k, to which of the other real samples a ball reaches.

    Raises:
        ValueError: if there are no more than k real samples.
    """
    if len(real) <= neighbours:
        raise ValueError(f"coverage needs more than {neighbours} real pictures")
    painted, real = painted.double(), real.double()
    nearest, _ = nearest_of(real, painted, 1)
    return float((nearest[:, 0] <= _radii(real, neighbours)).double().mean())


def nearest_of(points: Tensor, others: Tensor, count: int) -> Tuple[Tensor, Tensor]:
    """Distances of each point [n, d] to its nearest others [m, d], and their places: both [n, count], nearest first."""
    found: List[Tuple[Tensor, Tensor]] = []
    for part in points.split(_CHUNK):
        nearest = torch.cdist(part, others).topk(count, dim=1, largest=False)
        found.append((nearest.values, nearest.indices))
    return torch.cat([values for values, _ in found]), torch.cat([places for _, places in found])
