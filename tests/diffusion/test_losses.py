"""The training loss: its minimum is the exact denoiser, whatever is predicted, weighted and scheduled."""

import math

import pytest
import torch

from sfumato.diffusion import (
    LOSSES,
    PREDICTIONS,
    CosineSchedule,
    EDMSchedule,
    FlowSchedule,
    LinearSchedule,
    NetworkDenoiser,
    make_loss,
    stratified_times,
    training_loss,
)
from sfumato.diffusion.losses import MinSNR
from sfumato.diffusion.predictions import Levels, prediction_of

from .gaussians import EVERY, GaussianDenoiser

every_schedule = pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY.keys())


def exact_network(schedule, predicts, mean, std):
    """A network that answers as the exact denoiser of N(mean, std^2) does, from what networks are given."""
    kind, denoiser = prediction_of(predicts), GaussianDenoiser(schedule, mean, std)

    def network(x, told, t):
        levels = Levels(*schedule.signal_noise(t, x), 0.5)
        scale = kind.input_scale(levels)
        if scale is None:
            scale = schedule.input_scale(t, x, 0.5)
        return kind.target(*denoiser(x / scale, t), levels)

    return network


@every_schedule
@pytest.mark.parametrize("predicts", PREDICTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_exact_denoiser_has_the_least_loss(schedule, predicts, name):
    if predicts == "v" and not schedule.preserves_variance:
        with pytest.raises(ValueError, match="v is defined where"):
            NetworkDenoiser(None, schedule, "v")
        return
    mean, std = 0.3, 0.5
    generator = torch.Generator().manual_seed(0)
    x0 = mean + std * torch.randn(20_000, 1, generator=generator, dtype=torch.float64)
    eps = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    lambdas = (-2.5 + 5 * torch.rand(len(x0), generator=generator)).tolist()
    t = torch.tensor([schedule.time(one) for one in lambdas], dtype=torch.float64)

    def loss_of(mean, std):
        network = exact_network(schedule, predicts, mean, std)
        return float(
            training_loss(NetworkDenoiser(network, schedule, predicts, (t,)), x0, t, eps, make_loss(name)).mean()
        )

    least = loss_of(mean, std)
    for worse in ((mean + 0.1, std), (mean - 0.1, std), (mean, std * 1.3), (mean, std / 1.3)):
        assert loss_of(*worse) > least


def levels_of(schedule):
    t = torch.tensor([schedule.time(value) for value in (-2.5, -0.5, 0.7, 3.0)], dtype=torch.float64)
    return Levels(*schedule.signal_noise(t, t), 0.5)


@every_schedule
def test_min_snr_is_hang_et_als_rows(schedule):
    """The error times min(SNR, gamma) times noise^2 / signal^2 for eps and 1 for x0; noise^2 for velocity on flow."""
    levels = levels_of(schedule)
    snr = (levels.signal / levels.noise) ** 2
    capped = snr.clamp(max=5.0)
    weigh = lambda predicts: MinSNR(5.0).weight(prediction_of(predicts), levels)  # noqa: E731
    assert torch.allclose(weigh("x0"), capped)
    assert torch.allclose(weigh("eps"), capped * levels.noise**2 / levels.signal**2)
    assert torch.allclose(weigh("velocity"), capped * (levels.noise / (levels.signal + levels.noise)) ** 2)
    if isinstance(schedule, FlowSchedule):
        assert torch.allclose(weigh("velocity"), capped * levels.noise**2)
    if schedule.preserves_variance:
        assert torch.allclose(weigh("v"), capped / (snr + 1))


@every_schedule
def test_edms_weight_is_table_1s_on_x0_and_one_on_its_own_output(schedule):
    levels = levels_of(schedule)
    sigma = levels.noise / levels.signal
    weigh = lambda predicts: make_loss("edm").weight(prediction_of(predicts), levels)  # noqa: E731
    assert torch.allclose(weigh("x0"), (sigma**2 + 0.25) / (sigma * 0.5) ** 2)
    assert torch.allclose(weigh("edm"), torch.ones_like(sigma))


def test_the_uniform_loss_is_the_mean_square_of_each_picture():
    schedule = CosineSchedule()
    x0, eps, t = torch.zeros(2, 3, 2, 2), torch.ones(2, 3, 2, 2), torch.tensor([10, 500])
    network = lambda x, t, gain: gain[:, None, None, None] * torch.ones_like(x)  # noqa: E731
    denoiser = NetworkDenoiser(network, schedule, "eps", (torch.tensor([1.0, 3.0]),))
    loss = training_loss(denoiser, x0, t, eps, make_loss("uniform"))
    assert loss.tolist() == [0.0, 4.0]


def test_strata_hold_one_time_each():
    t = stratified_times(LinearSchedule(), 100, torch.Generator().manual_seed(1))
    assert t.dtype == torch.int64
    assert sorted(time // 10 for time in t.tolist()) == list(range(100))
    assert t.tolist() != sorted(t.tolist())
    t = stratified_times(FlowSchedule(), 100, torch.Generator().manual_seed(1))
    assert sorted(int(time * 100) for time in t.tolist()) == list(range(100))
    sigmas = stratified_times(EDMSchedule(), 100, torch.Generator().manual_seed(1))
    shares = (sigmas.log() - math.log(0.002)) / (math.log(80) - math.log(0.002))
    assert sorted(int(share * 100) for share in shares.tolist()) == list(range(100))


def test_logit_normal_times_have_their_mean_and_spread():
    t = stratified_times(FlowSchedule(), 50_000, torch.Generator().manual_seed(1), logit_normal=(0.3, 1.1))
    logits = torch.logit(t)
    assert float(logits.mean()) == pytest.approx(0.3, abs=0.01)
    assert float(logits.std()) == pytest.approx(1.1, abs=0.02)


@every_schedule
def test_log_normal_sigmas_have_their_mean_and_spread(schedule):
    t = stratified_times(schedule, 4_000, torch.Generator().manual_seed(1), log_normal=(-0.4, 0.6))
    sigmas = torch.tensor([-schedule.half_log_snr(float(one)) for one in t])
    assert float(sigmas.mean()) == pytest.approx(-0.4, abs=0.02)
    assert float(sigmas.std()) == pytest.approx(0.6, abs=0.02)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="unknown loss 'min-snrr'; did you mean 'min-snr'"):
        make_loss("min-snrr")
    with pytest.raises(ValueError, match="gamma must be above 0"):
        make_loss("min-snr", gamma=0)
    with pytest.raises(ValueError, match="logit-normal or log-normal, not both"):
        stratified_times(FlowSchedule(), 2, logit_normal=(0, 1), log_normal=(0, 1))
    with pytest.raises(ValueError, match="unknown prediction 'score'"):
        NetworkDenoiser(None, LinearSchedule(), "score")
