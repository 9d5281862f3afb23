"""Schedules against the papers' formulas, and each property over all of them."""

import json
import math
import pickle

import pytest
import torch

from sfumato.diffusion import (
    CLEAN,
    CosineSchedule,
    EDMSchedule,
    FlowSchedule,
    LinearSchedule,
    ScaledLinearSchedule,
    TableSchedule,
    make_schedule,
)

from .gaussians import EVERY

every_schedule = pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY.keys())


def test_linear_is_the_cumulative_product():
    schedule, product = LinearSchedule(), 1.0
    for t in range(1000):
        product *= 1 - (1e-4 + (2e-2 - 1e-4) * t / 999)
        if t in (0, 1, 500, 999):
            assert float(schedule.alpha_bar[t]) == pytest.approx(product, rel=1e-12)


def test_scaled_linear_has_stable_diffusions_ends():
    table = ScaledLinearSchedule().alpha_bar
    betas = 1 - table / torch.cat([torch.ones(1, dtype=torch.float64), table[:-1]])
    assert float(betas[0]) == pytest.approx(0.00085, rel=1e-9)
    assert float(betas[-1]) == pytest.approx(0.0120, rel=1e-9)
    assert float(betas[500]) == pytest.approx((0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * 500 / 999) ** 2, rel=1e-9)


def test_cosine_is_nichol_and_dhariwals_curve():
    def f(t):
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (0, 250, 700, 950):
        assert float(CosineSchedule().alpha_bar[t]) == pytest.approx(f(t + 1) / f(0), rel=1e-9)


def test_whole_times_of_a_table_are_exact():
    schedule = LinearSchedule()
    signal, noise = schedule.signal_and_noise(torch.arange(1000))
    assert torch.equal(signal, schedule.alpha_bar.sqrt())
    assert torch.equal(noise, (1 - schedule.alpha_bar).sqrt())


def test_between_whole_times_lambda_is_linear():
    schedule = CosineSchedule()
    low, high = schedule.half_log_snr(400), schedule.half_log_snr(401)
    assert schedule.half_log_snr(400.25) == pytest.approx(0.75 * low + 0.25 * high, rel=1e-12)
    signal, noise = schedule.levels(400.25)
    assert math.log(signal / noise) == pytest.approx(schedule.half_log_snr(400.25), abs=1e-12)


def test_flow_and_edm_are_their_lines():
    assert FlowSchedule().levels(0.3) == pytest.approx((0.7, 0.3))
    assert EDMSchedule().levels(5.5) == (1.0, 5.5)


@every_schedule
def test_the_clean_time_has_no_noise_and_the_start_the_most(schedule):
    assert schedule.levels(schedule.clean) == (1.0, 0.0)
    assert schedule.half_log_snr(schedule.clean) == math.inf
    times = schedule.times(20)
    assert times[0] == pytest.approx(schedule.start) and times[-1] == schedule.clean
    lambdas = [schedule.half_log_snr(t) for t in times]
    assert all(before < after for before, after in zip(lambdas, lambdas[1:]))
    for t in times:
        signal, noise = schedule.levels(t)
        assert signal >= 0 and noise >= 0
        if schedule.preserves_variance:
            assert signal**2 + noise**2 == pytest.approx(1, abs=1e-12)


@every_schedule
def test_lambda_and_time_are_each_others_inverse(schedule):
    low, high = -2.6, 3.5
    for i in range(101):
        value = low + i * (high - low) / 100
        assert schedule.half_log_snr(schedule.time(value)) == pytest.approx(value, abs=1e-9)
    largest, smallest = schedule.sigma_range()
    assert largest > smallest > 0
    if not schedule.ends_without_signal:
        signal, noise = schedule.levels(schedule.start)
        assert largest == pytest.approx(noise / signal, rel=1e-9)
        # A lambda that rounding carried beyond the start is the start's.
        at_start = schedule.half_log_snr(schedule.start)
        for value in (at_start, at_start - 1e-10, at_start + 1e-10):
            assert schedule.time(value) == pytest.approx(schedule.start, rel=1e-6)
    assert schedule.half_log_snr(schedule.time(-math.log(smallest))) == pytest.approx(-math.log(smallest), abs=1e-9)


