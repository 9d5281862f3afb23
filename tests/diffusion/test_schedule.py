"""alpha_bar against the papers' formulas, and the times that samplers visit."""

import math

import pytest
import torch

from sfumato.diffusion import CLEAN, NoiseSchedule, spaced_times


def test_linear_is_the_cumulative_product():
    schedule = NoiseSchedule.linear()
    product = 1.0
    for t in range(1000):
        product *= 1 - (1e-4 + (2e-2 - 1e-4) * t / 999)
        if t in (0, 1, 500, 999):
            assert float(schedule.alpha_bar(t)) == pytest.approx(product, rel=1e-12)


def test_scaled_linear_has_stable_diffusions_ends():
    betas = 1 - NoiseSchedule.scaled_linear().alpha_bar(torch.arange(1000)) / torch.cat(
        [torch.ones(1, dtype=torch.float64), NoiseSchedule.scaled_linear().alpha_bar(torch.arange(999))]
    )
    assert float(betas[0]) == pytest.approx(0.00085, rel=1e-9)
    assert float(betas[-1]) == pytest.approx(0.0120, rel=1e-9)
    assert float(betas[500]) == pytest.approx((0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * 500 / 999) ** 2, rel=1e-9)


def test_cosine_is_nichol_and_dhariwals_curve():
    def f(t):
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    schedule = NoiseSchedule.cosine()
    for t in (0, 250, 700, 950):
        assert float(schedule.alpha_bar(t)) == pytest.approx(f(t + 1) / f(0), rel=1e-9)


def test_whole_times_are_exact_and_clean_is_one():
    betas = torch.linspace(1e-4, 2e-2, 1000, dtype=torch.float64)
    table = torch.cumprod(1 - betas, 0)
    assert torch.equal(NoiseSchedule.linear().alpha_bar(torch.arange(1000)), table)
    assert float(NoiseSchedule.linear().alpha_bar(CLEAN)) == 1.0


def test_between_whole_times_lambda_is_linear():
    schedule = NoiseSchedule.cosine()
    low, high = schedule.half_log_snr(400), schedule.half_log_snr(401)
    assert float(schedule.half_log_snr(400.25)) == pytest.approx(float(0.75 * low + 0.25 * high), rel=1e-12)


@pytest.mark.parametrize("t", [-2, -0.5, 1000, 999.5])
def test_times_outside_are_refused(t):
    with pytest.raises(ValueError, match="neither -1 nor between 0 and 999"):
        NoiseSchedule.linear().alpha_bar(t)


def test_half_precision_pictures_keep_the_noise_near_zero():
    """1 - alpha_bar in float32 would lose four digits at t = 0; the root is taken before the cast."""
    signal, noise = NoiseSchedule.linear().signal_noise(0, torch.zeros(1, 3, 2, 2))
    assert noise.shape == (1, 1, 1, 1)
    assert float(noise) == pytest.approx(1e-2, rel=1e-6)
    assert float(signal) == pytest.approx(math.sqrt(1 - 1e-4), rel=1e-6)


def test_spacings():
    assert spaced_times(1000, 4, "leading", offset=1) == [751, 501, 251, 1, CLEAN]
    assert spaced_times(1000, 4, "trailing") == [999, 749, 499, 249, CLEAN]
    assert spaced_times(1000, 4, "linspace") == [999, 666, 333, 0, CLEAN]
    assert spaced_times(1000, 4, "uniform", final=0) == [999.0, 749.25, 499.5, 249.75, 0]
    for spacing in ("leading", "trailing", "linspace"):
        assert spaced_times(1000, 1000, spacing) == [*range(999, -1, -1), CLEAN]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1000, 0), "steps must be between 1 and 1000, got 0"),
        ((1000, 1001), "steps must be between 1 and 1000, got 1001"),
        ((1000, 10, "cubic"), "unknown spacing 'cubic'; choose one of leading"),
        ((1000, 1000, "leading", 1), "times must fall from at most 999"),
        ((1000, 10, "linspace", 0, 0), "times must fall"),
        ((1000, 10, "uniform"), "uniform times end at an index"),
    ],
)
def test_times_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        spaced_times(*arguments)


@pytest.mark.parametrize("table", [[0.5], [0.5, 0.6], [1.0, 0.5], [0.5, 0.0], [[0.5], [0.4]]])
def test_tables_that_are_no_schedule_are_refused(table):
    with pytest.raises(ValueError, match="alpha_bar must"):
        NoiseSchedule(torch.tensor(table))
