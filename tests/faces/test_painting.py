"""The default walk is the course's, to the last rounding."""

import numpy as np
import pytest
import torch

from sfumato.diffusion import Clamped, LinearSchedule, sample
from sfumato.errors import UserError
from sfumato.faces.painting import Sampling, paint
from sfumato.images import to_range
from tests.diffusion.gaussians import GaussianDenoiser


def test_the_default_times_are_the_courses():
    assert Sampling().times() == [*range(981, 0, -20), 0]


def test_the_recipe_on_an_exact_denoiser_gives_the_reference(reference):
    """ddim_course.npz: data ~ N(mu, sd^2), in float64."""
    stored = np.load(reference / "ddim_course.npz")
    sampling = Sampling()

    denoiser = Clamped(GaussianDenoiser(LinearSchedule(), 0.4, 0.5), recompute_eps=sampling.recompute_eps)
    x_T = torch.from_numpy(stored["x_T"]).double()
    got = sample(sampling.made()(x_T, denoiser, sampling.times()))
    assert float((got - torch.from_numpy(stored["x_final"])).abs().max()) < 1e-5


def test_every_documented_spacing_and_end_can_be_walked(tiny):
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for spacing in ("leading", "trailing", "linspace", "karras"):
        for to_clean in (False, True):
            sampling = Sampling(steps=7, spacing=spacing, to_clean=to_clean)
            sampling.check()
            assert paint(tiny, noise, sampling).isfinite().all()


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        (Sampling(sampler="euler"), "unknown sampler 'euler'"),
        (Sampling(sampler="lcm"), "LCM takes 1 to 8 steps, got 50"),
        (Sampling(steps=0), "steps must be at least 1"),
        (Sampling(steps=1000), "time 1000 is neither"),
        (Sampling(eta=1.5), "--eta must be at least 0 and at most 1, got 1.5"),
        (Sampling(sampler="heun", eta=0.5), "eta belongs to ddim"),
        (Sampling(sampler="ddim", churn=2.0), "churn belongs to edm"),
        (Sampling(sampler="edm", churn=-1.0), "--churn must be at least 0, got -1.0"),
        (Sampling(sampler="ddpm", variance="fixed"), "unknown variance 'fixed'"),
        (Sampling(spacing="random"), "unknown spacing"),
    ],
)
def test_what_cannot_be_walked_is_refused(sampling, words):
    with pytest.raises(UserError, match=words):
        sampling.check()


def test_added_noise_belongs_to_the_picture_and_not_to_the_batch(tiny):
    noise = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(steps=10, eta=1.0)
    together = paint(tiny, noise, sampling, [5, 6, 7])
    alone = paint(tiny, noise[1:2], sampling, [6])
    assert (together[1] - alone[0]).abs().max() < 1e-4
    assert (together[1] - paint(tiny, noise[1:2], sampling, [8])[0]).abs().max() > 0.01


def test_minmax_saving_is_torchvisions(tmp_path):
    utils = pytest.importorskip("torchvision.utils")
    from PIL import Image

    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    x[3] = 0.25  # a picture of one colour has no range to stretch
    for index, pixels in enumerate(to_range(x, "minmax")):
        utils.save_image(x[index], str(tmp_path / "theirs.png"), normalize=True)
        assert np.array_equal(np.asarray(Image.open(tmp_path / "theirs.png")), pixels.numpy())


def test_fixed_saving_maps_minus_one_to_one():
    x = torch.tensor([-1.5, -1.0, 0.0, 1.0]).reshape(1, 1, 2, 2).expand(1, 3, 2, 2)
    assert to_range(x, "fixed")[0, :, :, 0].flatten().tolist() == [0, 0, 128, 255]
    with pytest.raises(ValueError, match="unknown range"):
        to_range(x, "auto")
