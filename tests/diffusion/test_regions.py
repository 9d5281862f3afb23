"""Several predictions in one picture."""

import pytest
import torch

from sfumato.diffusion import DDIM, LinearSchedule, Regions, columns

from .gaussians import GaussianDenoiser


def test_each_part_is_sampled_from_its_own_distribution():
    """Two exact Gaussians side by side: every half gets the mean and spread of its own."""
    schedule = LinearSchedule()
    left, right = GaussianDenoiser(schedule, 2.0, 0.3), GaussianDenoiser(schedule, -1.0, 0.6)
    composed = Regions([left, right], columns(2, 1, 4))
    noise = torch.randn(4000, 1, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for step in DDIM()(noise, composed, schedule.times(100, "trailing")):
        x = step.x
    assert x[..., :2].mean().item() == pytest.approx(2.0, abs=0.02)
    assert x[..., :2].std().item() == pytest.approx(0.3, abs=0.02)
    assert x[..., 2:].mean().item() == pytest.approx(-1.0, abs=0.03)
    assert x[..., 2:].std().item() == pytest.approx(0.6, abs=0.03)


def test_one_part_is_the_denoiser_itself_and_overlaps_are_means():
    schedule = LinearSchedule()
    one, other = GaussianDenoiser(schedule, 1.0, 0.5), GaussianDenoiser(schedule, 3.0, 0.5)
    x, t = torch.full((2, 1, 2, 2), 0.5, dtype=torch.float64), torch.tensor([500.0, 20.0])
    for found, wanted in zip(Regions([one], columns(1, 2, 2))(x, t), one(x, t)):
        torch.testing.assert_close(found, wanted)
    both = Regions([one, other], torch.stack([torch.full((2, 2), 3.0), torch.ones(2, 2)]))(x, t)
    torch.testing.assert_close(both.x0, 0.75 * one(x, t).x0 + 0.25 * other(x, t).x0)


def test_columns_part_the_width():
    assert columns(2, 1, 4)[:, 0].tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert columns(3, 2, 8).sum(dim=0).tolist() == [[1.0] * 8] * 2
    with pytest.raises(ValueError, match="cannot be parted into 5"):
        columns(5, 4, 4)


def test_bad_masks_are_refused():
    schedule = LinearSchedule()
    one = GaussianDenoiser(schedule, 0.0, 1.0)
    with pytest.raises(ValueError, match="need as many masks"):
        Regions([one], columns(2, 2, 2))
    with pytest.raises(ValueError, match="cover every place"):
        Regions([one], torch.zeros(1, 2, 2))
