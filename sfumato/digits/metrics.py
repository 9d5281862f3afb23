"""How good a set of painted digits is: right, faithful and varied."""

from typing import Tuple

import torch
from torch import Tensor

_CHUNK = 1024


def confusion_matrix(wanted: Tensor, found: Tensor, classes: int = 10) -> Tensor:
    """Counts [classes, classes]: row = the digit asked for, column = the digit seen."""
    return torch.bincount(wanted * classes + found, minlength=classes**2).reshape(classes, classes)


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
    # Of k + 1 nearest the first is the centre itself.
    radii = torch.cat([torch.cdist(c, centres).kthvalue(neighbours + 1, dim=1).values for c in centres.split(_CHUNK)])
    inside = [(torch.cdist(p, centres) <= radii).any(dim=1) for p in points.split(_CHUNK)]
    return float(torch.cat(inside).double().mean())
