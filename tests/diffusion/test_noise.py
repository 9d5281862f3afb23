"""Seeds and the paths between two noises."""

import math

import pytest
import torch

from sfumato.diffusion import SeededNoise, generator_seed, lerp, seed_of, slerp


def noises():
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(3, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))


def test_a_picture_keeps_its_noise_in_any_batch_and_order():
    together = SeededNoise([3, 1, 2], (2, 4))
    first, second = together(), together()
    alone = SeededNoise([1], (2, 4))
    assert torch.equal(alone()[0], first[1])
    assert torch.equal(alone()[0], second[1])
    assert not torch.equal(first, second)


def test_any_whole_number_is_a_seed():
    taken = (0, 7, 2**63 - 1, 2**64 - 1, -1, -(2**63))
    for seed in taken:
        wanted = torch.randn(4, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(SeededNoise([seed], (4,))()[0], wanted)
    others = (2**64, 10**23, -(2**63) - 1)
    assert [generator_seed(seed) for seed in (*taken, *others)] == [*taken, *map(seed_of, others)]
    assert torch.isfinite(SeededNoise(others, (4,))()).all()


def test_slerp_is_the_courses_formula():
    a, b = noises()
    theta = math.acos(float((a * b).sum() / (a.norm() * b.norm())))
    for weight in (0.0, 0.3, 0.5, 1.0):
        wanted = (math.sin((1 - weight) * theta) * a + math.sin(weight * theta) * b) / math.sin(theta)
        assert torch.allclose(slerp(a, b, weight), wanted, atol=1e-12)


def test_slerp_keeps_the_norm_that_lerp_loses():
    a, b = noises()
    b = b * a.norm() / b.norm()
    assert float(slerp(a, b, 0.5).norm()) == pytest.approx(float(a.norm()), rel=1e-9)
    assert float(lerp(a, b, 0.5).norm()) == pytest.approx(float(a.norm()) / math.sqrt(2), rel=0.05)


def test_parallel_noises_divide_by_nothing():
    a, _ = noises()
    assert torch.allclose(slerp(a, 2 * a, 0.5), 1.5 * a)
    assert torch.equal(slerp(a, a, 0.25), a)


def test_opposite_noises_go_round_a_great_circle():
    a, _ = noises()
    path = [slerp(a, -a, weight) for weight in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert torch.allclose(path[0], a)
    assert torch.allclose(path[-1], -a)
    for x in path:
        assert float(x.norm()) == pytest.approx(float(a.norm()), rel=1e-9)
    assert abs(float((path[2] * a).sum())) < 1e-6 * float(a.norm()) ** 2


def test_slerp_stays_in_its_type():
    a, b = noises()
    assert slerp(a.float(), b.float(), 0.5).dtype == torch.float32


def test_what_has_no_direction_is_refused():
    a, _ = noises()
    with pytest.raises(ValueError, match="all zero"):
        slerp(a, torch.zeros_like(a), 0.5)
    with pytest.raises(ValueError, match="one shape"):
        slerp(a, a[:1], 0.5)
