"""Guidance against Gaussians, where the guided answer is known in closed form."""

import pytest
import torch

from sfumato.diffusion import DDIM, ClassifierFreeGuidance, NetworkDenoiser, NoiseSchedule, sample, spaced_times

from .gaussians import GaussianDenoiser

SCHEDULE = NoiseSchedule.cosine()
X = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
T = torch.full((5,), 400)


def pair():
    return GaussianDenoiser(SCHEDULE, 0.5, 0.4), GaussianDenoiser(SCHEDULE, 0.0, 0.4)


def test_guidance_of_equal_spreads_moves_the_mean():
    """With one std, eps is linear in the mean, so scale w is the exact denoiser of mean u + w (c - u)."""
    guided = ClassifierFreeGuidance(*pair(), guidance_scale=3.0)
    exact = GaussianDenoiser(SCHEDULE, 1.5, 0.4)
    assert torch.allclose(guided(X, T).eps, exact(X, T).eps)
    assert torch.allclose(guided(X, T).x0, exact(X, T).x0)
    times = spaced_times(1000, 100)
    out = sample(DDIM(SCHEDULE)(X, guided, times))
    assert torch.allclose(out, sample(DDIM(SCHEDULE)(X, exact, times)))


def test_scale_one_and_zero_are_the_two_denoisers():
    cond, uncond = pair()
    assert torch.equal(ClassifierFreeGuidance(cond, uncond, 1.0)(X, T).eps, cond(X, T).eps)
    assert torch.allclose(ClassifierFreeGuidance(cond, uncond, 0.0)(X, T).eps, uncond(X, T).eps)


def test_outside_the_interval_only_the_conditional_is_asked():
    cond, _ = pair()

    def never(x, t):
        raise AssertionError("asked outside the interval")

    guided = ClassifierFreeGuidance(cond, never, 4.0, interval=(500, 900))
    assert torch.equal(guided(X, T).x0, cond(X, T).x0)


def test_a_batch_across_the_interval_is_guided_row_by_row():
    cond, uncond = pair()
    t = torch.tensor([100, 500, 700, 900, 950])
    guided = ClassifierFreeGuidance(cond, uncond, 4.0, interval=(500, 900))(X, t)
    everywhere = ClassifierFreeGuidance(cond, uncond, 4.0)(X, t)
    assert torch.equal(guided.x0[1:4], everywhere.x0[1:4])
    assert torch.equal(guided.x0[[0, 4]], cond(X, t).x0[[0, 4]])


def test_full_rescale_gives_x0_the_conditional_spread():
    cond, uncond = GaussianDenoiser(SCHEDULE, 0.5, 0.9), GaussianDenoiser(SCHEDULE, 0.0, 0.3)
    x = torch.randn(3, 200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    t = T[:3]
    plain = ClassifierFreeGuidance(cond, uncond, 5.0)(x, t)
    rescaled = ClassifierFreeGuidance(cond, uncond, 5.0, rescale=1.0, schedule=SCHEDULE)(x, t)
    assert torch.allclose(rescaled.x0.std(dim=1), cond(x, t).x0.std(dim=1))
    assert not torch.allclose(plain.x0.std(dim=1), cond(x, t).x0.std(dim=1), rtol=0.1)
    signal, noise = SCHEDULE.signal_noise(t, x)
    assert torch.allclose(signal * rescaled.x0 + noise * rescaled.eps, x)


def test_one_batched_pass_is_two_passes():
    def network(x, t, label):
        return x * (label[:, None] + 1) + t[:, None] / 1000

    label = torch.arange(5)
    cond = NetworkDenoiser(network, SCHEDULE, "v", (label,))
    uncond = NetworkDenoiser(network, SCHEDULE, "v", (torch.zeros_like(label),))
    separate = ClassifierFreeGuidance(cond, uncond, 2.5)(X, T)
    together = ClassifierFreeGuidance(cond, uncond, 2.5, batched=True)(X, T)
    assert torch.allclose(separate.x0, together.x0)
    assert torch.allclose(separate.eps, together.eps)


def test_what_cannot_be_is_refused():
    cond, uncond = pair()
    with pytest.raises(ValueError, match="rescale must be between"):
        ClassifierFreeGuidance(cond, uncond, 2.0, rescale=1.5, schedule=SCHEDULE)
    with pytest.raises(ValueError, match="rescale needs the schedule"):
        ClassifierFreeGuidance(cond, uncond, 2.0, rescale=0.5)
    with pytest.raises(ValueError, match="two NetworkDenoisers of one network"):
        ClassifierFreeGuidance(cond, uncond, 2.0, batched=True)
