"""Samplers against data whose exact denoiser, and exact answer, are known; every sampler on every schedule."""

import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sfumato.diffusion import (
    CLEAN,
    DDIM,
    DDPM,
    LCM,
    SAMPLERS,
    Clamped,
    CosineSchedule,
    DDIMInversion,
    DPMSolver,
    DPMSolverPlusPlus,
    EDMSampler,
    EDMSchedule,
    FlowSchedule,
    Heun,
    LinearSchedule,
    NetworkDenoiser,
    Prediction,
    ScaledLinearSchedule,
    SeededNoise,
    make_sampler,
    sample,
)
from sfumato.diffusion.samplers.lcm import boundary

from .gaussians import EVERY, GaussianDenoiser, MixtureDenoiser, even_in_lambda

OPTIONS = {"edm with churn": ("edm", {"churn": 8.0}), "ddim with eta": ("ddim", {"eta": 1.0})}
"""Rows of the tests beside the samplers at their defaults: name -> (sampler, what it is told)."""
ROWS = [*(name for name in SAMPLERS if name != "lcm"), *OPTIONS]
ORDERS = {"heun": 2, "edm": 2, "dpmpp-2m": 2, "dpm-2m": 2, "unipc": 3}
DETERMINISTIC = [name for name in SAMPLERS if not make_sampler(name).stochastic]

every_schedule = pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY.keys())


def made(row):
    name, told = OPTIONS.get(row, (row, {}))
    return make_sampler(name, **told)


def walk(sampler, x, denoiser, times, noise=None) -> Tensor:
    return sample(sampler(x, denoiser, times, noise))


