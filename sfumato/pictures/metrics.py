"""How faithful and varied painted pictures are: distances between two sets of features, and shares that are covered."""

from typing import List, Optional, Tuple

import torch
from torch import Tensor

_CHUNK = 1024
PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS = 3, 5
"""As in the experiments of the papers."""


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


def kernel_distance(a: Tensor, b: Tensor, within_b: Optional[float] = None) -> float:
    """The kernel distance, KID (Bińkowski et al. 2018, section 3): the unbiased squared maximum mean discrepancy

        mean k(a_i, a_j) + mean k(b_i, b_j) - 2 mean k(a_i, b_j),   i != j in the first two,

    with k(x, y) = (x . y / d + 1)^3, over all samples at once and not over random subsets of them. Its expectation does
    not depend on how many there are; between sets of one kind it is as often below 0 as above.

    Args:
        a, b: [n, d] and [m, d], at least two rows each.
        within_b: `kernel_within(b)`, if it is known.
    """
    a, b = a.double(), b.double()
    between = sum(float(_cubic(part @ b.T, b.shape[1]).sum()) for part in a.split(_CHUNK)) / (len(a) * len(b))
    return kernel_within(a) + (kernel_within(b) if within_b is None else within_b) - 2 * between


def kernel_within(points: Tensor) -> float:
    """The mean kernel of `kernel_distance` over all pairs of two different samples of [n, d]."""
    points = points.double()
    dimensions = points.shape[1]
    every = sum(float(_cubic(part @ points.T, dimensions).sum()) for part in points.split(_CHUNK))
    own = float(_cubic(points.square().sum(dim=1), dimensions).sum())
    return (every - own) / (len(points) * (len(points) - 1))


def _cubic(products: Tensor, dimensions: int) -> Tensor:
    return (products / dimensions + 1) ** 3


def reach(points: Tensor, *neighbours: int) -> List[Tensor]:
    """How far the k-th nearest other sample of each is, [n] for every k asked for."""
    points = points.double()
    found = []
    for part in points.split(_CHUNK):
        # Of k + 1 nearest the first is the sample itself.
        nearest = torch.cdist(part, points).topk(max(neighbours) + 1, dim=1, largest=False).values
        found.append(nearest[:, list(neighbours)])
    return list(torch.cat(found).T)


def precision_recall(
    painted: Tensor, real: Tensor, neighbours: int = PRECISION_NEIGHBOURS, real_reach: Optional[Tensor] = None
) -> Tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019, eq. 1-3).

    Around each sample of a set lies a ball that reaches its k-th nearest neighbour in that set. Precision is the share
    of painted samples inside a real ball: are they like real ones? Recall is the share of real samples inside a painted
    ball: is everything real also painted?

    Args:
        painted, real: features [n, d] and [m, d].
        neighbours: k; both sets need more than k samples.
        real_reach: `reach(real, k)`, if it is known.

    Raises:
        ValueError: if a set has too few samples.
    """
    if min(len(painted), len(real)) <= neighbours:
        raise ValueError(f"precision and recall need more than {neighbours} pictures in each set")
    painted, real = painted.double(), real.double()
    wide = reach(real, neighbours)[0] if real_reach is None else real_reach
    return _covered(painted, real, wide), _covered(real, painted, reach(painted, neighbours)[0])


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    """The share of points inside at least one centre's ball."""
    inside = [(torch.cdist(p, centres) <= radii).any(dim=1) for p in points.split(_CHUNK)]
    return float(torch.cat(inside).double().mean())


def coverage(
    painted: Tensor, real: Tensor, neighbours: int = COVERAGE_NEIGHBOURS, real_reach: Optional[Tensor] = None
) -> float:
    """Coverage (Naeem et al. 2020, section 3): the share of real samples that have a painted one in their ball.

    The balls are the real samples' own, so that one strange painted picture, whose ball is large, covers nothing.

    Args:
        painted, real: features [n, d] and [m, d].
        neighbours: k, to which of the other real samples a ball reaches.
        real_reach: `reach(real, k)`, if it is known.

    Raises:
        ValueError: if there are no more than k real samples.
    """
    if len(real) <= neighbours:
        raise ValueError(f"coverage needs more than {neighbours} real pictures")
    painted, real = painted.double(), real.double()
    nearest = torch.cat([torch.cdist(part, painted).min(dim=1).values for part in real.split(_CHUNK)])
    wide = reach(real, neighbours)[0] if real_reach is None else real_reach
    return float((nearest <= wide).double().mean())
