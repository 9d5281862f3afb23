"""The metrics against cases whose answers are known."""

import pytest
import torch

from sfumato.digits.metrics import confusion_matrix, frechet_distance, precision_recall


def normal(n, mean, std, seed, dim=4):
    return mean + std * torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_frechet_distance_of_gaussians():
    """|m1 - m2|^2 + sum (s1 - s2)^2 for spherical Gaussians: 4 * 0.5^2 + 4 * 1^2 = 5."""
    a, b = normal(200_000, 0.0, 1.0, 0), normal(200_000, 0.5, 2.0, 1)
    assert frechet_distance(a, b) == pytest.approx(5.0, abs=0.1)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)


def test_frechet_distance_does_not_see_rotations_of_both():
    a, b = normal(500, 0.0, 1.0, 0), normal(500, 0.5, 2.0, 1) * torch.tensor([1.0, 2.0, 0.5, 1.0])
    turn, _ = torch.linalg.qr(normal(4, 0.0, 1.0, 2))
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(frechet_distance(a, b))


def test_precision_and_recall_of_half_a_distribution():
    """Painting one of two modes: all that is painted is real, half of the real is painted."""
    real = torch.cat([normal(500, -5.0, 0.5, 0), normal(500, 5.0, 0.5, 1)])
    precision, recall = precision_recall(normal(1000, 5.0, 0.5, 2), real)
    assert precision > 0.9
    assert recall == pytest.approx(0.5, abs=0.06)
    assert precision_recall(normal(50, 40.0, 0.5, 3), real) == (0.0, 0.0)


def test_monotony_has_no_recall():
    """500 copies of one perfect picture: precision 1, recall near 0."""
    real = normal(500, 0.0, 1.0, 0)
    precision, recall = precision_recall(real[:1].repeat(500, 1), real)
    assert precision == 1.0
    assert recall <= 1 / 500


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="more than 3 pictures"):
        precision_recall(normal(3, 0, 1, 0), normal(10, 0, 1, 1))


def test_confusion_counts_rows_asked_and_columns_read():
    matrix = confusion_matrix(torch.tensor([7, 7, 1]), torch.tensor([7, 1, 1]))
    assert matrix.sum() == 3
    assert matrix[7, 7] == matrix[7, 1] == matrix[1, 1] == 1