@every_schedule
def test_numbers_and_tensors_say_the_same_in_pictures_types(schedule):
    times = schedule.times(5)[1:-1]
    for dtype in (torch.float32, torch.float64):
        like = torch.zeros(len(times), 3, 2, 2, dtype=dtype)
        signal, noise = schedule.signal_noise(torch.tensor(times, dtype=torch.float64), like)
        assert signal.shape == noise.shape == (len(times), 1, 1, 1) and signal.dtype == dtype
        for place, t in enumerate(times):
            wanted = torch.tensor(schedule.levels(t), dtype=dtype)
            assert torch.equal(torch.stack([signal[place, 0, 0, 0], noise[place, 0, 0, 0]]), wanted)
            one = schedule.signal_noise(t, like)
            assert torch.equal(torch.stack([one[0].flatten()[0], one[1].flatten()[0]]), wanted)


def test_small_noise_keeps_its_digits_in_half_of_them():
    """1 - alpha_bar in float32 would lose four digits at t = 0; the root is taken before the cast."""
    signal, noise = LinearSchedule().signal_noise(0, torch.zeros(1, 3, 2, 2))
    assert float(noise) == pytest.approx(1e-2, rel=1e-6)
    assert float(signal) == pytest.approx(math.sqrt(1 - 1e-4), rel=1e-6)


