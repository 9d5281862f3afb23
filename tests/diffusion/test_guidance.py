"""Guidance against Gaussians, where the guided answer is known in closed form."""

import pytest
import torch

from sfumato.diffusion import DDIM, CosineSchedule, Guidance, LinearSchedule, NetworkDenoiser, sample

from .gaussians import GaussianDenoiser

SCHEDULE = CosineSchedule()
X = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
T = torch.full((5,), 400)


class Never:
    """A denoiser that must not be asked."""

    schedule = SCHEDULE

    def __call__(self, x, t):
        raise AssertionError("asked where it should not be")


def pair():
    return GaussianDenoiser(SCHEDULE, 0.5, 0.4), GaussianDenoiser(SCHEDULE, 0.0, 0.4)


def test_guidance_of_equal_spreads_moves_the_mean():
    """With one std, eps is linear in the mean, so scale w is the exact denoiser of mean u + w (c - u)."""
    guided = Guidance(*pair(), guidance_scale=3.0)
    exact = GaussianDenoiser(SCHEDULE, 1.5, 0.4)
    assert torch.allclose(guided(X, T).eps, exact(X, T).eps)
    assert torch.allclose(guided(X, T).x0, exact(X, T).x0)
    times = SCHEDULE.times(100)
    out = sample(DDIM()(X, guided, times))
    assert torch.allclose(out, sample(DDIM()(X, exact, times)))


def test_scale_one_and_zero_are_the_two_denoisers():
    cond, uncond = pair()
    assert torch.equal(Guidance(cond, uncond, 1.0)(X, T).eps, cond(X, T).eps)
    assert torch.allclose(Guidance(cond, uncond, 0.0)(X, T).eps, uncond(X, T).eps)


def test_outside_the_interval_only_the_conditional_is_asked():
    cond, _ = pair()
    guided = Guidance(cond, Never(), 4.0, interval=(500, 900))
    assert torch.equal(guided(X, T).x0, cond(X, T).x0)


def test_a_batch_across_the_interval_is_guided_row_by_row():
    cond, uncond = pair()
    t = torch.tensor([100, 500, 700, 900, 950])
    guided = Guidance(cond, uncond, 4.0, interval=(500, 900))(X, t)
    everywhere = Guidance(cond, uncond, 4.0)(X, t)
    assert torch.equal(guided.x0[1:4], everywhere.x0[1:4])
    assert torch.equal(guided.x0[[0, 4]], cond(X, t).x0[[0, 4]])


def test_a_weaker_network_guides_beside_the_unconditional_one():
    """Karras et al. 2024: both are differences from the conditional answer, and add up."""
    cond, uncond = pair()
    weak = GaussianDenoiser(SCHEDULE, 0.4, 0.6)
    answers = [one(X, T) for one in (cond, uncond, weak)]
    guided = Guidance(cond, uncond, 3.0, weak=weak, weak_scale=1.5)(X, T)
    for part in (0, 1):
        c, u, w = (answer[part] for answer in answers)
        assert torch.allclose(guided[part], c + 2.0 * (c - u) + 0.5 * (c - w))
    alone = Guidance(cond, Never(), 1.0, weak=weak)(X, T)
    assert torch.allclose(alone.x0, 2 * answers[0].x0 - answers[2].x0)


def test_the_weak_network_holds_outside_the_interval_too():
    cond, _ = pair()
    weak = GaussianDenoiser(SCHEDULE, 0.4, 0.6)
    guided = Guidance(cond, Never(), 4.0, interval=(500, 900), weak=weak, weak_scale=3.0)(X, T)
    assert torch.allclose(guided.x0, cond(X, T).x0 + 2 * (cond(X, T).x0 - weak(X, T).x0))


class Counted:
    """A denoiser that knows how often it was asked."""

    def __init__(self, denoiser):
        self.denoiser, self.schedule, self.asked = denoiser, denoiser.schedule, 0

    def __call__(self, x, t):
        self.asked += 1
        return self.denoiser(x, t)


