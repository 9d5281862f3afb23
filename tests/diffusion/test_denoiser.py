"""eps, x0, v, velocity and EDM's output are one knowledge in five forms."""

import pytest
import torch

from sfumato.diffusion import (
    PREDICTIONS,
    Clamped,
    CosineSchedule,
    EDMSchedule,
    FlowSchedule,
    LinearSchedule,
    NetworkDenoiser,
    Prediction,
    schedule_of,
)
from sfumato.diffusion.predictions import Levels, prediction_of

from .gaussians import EVERY, GaussianDenoiser


def drawn(schedule):
    generator = torch.Generator().manual_seed(0)
    x0, eps = (torch.randn(4, 3, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.tensor([schedule.time(value) for value in (-2.5, -1.0, 0.5, 3.0)], dtype=torch.float64)
    signal, noise = schedule.signal_noise(t, x0)
    return x0, eps, t, signal * x0 + noise * eps


def defined(schedule, predicts):
    return predicts != "v" or schedule.preserves_variance


@pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY.keys())
@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_a_perfect_network_of_any_kind_gives_back_x0_and_eps(schedule, predicts):
    if not defined(schedule, predicts):
        with pytest.raises(ValueError, match="v is defined where"):
            NetworkDenoiser(lambda x, t: x, schedule, predicts)
        return
    x0, eps, t, x_t = drawn(schedule)
    target = prediction_of(predicts).target(x0, eps, Levels(*schedule.signal_noise(t, x0), 0.5))
    prediction = NetworkDenoiser(lambda x, t: target, schedule, predicts)(x_t, t)
    assert torch.allclose(prediction.x0, x0, atol=1e-8)
    assert torch.allclose(prediction.eps, eps, atol=1e-8)


@pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY.keys())
@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_the_gain_is_how_far_x0_moves_with_the_output(schedule, predicts):
    if not defined(schedule, predicts):
        return
    x0, eps, t, x_t = drawn(schedule)
    levels = Levels(*schedule.signal_noise(t, x0), 0.5)
    kind = prediction_of(predicts)
    output = kind.target(x0, eps, levels)
    moved = kind.read(output + 1e-3, x_t, levels).x0 - kind.read(output, x_t, levels).x0
    gain = torch.as_tensor(kind.x0_gain(levels), dtype=torch.float64).expand(4, 1, 1, 1)
    assert torch.allclose(moved.abs(), (1e-3 * gain).expand_as(moved), rtol=1e-6)


def test_edm_sees_and_answers_numbers_of_size_one_on_every_schedule():
    """Karras et al. 2022, section 5: that is what its factors are for; the schedule's own scale is not applied too."""
    generator = torch.Generator().manual_seed(1)
    for schedule in EVERY.values():
        seen = []
        x0, eps = (torch.randn(1, 20_000, generator=generator, dtype=torch.float64) for _ in range(2))
        for value in (-2.5, 0.0, 2.5):
            t = torch.tensor([schedule.time(value)], dtype=torch.float64)
            levels = Levels(*schedule.signal_noise(t, x0), 0.5)
            x_t = levels.signal * 0.5 * x0 + levels.noise * eps
            NetworkDenoiser(lambda x, t, seen=seen: seen.append(x) or x, schedule, "edm")(x_t, t)
            target = prediction_of("edm").target(0.5 * x0, eps, levels)
            assert float(seen[-1].std()) == pytest.approx(1, abs=0.03)
            assert float(target.std()) == pytest.approx(1, abs=0.03)


def test_other_networks_on_edm_see_what_the_schedule_scales():
    schedule, seen = EDMSchedule(), []
    x = torch.full((1, 2), 10.0)
    t = torch.tensor([3.0], dtype=torch.float64)
    NetworkDenoiser(lambda x, t: seen.append((x, t)) or x, schedule, "x0", sigma_data=0.5)(x, t)
    assert torch.allclose(seen[0][0], x / (9 + 0.25) ** 0.5)
    assert torch.allclose(seen[0][1], torch.log(torch.tensor([3.0])) / 4)


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_without_signal_who_divides_by_it_refuses(predicts):
    if predicts == "v":
        return
    denoiser = NetworkDenoiser(lambda x, t: torch.zeros_like(x), FlowSchedule(), predicts)
    x, t = torch.ones(1, 2), torch.ones(1, dtype=torch.float64)
    if predicts in ("eps", "edm"):
        with pytest.raises(ValueError, match=f"{predicts} divides by the signal, which is 0 at time 1.0"):
            denoiser(x, t)
    else:
        prediction = denoiser(x, t)
        assert bool(prediction.x0.isfinite().all()) and bool(prediction.eps.isfinite().all())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown prediction 'velocty'; did you mean 'velocity'"):
        NetworkDenoiser(lambda x, t: x, LinearSchedule(), "velocty")


def test_a_half_precision_network_answers_in_the_pictures_type():
    denoiser = NetworkDenoiser(lambda x, t: x.half(), CosineSchedule(), "v")
    prediction = denoiser(torch.ones(1, 3, 2, 2), torch.tensor([5]))
    assert prediction.x0.dtype == prediction.eps.dtype == torch.float32


def test_clamping_is_exact_and_eps_agrees_if_asked():
    schedule = CosineSchedule()
    x0, eps, t, x_t = drawn(schedule)

    class Inner:
        def __init__(self):
            self.schedule = schedule

        def __call__(self, x, t):
            return Prediction(3 * x0, eps)

    kept, agreeing = Clamped(Inner(), recompute_eps=False)(x_t, t), Clamped(Inner())(x_t, t)
    for prediction in (kept, agreeing):
        assert torch.equal(prediction.x0, (3 * x0).clamp(-1, 1))
    assert torch.equal(kept.eps, eps)
    signal, noise = schedule.signal_noise(t, x_t)
    assert torch.allclose(signal * agreeing.x0 + noise * agreeing.eps, x_t)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 2e19, -3e38])
def test_clamping_hides_no_number_that_has_overflown(value):
    """3e38 is finite, and no picture's; 1e19 is far beyond any, but its square can still be told."""
    schedule = CosineSchedule()

    class Inner:
        def __init__(self, x0):
            self.schedule, self.x0 = schedule, torch.full((1, 3, 2, 2), x0)

        def __call__(self, x, t):
            return Prediction(self.x0, self.x0)

    x_t, t = torch.zeros(1, 3, 2, 2), torch.tensor([500])
    assert Clamped(Inner(value), recompute_eps=False)(x_t, t).x0.isnan().all()
    assert Clamped(Inner(value))(x_t, t).eps.isnan().all()
    assert torch.equal(Clamped(Inner(-1e19))(x_t, t).x0, torch.full((1, 3, 2, 2), -1.0))


def test_denoisers_agree_on_their_schedule_or_are_refused():
    linear, cosine = (GaussianDenoiser(schedule, 0, 1) for schedule in (LinearSchedule(), CosineSchedule()))
    assert schedule_of(linear, GaussianDenoiser(LinearSchedule(), 1, 1)) == LinearSchedule()
    with pytest.raises(ValueError, match="denoisers of different schedules: LinearSchedule"):
        schedule_of(linear, cosine)
    with pytest.raises(TypeError, match="is no Denoiser"):
        schedule_of(print)