def fresh_noise(like: Tensor, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(like.shape, generator=generator, dtype=like.dtype)


def drawn(count, seed):
    """Standard normal noise, its mean and standard deviation made exact, so that few say much."""
    eps = torch.randn(count, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (eps - eps.mean()) / eps.std()


def begun(schedule, row, eps):
    """x and times of the customary start; where a sampler cannot begin without signal, from just below."""
    steps = {"ddpm": 1000, "ddim with eta": 1000}.get(row, 200)
    times = schedule.times(steps)
    if schedule.levels(times[0])[0] == 0 and made(row).needs_signal:
        times = times[1:]
    signal, noise = schedule.levels(times[0])
    return (schedule.first(eps) if times[0] == schedule.start else signal * 0.4 + noise * eps), times


@every_schedule
@pytest.mark.parametrize("row", ROWS)
def test_every_sampler_reaches_mean_and_variance_of_a_gaussian(schedule, row):
    x, times = begun(schedule, row, drawn(8_000, 1))
    out = walk(made(row), x, GaussianDenoiser(schedule, 0.4, 0.5), times, fresh_noise(x))
    # Some tables begin at a little signal, of which pure noise has none: 7% of it for Stable Diffusion's.
    left_out = 0.4 * schedule.levels(times[0])[0] / 2
    assert abs(out.mean().item() - 0.4) < 0.015 + left_out
    assert abs(out.std().item() - 0.5) < 0.015


@every_schedule
@pytest.mark.parametrize("row", ROWS)
def test_every_sampler_fills_both_modes_of_a_mixture(schedule, row):
    x, times = begun(schedule, row, drawn(4_000, 2))
    out = walk(made(row), x, MixtureDenoiser(schedule, torch.tensor([-1.0, 0.6]), 0.1), times, fresh_noise(x))
    upper = out > -0.2
    assert abs(upper.double().mean().item() - 0.5) < 0.03
    assert abs(out[upper].mean().item() - 0.6) < 0.02 and abs(out[~upper].mean().item() + 1.0) < 0.02
    assert abs(out[upper].std().item() - 0.1) < 0.02


@every_schedule
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_order_of_convergence(schedule, name):
    """The error against the exact flow falls as steps^-order; times even in lambda, far from both ends."""
    denoiser = GaussianDenoiser(schedule, 0.7, 0.6)
    times = even_in_lambda(schedule, -2.5, 2.5, 160)
    signal, noise = schedule.levels(times[0])
    x = signal * 0.7 + math.hypot(signal * 0.6, noise) * torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    exact, errors = denoiser.flow(x, times[0], times[-1]), []
    for every in (4, 2, 1):
        found = walk(make_sampler(name), x, denoiser, times[::every])
        errors.append(((found - exact).abs().max() / schedule.levels(times[-1])[0]).item())
    measured = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert measured[-1] == pytest.approx(ORDERS.get(name, 1), abs=0.2), (errors, measured)


@every_schedule
def test_the_stochastic_solver_is_of_second_order(schedule):
    """Its mean and variance, carried exactly: each step is linear in x and in the last prediction."""
    mean, std = 0.4, 0.5
    errors = []
    for steps in (40, 80, 160):
        times = even_in_lambda(schedule, -2.6, 3.0, steps)
        spread = second_moment(schedule, times, mean, std)
        signal, noise = schedule.levels(times[-1])
        errors.append(abs(spread - math.hypot(signal * std, noise)) / signal)
    measured = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert measured[-1] > 1.8, (errors, measured)


def second_moment(schedule, times, mean, std):
    """The standard deviation after the walk, from the walk itself: unit vectors carried through its own steps.

    The sampler is linear in x, its noise and its mean, so that running it on basis vectors gives its matrices.
    """
    sampler, denoiser = make_sampler("dpmpp-2m-sde", lower_order_final=False), GaussianDenoiser(schedule, 0.0, std)
    signal, noise = schedule.levels(times[0])
    steps, variance = len(times) - 1, 0.0
    # Column k is a walk from 0 whose only noise comes at step k; the last column begins at one standard deviation.
    draws = iter(torch.eye(steps + 1, dtype=torch.float64)[:steps])
    x = torch.zeros(1, steps + 1, dtype=torch.float64)
    x[0, steps] = math.hypot(signal * std, noise)
    for step in sampler(x, denoiser, times, lambda: next(draws)[None]):
        variance = float(step.x.square().sum())
    return math.sqrt(variance)


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("mixture", [False, True])
def test_on_one_grid_of_sigma_all_schedules_give_one_picture(name, mixture):
    """From the same x_T / signal_T on the same grid of noise / signal: nothing is left of the schedule but rounding."""
    eps = torch.randn(50, 2, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    lambdas = [-2.6, -2.0, -1.2, -0.5, 0.3, 1.0, 2.2, 3.0]
    found = []
    for schedule in EVERY.values():
        means = torch.tensor([-0.7, 0.8])
        denoiser = MixtureDenoiser(schedule, means, 0.3) if mixture else GaussianDenoiser(schedule, 0.4, 0.5)
        times = [schedule.time(value) for value in lambdas] + [schedule.clean]
        x = schedule.levels(times[0])[0] * 9.0 * eps
        found.append(walk(make_sampler(name), x, denoiser, times))
    for other in found[1:]:
        assert (other - found[0]).abs().max().item() < 1e-10


@every_schedule
@pytest.mark.parametrize("row", ["ddim", "dpmpp-2m", "heun", "unipc", "dpmpp-2m-sde", "ddpm", "edm with churn"])
def test_few_steps_from_pure_noise_stay_near_the_data(schedule, row):
    """The first step from an SNR of nearly zero is huge in sigma; no sampler may blow up on it."""
    eps = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    x = schedule.first(eps)
    out = walk(made(row), x, GaussianDenoiser(schedule, 0.4, 0.5), schedule.times(5), fresh_noise(eps))
    if made(row).stochastic:
        assert out.abs().max() < 2.5
    else:
        assert (out - (0.4 + 0.5 * eps)).abs().max() < 1.1


@every_schedule
def test_karras_spacing_reaches_the_data_too(schedule):
    eps = drawn(5_000, 3)
    out = walk(
        make_sampler("unipc"), schedule.first(eps), GaussianDenoiser(schedule, 0.4, 0.5), schedule.times(100, "karras")
    )
    assert abs(out.mean().item() - 0.4) < 0.02
    assert abs(out.std().item() - 0.5) < 0.01


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_keeps_the_marginal_variance_at_every_step(eta):
    """Song et al. 2020, lemma 1: whatever eta, x_s has q(x_s)'s variance, on the way too."""
    schedule = CosineSchedule()
    denoiser = GaussianDenoiser(schedule, 0.0, 1.0)  # for N(0, 1) data every marginal is N(0, 1)
    x = torch.randn(40_000, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for step in DDIM(eta)(x, denoiser, schedule.times(500), fresh_noise(x)):
        if step.index % 100 == 0:
            assert abs(step.x.var().item() - 1.0) < 0.03


@every_schedule
def test_ddpm_variances_bracket_the_truth(schedule):
    """For N(0, 1) data the forward variance is the right one; the posterior one loses exactly what x0's spread adds."""
    denoiser = GaussianDenoiser(schedule, 0.0, 1.0)
    times = even_in_lambda(schedule, -2.6, 3.0, 15)
    signal, noise = schedule.levels(times[0])
    x = math.hypot(signal, noise) * drawn(40_000, 4)
    signal, noise = schedule.levels(times[-1])
    whole = signal**2 + noise**2
    ends = {v: walk(DDPM(v), x, denoiser, times, fresh_noise(x)).var().item() for v in ("posterior", "forward")}
    assert ends["forward"] == pytest.approx(whole, rel=0.03)
    assert ends["posterior"] == pytest.approx(exact_posterior_variance(schedule, times), rel=0.03)
    assert ends["posterior"] < 0.9 * whole


def exact_posterior_variance(schedule, times):
    """For N(0, 1) data x0 is linear in x_t, so that each step's variance follows from the last one's."""
    signal, noise = schedule.levels(times[0])
    variance = signal**2 + noise**2
    for t, s in zip(times, times[1:]):
        (a_t, n_t), (a_s, n_s) = schedule.levels(t), schedule.levels(s)
        ratio = (a_t * n_s / (a_s * n_t)) ** 2  # e^-2h
        along = a_s * (1 - ratio) * a_t / (a_t**2 + n_t**2) + n_s**2 / n_t**2 * a_t / a_s
        variance = along**2 * variance + n_s**2 * (1 - ratio)
    return variance


@every_schedule
def test_ddim_with_eta_one_is_ddpm_step_for_step(schedule):
    """With the same noise the two walks are the same numbers, so they are one distribution."""
    denoiser = MixtureDenoiser(schedule, torch.tensor([-0.8, 0.8]), 0.2)
    x = schedule.first(torch.randn(500, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64))
    times = schedule.times(300)
    a = walk(DDIM(1.0), x, denoiser, times, fresh_noise(x, 9))
    b = walk(DDPM("posterior"), x, denoiser, times, fresh_noise(x, 9))
    assert (a - b).abs().max().item() < 1e-6


def test_the_variances_are_the_papers_on_tables():
    schedule = LinearSchedule()
    (ab_t, ab_s) = (float(schedule.alpha_bar[t]) for t in (700, 400))

    class Known:
        def __init__(self):
            self.schedule = schedule

        def __call__(self, x, t):
            return Prediction(torch.zeros_like(x), torch.zeros_like(x))

    one = torch.ones(1, 1, dtype=torch.float64)
    wanted = {
        "posterior": (1 - ab_s) / (1 - ab_t) * (1 - ab_t / ab_s),
        "forward": 1 - ab_t / ab_s,
    }
    for variance, expected in wanted.items():
        out = walk(DDPM(variance), 0 * one, Known(), [700, 400], lambda: one)
        assert out.item() ** 2 == pytest.approx(expected, rel=1e-9)
    sigma = 0.5 * math.sqrt(wanted["posterior"])
    assert walk(DDIM(0.5), 0 * one, Known(), [700, 400], lambda: one).item() == pytest.approx(sigma, rel=1e-9)


@every_schedule
def test_churn_puts_in_the_noise_that_it_says(schedule):
    """One step without a change of x0: the time goes back to (1 + gamma) sigma, and x is one of that time."""
    asked = []

    class Watching(GaussianDenoiser):
        def __call__(self, x_t, t):
            asked.append((float(t[0]), x_t))
            return super().__call__(x_t, t)

    times = even_in_lambda(schedule, -1.0, 1.0, 2)
    denoiser = Watching(schedule, 0.0, 1.0)
    x = math.hypot(*schedule.levels(times[0])) * drawn(40_000, 7)
    walk(EDMSampler(churn=0.4), x, denoiser, times, fresh_noise(x))
    gamma = 0.4 / 2
    back = [(t, x) for t, x in asked if times[0] > t > times[1]]
    assert len(back) == 1, "the first time has nowhere to go back to; the second goes back once"
    t_hat, x_hat = back[0]
    assert schedule.half_log_snr(t_hat) == pytest.approx(schedule.half_log_snr(times[1]) - math.log1p(gamma), abs=1e-9)
    assert x_hat.std().item() == pytest.approx(math.hypot(*schedule.levels(t_hat)), rel=0.02)


@every_schedule
def test_much_churn_never_goes_beyond_the_start(schedule):
    asked = []

    class Watching(GaussianDenoiser):
        def __call__(self, x_t, t):
            asked.append(float(t[0]))
            return super().__call__(x_t, t)

    x = schedule.first(torch.ones(1, 1, dtype=torch.float64))
    times = schedule.times(6)
    walk(EDMSampler(churn=1e6), x, Watching(schedule, 0.4, 0.5), times, lambda: torch.zeros_like(x))
    assert max(asked) <= times[0]
    assert len(asked) > 12


def test_a_consistency_model_is_walked_in_jumps():
    """Of a network that jumps to the data exactly, every number of steps gives the data's distribution."""
    for schedule in EVERY.values():
        eps = drawn(20_000, 8)

        class Jumping:
            def __init__(self):
                self.schedule = schedule  # noqa: B023

            def __call__(self, x, t):
                # The exact flow's end: what a perfect distillation answers.
                signal, noise = self.schedule.signal_noise(t, x)
                x0 = 0.4 + 0.5 * (x - signal * 0.4) / (signal**2 * 0.25 + noise**2).sqrt()
                return Prediction(x0, (x - signal * x0) / noise)

        for steps in (1, 4, 8):
            x = schedule.first(eps)
            out = walk(LCM(), x, Jumping(), schedule.times(steps), fresh_noise(x))
            assert abs(out.std().item() - 0.5) < 0.01
            assert abs(out.mean().item() - 0.4) < 0.015 + 0.2 * schedule.levels(schedule.start)[0]


def test_the_last_jump_of_a_consistency_walk_is_the_jump_alone():
    """Also where the walk ends at a time that has some noise; and no more noise is drawn than is put back."""
    schedule, drawn_noise = LinearSchedule(), []
    denoiser = GaussianDenoiser(schedule, 0.4, 0.5)
    x = torch.ones(1, 1, dtype=torch.float64)
    *_, last = LCM()(x, denoiser, [999, 600, 300], lambda: drawn_noise.append(1) or torch.ones_like(x))
    assert (last.x - last.x0).abs().max() < 1e-7 and len(drawn_noise) == 1


def test_a_consistency_model_is_the_identity_at_the_clean_end():
    """Whatever the network says there (Song et al. 2023, section 3)."""
    schedule = LinearSchedule()
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    *_, last = LCM()(x, GaussianDenoiser(schedule, 0.4, 0.5), [0, CLEAN], lambda: None)
    assert torch.equal(last.x, x) and not torch.equal(last.x0, x)


@pytest.mark.parametrize("steps", range(1, 9))
def test_a_consistency_walk_meets_the_reference(reference, steps):
    """diffusers' LCMScheduler step by step, from the same noises: see make_lcm.py."""
    wanted = json.loads((reference / "lcm.json").read_text())
    walked, noises = wanted["walks"][str(steps)], [torch.tensor(one).double() for one in wanted["noises"][str(steps)]]

    def network(x, t):
        return 0.9 * torch.sin(x) + 0.1 * x * (t[:, None] / 1000) + 0.05

    schedule, drawn_noise = ScaledLinearSchedule(), iter(noises)
    times = schedule.times(steps, "lcm")
    assert times == [*walked["times"], CLEAN]
    found = list(LCM()(noises[-1], NetworkDenoiser(network, schedule), times, lambda: next(drawn_noise)))
    for step, x in zip(found, walked["x"]):
        # It looks its levels up in single precision.
        assert torch.allclose(step.x, torch.tensor(x).double(), rtol=1e-5, atol=1e-5)


def test_the_boundary_of_a_consistency_model_meets_the_reference(reference):
    wanted = json.loads((reference / "lcm.json").read_text())["scalings"]
    for t, pair in zip(wanted["times"], wanted["found"]):
        assert boundary(t) == pytest.approx(tuple(pair), rel=1e-8)


@every_schedule
def test_the_plain_inversion_is_near_already(schedule):
    """Without refinements it errs by the square of a step's length: 400 steps there and back find the picture."""
    denoiser = GaussianDenoiser(schedule, 0.4, 0.5)
    times = even_in_lambda(schedule, -2.6, 3.0, 400)
    x = schedule.levels(times[-1])[0] * torch.linspace(-0.5, 1.3, 7, dtype=torch.float64)[:, None]
    noise = walk(DDIMInversion(), x, denoiser, times[::-1])
    assert (walk(DDIM(), noise, denoiser, times) - x).abs().max().item() < 0.02 * schedule.levels(times[-1])[0]


@pytest.mark.parametrize(("sampler", "name"), [(DPMSolverPlusPlus(), "dpmpp_2m"), (DPMSolver(), "dpm_2m")])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_dpm_solver_meets_the_reference(reference, sampler, name, steps):
    wanted = np.load(reference / "dpm_solver.npz")
    schedule = ScaledLinearSchedule()
    exact = GaussianDenoiser(schedule, float(wanted["mu"]), float(wanted["sd"]))
    network = lambda x, t: exact(x, t.round()).eps  # noqa: E731  the reference asks at whole times only
    denoiser = NetworkDenoiser(network, schedule, "eps")
    times = schedule.times(steps, "uniform", final=0)
    x = torch.from_numpy(wanted["x_T"])
    out = walk(sampler, x, denoiser, times)
    assert (out - torch.from_numpy(wanted[f"{name}_{steps}"])).abs().max().item() < 1e-4


def test_ddim_meets_the_course_recipe(reference):
    wanted = np.load(reference / "ddim_course.npz")
    schedule = LinearSchedule()
    exact = GaussianDenoiser(schedule, float(wanted["mu"]), float(wanted["sd"]))
    denoiser = Clamped(exact, recompute_eps=False)
    times = schedule.times(50, "leading", offset=1, final=0)
    assert times[:2] == [981, 961] and times[-2:] == [1, 0]
    out = walk(DDIM(), torch.from_numpy(wanted["x_T"]), denoiser, times)
    assert (out - torch.from_numpy(wanted["x_final"])).abs().max().item() < 1e-5


@every_schedule
@pytest.mark.parametrize("name", ["ddim", "dpmpp-2m", "heun", "unipc", "edm"])
def test_the_last_step_to_the_clean_picture_is_the_denoisers_x0(schedule, name):
    denoiser = GaussianDenoiser(schedule, 0.2, 0.3)
    steps = list(make_sampler(name)(torch.ones(1, 3), denoiser, schedule.times(7)))
    assert [step.index for step in steps] == list(range(7)) and steps[-1].t == schedule.clean
    assert torch.allclose(steps[-1].x, steps[-1].x0, atol=1e-6)


def test_steps_are_yielded_as_they_are_made():
    calls = []

    class Counting:
        schedule = LinearSchedule()

        def __call__(self, x, t):
            calls.append(float(t[0]))
            return Prediction(x, x)

    steps = DDIM()(torch.zeros(1, 1), Counting(), [900, 600, 300, CLEAN])
    next(steps)
    assert calls == [900.0]


def test_times_reach_the_denoiser_in_full_and_the_network_as_it_takes_them():
    told = []

    class Watching:
        schedule = FlowSchedule()

        def __call__(self, x, t):
            told.append(t)
            return Prediction(x, x)

    walk(DDIM(), torch.zeros(2, 1), Watching(), [0.1, 0.05])
    assert told[0].dtype == torch.float64 and told[0].tolist() == [0.1, 0.1]
    network = lambda x, t: told.append(t) or x  # noqa: E731
    walk(DDIM(), torch.zeros(2, 1), NetworkDenoiser(network, FlowSchedule(), "velocity"), [0.1, 0.05])
    assert told[1].dtype == torch.float32 and torch.allclose(told[1], torch.tensor(100.0))


def test_no_graph_is_kept_while_sampling_and_the_callers_gradients_stay_on():
    weight = torch.ones(1, requires_grad=True)
    denoiser = NetworkDenoiser(lambda x, t: weight * x, LinearSchedule(), "eps")
    for step in DDIM()(torch.ones(1, 1), denoiser, [900, 500, 0]):
        assert not step.x.requires_grad
        assert torch.is_grad_enabled()


def test_a_picture_does_not_depend_on_its_batch():
    schedule = CosineSchedule()
    denoiser = MixtureDenoiser(schedule, torch.tensor([-0.8, 0.0, 0.8]), 0.05)
    times = schedule.times(20)

    def pictures(batch):
        out = []
        for start in range(0, 50, batch):
            noise = SeededNoise(range(start, min(start + batch, 50)), (3, 8, 8))
            out.append(walk(DDIM(0.7), noise(), denoiser, times, noise))
        return torch.cat(out)

    grey_level = 2 / 255
    assert (pictures(1) - pictures(50)).abs().max() < grey_level
    assert (pictures(7) - pictures(50)).abs().max() < grey_level


@every_schedule
def test_inversion_finds_the_noise_that_paints_the_picture(schedule):
    denoiser = MixtureDenoiser(schedule, torch.tensor([-0.8, 0.8]), 0.3)
    picture = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
    times = even_in_lambda(schedule, -2.0, 3.0, 60)
    at_first = schedule.levels(times[-1])[0] * picture
    errors = []
    for refinements in (0, 2, 12):
        noise = walk(DDIMInversion(refinements), at_first, denoiser, times[::-1])
        errors.append((walk(DDIM(), noise, denoiser, times) - at_first).abs().max().item())
    assert errors[1] < errors[0] / 3 and errors[2] < 1e-6, errors


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: make_sampler("euler"), "unknown sampler 'euler'; choose one of ddim"),
        (lambda d: make_sampler("unipcc"), "unknown sampler 'unipcc'; did you mean 'unipc'"),
        (lambda d: make_sampler("heun", eta=0.5), "eta belongs to ddim; heun has no eta"),
        (lambda d: make_sampler("unipc", churn=1), "churn belongs to edm; unipc has no churn"),
        (lambda d: DDIM(1.5), "eta of DDIM must be between 0.0 and 1.0, got 1.5"),
        (lambda d: DDIM(math.nan), "eta of DDIM must be between"),
        (lambda d: EDMSampler(-1), "churn of EDMSampler must be between 0.0 and more"),
        (lambda d: DDPM("fixed"), "unknown variance 'fixed'; choose one of posterior"),
        (lambda d: DDPM()(torch.zeros(1, 1), d, [5, 0]), "adds noise"),
        (lambda d: DDIM()(torch.zeros(1, 1), d, [5]), "takes 1 to inf steps, got 0"),
        (lambda d: DDIM()(torch.zeros(1, 1), d, [5, 900]), "times of DDIM must fall"),
        (lambda d: Heun()(torch.zeros(1, 1), d, [900, 5, 5]), "times of Heun must fall"),
        (lambda d: DDIMInversion()(torch.zeros(1, 1), d, [900, 5]), "Inversion must rise"),
        (lambda d: DDIM()(torch.zeros(1, 1).half(), d, [5, 0]), "x must be float32 or float64"),
        (lambda d: LCM()(torch.zeros(1, 1), d, range(20, -1, -1), lambda: 0), "takes 1 to 8 steps, got 20"),
        (
            lambda d: DPMSolver()(torch.zeros(1, 1), GaussianDenoiser(FlowSchedule(), 0, 1), [1.0, 0.0]),
            "DPMSolver divides by the signal, which is 0 at time 1.0",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(GaussianDenoiser(LinearSchedule(), 0, 1))


def test_what_carries_no_schedule_is_no_denoiser():
    with pytest.raises(TypeError, match="carries no schedule"):
        DDIM()(torch.zeros(1, 1), lambda x, t: None, [5, 0])


def test_edm_without_churn_is_heun():
    schedule = EDMSchedule()
    x, denoiser = torch.linspace(-200, 200, 5)[:, None].double(), GaussianDenoiser(schedule, 0.4, 0.5)
    assert torch.equal(*(walk(make_sampler(n), x, denoiser, schedule.times(9)) for n in ("edm", "heun")))