LABEL, WEAK = (300, 700), (500, 900)


@pytest.mark.parametrize(
    ("time", "label", "weak"),
    [(200, 0, 0), (300, 1, 0), (600, 1, 1), (700, 1, 1), (701, 0, 1), (900, 0, 1), (901, 0, 0)],
)
def test_each_guidance_holds_in_its_own_interval_and_costs_a_pass_there_alone(time, label, weak):
    """x0 + b (x0 - unlabelled x0) in one, x0 + a (x0 - weak x0) in the other, both where they overlap."""
    cond, uncond, weaker = (Counted(one) for one in (*pair(), GaussianDenoiser(SCHEDULE, 0.4, 0.6)))
    a, b, t = 0.75, 2.0, torch.full((5,), time)
    guided = Guidance(cond, uncond, 1 + b, LABEL, weak=weaker, weak_scale=1 + a, weak_interval=WEAK)(X, t)
    assert (cond.asked, uncond.asked, weaker.asked) == (1, label, weak)
    for found, c, u, w in zip(guided, *(one.denoiser(X, t) for one in (cond, uncond, weaker))):
        assert torch.allclose(found, c + label * b * (c - u) + weak * a * (c - w), atol=1e-12)


def test_a_batch_across_both_intervals_is_guided_row_by_row():
    cond, uncond = pair()
    weak = GaussianDenoiser(SCHEDULE, 0.4, 0.6)
    t = torch.tensor([200, 400, 600, 800, 950])
    guided = Guidance(cond, uncond, 3.0, LABEL, weak=weak, weak_scale=1.5, weak_interval=WEAK)(X, t)
    c, u, w = (one(X, t).x0 for one in (cond, uncond, weak))
    for row, (label, weaker) in enumerate([(0, 0), (2.0, 0), (2.0, 0.5), (0, 0.5), (0, 0)]):
        assert torch.allclose(guided.x0[row], c[row] + label * (c - u)[row] + weaker * (c - w)[row], atol=1e-12)
    assert torch.equal(guided.x0[[0, 4]], c[[0, 4]])


def test_a_weak_scale_of_one_asks_the_weak_network_nothing():
    cond, uncond = pair()
    assert torch.equal(
        Guidance(cond, uncond, 2.0, weak=Never(), weak_scale=1.0)(X, T).x0, Guidance(*pair(), 2.0)(X, T).x0
    )


def test_one_batched_pass_is_two_passes():
    def network(x, t, label):
        return x * (label[:, None] + 1) + t[:, None] / 1000

    label = torch.arange(5)
    cond = NetworkDenoiser(network, SCHEDULE, "v", (label,))
    uncond = NetworkDenoiser(network, SCHEDULE, "v", (torch.zeros_like(label),))
    separate = Guidance(cond, uncond, 2.5)(X, T)
    together = Guidance(cond, uncond, 2.5, batched=True)(X, T)
    assert torch.allclose(separate.x0, together.x0)
    assert torch.allclose(separate.eps, together.eps)


def test_what_cannot_be_is_refused():
    cond, uncond = pair()
    with pytest.raises(ValueError, match="two NetworkDenoisers of one network"):
        Guidance(cond, uncond, 2.0, batched=True)
    with pytest.raises(ValueError, match="different schedules"):
        Guidance(cond, GaussianDenoiser(LinearSchedule(), 0.0, 0.4), 2.0)
    with pytest.raises(ValueError, match="different schedules"):
        Guidance(cond, uncond, 2.0, weak=GaussianDenoiser(LinearSchedule(), 0.0, 0.4))
    network = lambda x, t: x  # noqa: E731
    with pytest.raises(ValueError, match="one network, schedule and prediction"):
        Guidance(*(NetworkDenoiser(network, SCHEDULE, kind) for kind in ("v", "eps")), 2.0, batched=True)
