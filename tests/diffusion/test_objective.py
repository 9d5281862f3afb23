"""The training loss: its minimum is the exact denoiser, whatever the network predicts."""

import pytest
import torch

from sfumato.diffusion import NoiseSchedule, stratified_timesteps, training_loss
from sfumato.diffusion.denoiser import target_of
from sfumato.diffusion.objective import loss_weight

from .gaussians import GaussianDenoiser

SCHEDULE = NoiseSchedule.cosine()


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
@pytest.mark.parametrize("weighting", ["uniform", "min-snr"])
def test_the_exact_denoiser_has_the_least_loss(kind, weighting):
    mean, std = 0.3, 0.5
    generator = torch.Generator().manual_seed(0)
    x0 = mean + std * torch.randn(20_000, 1, generator=generator, dtype=torch.float64)
    eps = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    t = stratified_timesteps(1000, len(x0), generator).clamp(max=990)

    def loss_of(mean, std):
        def network(x, t):
            prediction = GaussianDenoiser(SCHEDULE, mean, std)(x, t)
            return target_of(prediction.x0, prediction.eps, *SCHEDULE.signal_noise(t, x), kind)

        return float(training_loss(network, SCHEDULE, x0, t, eps, (), kind, weighting).mean())

    least = loss_of(mean, std)
    for worse in ((mean + 0.1, std), (mean - 0.1, std), (mean, std * 1.3), (mean, std / 1.3)):
        assert loss_of(*worse) > least


def test_min_snr_weighs_the_same_x0_error_whatever_is_predicted():
    """An x0 error d is an eps error sqrt(SNR) d and a v error sqrt(SNR + 1) d; weighted, all count alike."""
    t = torch.tensor([10, 300, 700, 950])
    alpha_bar = SCHEDULE.alpha_bar(t)
    snr = alpha_bar / (1 - alpha_bar)
    wanted = snr.clamp(max=5.0)
    assert torch.allclose(loss_weight(SCHEDULE, t, "x0", "min-snr"), wanted)
    assert torch.allclose(loss_weight(SCHEDULE, t, "eps", "min-snr") * snr, wanted)
    assert torch.allclose(loss_weight(SCHEDULE, t, "v", "min-snr") * (snr + 1), wanted)


def test_strata_hold_one_time_each():
    t = stratified_timesteps(1000, 100, torch.Generator().manual_seed(1))
    assert sorted(time // 10 for time in t.tolist()) == list(range(100))
    assert t.tolist() != sorted(t.tolist())


def test_logit_normal_times_have_their_mean_and_spread():
    t = stratified_timesteps(100_000, 50_000, torch.Generator().manual_seed(1), logit_normal=(0.3, 1.1))
    logits = torch.logit((t.double() + 0.5) / 100_000)
    assert float(logits.mean()) == pytest.approx(0.3, abs=0.01)
    assert float(logits.std()) == pytest.approx(1.1, abs=0.02)


def test_an_unknown_weighting_is_refused():
    with pytest.raises(ValueError, match="unknown weighting 'p2'"):
        loss_weight(SCHEDULE, torch.tensor([1]), "eps", "p2")
    for weighting in ("uniform", "min-snr"):
        with pytest.raises(ValueError, match="unknown kind of target 'score'"):
            loss_weight(SCHEDULE, torch.tensor([1]), "score", weighting)