@every_schedule
def test_schedules_are_compared_by_value(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule and hash(again) == hash(schedule)
    assert [other == schedule for other in EVERY.values()].count(True) == 1
    assert schedule != "schedule"


def test_other_options_are_another_schedule():
    assert LinearSchedule() != LinearSchedule(end=0.03) and EDMSchedule() != EDMSchedule(sigma_max=100)
    assert TableSchedule(LinearSchedule().alpha_bar) == LinearSchedule()


def test_what_a_network_is_told_and_given():
    t = torch.tensor([0.25, 0.5], dtype=torch.float64)
    assert torch.equal(FlowSchedule().network_time(t), 1000 * t)
    assert torch.allclose(EDMSchedule().network_time(t), t.log() / 4)
    assert torch.equal(LinearSchedule().network_time(t), t)
    scale = EDMSchedule().input_scale(t, torch.zeros(2, 1, dtype=torch.float64), 0.5)
    assert torch.allclose(scale.flatten(), (t**2 + 0.25) ** -0.5)
    eps = torch.ones(2)
    assert torch.equal(EDMSchedule().first(eps), 80 * eps) and torch.equal(FlowSchedule().first(eps), eps)


def test_spacings_of_tables():
    schedule = LinearSchedule()
    assert schedule.times(4) == schedule.times(4, "trailing") == [999, 749, 499, 249, CLEAN]
    assert schedule.times(4, "leading", offset=1) == [751, 501, 251, 1, CLEAN]
    assert schedule.times(4, "linspace") == [999, 666, 333, 0, CLEAN]
    assert schedule.times(4, "uniform") == [999.0, 749.25, 499.5, 249.75, 0]
    assert schedule.times(4, "lcm") == [999, 759, 499, 259, CLEAN]
    assert schedule.times(50, "lcm") == schedule.times(50, "trailing")
    with pytest.raises(ValueError, match="times must fall; lcm with 51 steps"):
        schedule.times(51, "lcm")
    for spacing in ("leading", "trailing", "linspace"):
        assert schedule.times(1000, spacing) == [*range(999, -1, -1), CLEAN]


def test_trailing_times_are_those_that_few_step_weights_were_made_for(reference):
    """diffusers' timestep_spacing="trailing", which Hyper-SD's N-step LoRAs take; see make_lcm.py."""
    for steps, times in json.loads((reference / "lcm.json").read_text())["trailing"].items():
        assert LinearSchedule().times(int(steps), "trailing") == [*times, CLEAN]


def test_flow_is_even_or_shifted():
    assert FlowSchedule().times(4) == [1.0, 0.75, 0.5, 0.25, 0.0]
    shifted = FlowSchedule().times(4, shift=3.0)
    assert shifted == pytest.approx([1.0, 3 * 0.75 / 2.5, 3 * 0.5 / 2, 3 * 0.25 / 1.5, 0.0])


@every_schedule
def test_karras_spacing_has_even_roots_from_the_largest_sigma_to_the_smallest(schedule):
    """Karras et al. 2022, eq. 5, rho = 7."""
    times = schedule.times(8, "karras")
    assert len(times) == 9 and times[-1] == schedule.clean
    inner = times[1:-1] if schedule.levels(times[0])[0] == 0 else times[:-1]
    roots = [math.exp(-schedule.half_log_snr(t) / 7) for t in inner]
    gaps = [before - after for before, after in zip(roots, roots[1:])]
    assert gaps == pytest.approx([gaps[0]] * len(gaps), rel=1e-6)
    largest, smallest = schedule.sigma_range()
    assert roots[0] ** 7 == pytest.approx(largest) and roots[-1] ** 7 == pytest.approx(smallest)


def test_edms_own_times():
    sigmas = EDMSchedule().times(18)
    assert sigmas[0] == pytest.approx(80) and sigmas[-2] == pytest.approx(0.002) and sigmas[-1] == 0
    assert sigmas[1] == pytest.approx((80 ** (1 / 7) + (0.002 ** (1 / 7) - 80 ** (1 / 7)) / 17) ** 7)


@every_schedule
def test_shares_become_times_to_train_at(schedule):
    times = schedule.spread(torch.tensor([0.0, 0.25, 0.999999]))
    lambdas = [schedule.half_log_snr(float(t)) for t in times]
    assert lambdas[0] > lambdas[1] > lambdas[2]


@every_schedule
def test_values_are_looked_up_where_t_lives_without_a_break(schedule):
    """A trip to the CPU would show as a graph that torch.compile cannot hold in one."""
    if not hasattr(torch, "compile"):
        pytest.skip("this PyTorch cannot compile")
    held = torch.compile(lambda t, x: schedule.signal_noise(t, x), fullgraph=True, backend="eager")
    t = torch.tensor(schedule.times(4)[1:-1], dtype=torch.float64)
    x = torch.zeros(len(t), 3)
    for ours, theirs in zip(held(t, x), schedule.signal_noise(t, x)):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: LinearSchedule().levels(1000), "neither -1 nor between 0 and 999"),
        (lambda: LinearSchedule().levels(-0.5), "neither -1 nor between 0 and 999"),
        (lambda: LinearSchedule().signal_noise(-2, torch.zeros(1)), "neither -1 nor between 0 and 999"),
        (lambda: FlowSchedule().levels(1.5), "not between 0 and 1"),
        (lambda: EDMSchedule().levels(-1), "time -1 is no noise"),
        (lambda: ScaledLinearSchedule().time(-5), "lambda is -2.682 ... 3.535"),
        (lambda: LinearSchedule().times(0), "steps must be at least 1, got 0"),
        (lambda: LinearSchedule().times(1001), "steps must be between 1 and 1000, got 1001"),
        (lambda: LinearSchedule().times(10, "cubic"), "unknown spacing 'cubic'; choose one of trailing"),
        (lambda: LinearSchedule().times(10, "karas"), "unknown spacing 'karas'; did you mean 'karras'"),
        (lambda: FlowSchedule().times(10, "leading"), "unknown spacing 'leading'"),
        (lambda: FlowSchedule().times(10, offset=1), "the spacing even has no offset"),
        (lambda: FlowSchedule().times(10, shift=0), "shift must be above 0"),
        (lambda: LinearSchedule().times(1000, "leading", offset=1), "time 1000 is neither"),
        (lambda: LinearSchedule().times(10, "linspace", final=0), "times must fall"),
        (lambda: LinearSchedule().times(10, "uniform", final=CLEAN), "uniform times end at an index"),
        (lambda: EDMSchedule().times(10, rho=0), "rho must be above 0"),
        (lambda: EDMSchedule(sigma_min=0), "0 < sigma_min < sigma_max"),
        (lambda: EDMSchedule(sigma_min=2, sigma_max=1), "0 < sigma_min < sigma_max"),
        (lambda: make_schedule("cosin"), "unknown schedule 'cosin'; did you mean 'cosine'"),
        (lambda: make_schedule("flow", sigma_max=3), "the schedule flow has no sigma_max"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("table", [[0.5], [0.5, 0.6], [1.0, 0.5], [0.5, 0.0], [[0.5], [0.4]]])
def test_tables_that_are_no_schedule_are_refused(table):
    with pytest.raises(ValueError, match="alpha_bar must"):
        TableSchedule(torch.tensor(table))
