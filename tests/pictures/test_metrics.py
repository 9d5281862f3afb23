"""The metrics against cases whose answers are known."""

import itertools
import math

import pytest
import torch

from sfumato.pictures.metrics import coverage, frechet_distance, kernel_distance, precision_recall


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


def test_kernel_distance_is_its_definition():
    """Pair by pair, as the unbiased estimate is written."""
    a, b = normal(7, 0.0, 1.0, 0), normal(5, 0.5, 2.0, 1)

    def kernel(x, y):
        return (float(x @ y) / 4 + 1) ** 3

    within = [sum(kernel(x, y) for x, y in itertools.permutations(s, 2)) / (len(s) * (len(s) - 1)) for s in (a, b)]
    between = sum(kernel(x, y) for x in a for y in b) / 35
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * between, rel=1e-12)


def test_kernel_distance_of_gaussians():
    """E (x . y / d + 1)^3 = 1 + 3 s^2 t^2 / d around 0, so that the distance is 3 (s^2 - t^2)^2 / d."""
    found = kernel_distance(normal(5000, 0.0, 1.0, 0), normal(5000, 0.0, 1.5, 1))
    assert found == pytest.approx(3 * (1 - 1.5**2) ** 2 / 4, rel=0.05)


def test_kernel_distance_expects_the_same_of_two_pictures_as_of_all():
    """Every two of three points are drawn, with repetition, from either set; the mean is exactly what all have."""
    a, b = normal(3, 0.0, 1.0, 0), normal(3, 0.5, 2.0, 1)

    def mean_kernel(x, y):
        return float(((x @ y.T / 4 + 1) ** 3).mean())

    pairs = [list(pair) for pair in itertools.product(range(3), repeat=2)]
    found = [kernel_distance(a[first], b[second]) for first in pairs for second in pairs]
    expected = mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
    assert sum(found) / len(found) == pytest.approx(expected, rel=1e-10)


def test_kernel_distance_of_one_set_in_parts_is_that_of_all(monkeypatch):
    a, b = normal(50, 0.0, 1.0, 0), normal(40, 0.5, 2.0, 1)
    whole = kernel_distance(a, b)
    monkeypatch.setattr("sfumato.pictures.metrics._CHUNK", 7)
    assert kernel_distance(a, b) == pytest.approx(whole, rel=1e-12)


def test_coverage_is_its_definition(monkeypatch):
    monkeypatch.setattr("sfumato.pictures.metrics._CHUNK", 7)
    real, painted = normal(30, 0.0, 1.0, 0), normal(12, 0.4, 1.0, 1)
    covered = 0
    for place, one in enumerate(real):
        reach = sorted(math.dist(one, other) for at, other in enumerate(real) if at != place)[4]
        covered += any(math.dist(one, other) <= reach for other in painted)
    assert 0 < covered < 30
    assert coverage(painted, real) == covered / 30


def test_coverage_of_the_same_distribution():
    """Of N real and M painted the expectation is 1 - (N - 1) ... (N - k) / ((M + N - 1) ... (M + N - k))."""
    n, m, k = 100, 60, 5
    expected = 1 - math.prod((n - i) / (m + n - i) for i in range(1, k + 1))
    found = [coverage(normal(m, 0.0, 1.0, 2 * seed), normal(n, 0.0, 1.0, 2 * seed + 1), k) for seed in range(40)]
    assert sum(found) / len(found) == pytest.approx(expected, abs=0.02)


def test_one_strange_picture_has_recall_and_covers_nothing():
    """The ball of a painted outlier reaches over everything; the balls of real pictures do not reach it."""
    real = normal(200, 0.0, 0.5, 0)
    painted = torch.cat([normal(6, 20.0, 0.1, 1), normal(1, -20.0, 0.1, 2)])
    assert precision_recall(painted, real)[1] == 1.0
    assert coverage(painted, real) == 0.0
    with pytest.raises(ValueError, match="more than 5 real"):
        coverage(painted, real[:5])
