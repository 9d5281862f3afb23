"""Samplers against data whose exact denoiser, and exact answer, are known."""

import math
from typing import List

import numpy as np
import pytest
import torch
from torch import Tensor

from sfumato.diffusion import (
    CLEAN,
    DDIM,
    DDPM,
    SAMPLERS,
    Clamped,
    DDIMInversion,
    DPMSolver,
    Heun,
    NetworkDenoiser,
    NoiseSchedule,
    Prediction,
    SeededNoise,
    UniPC,
    make_sampler,
    sample,
    spaced_times,
)

from .gaussians import GaussianDenoiser, MixtureDenoiser

DETERMINISTIC = ["ddim", "dpmpp-2m", "dpm-2m", "heun", "unipc"]


def walk(sampler, x, denoiser, times, noise=None) -> Tensor:
    return sample(sampler(x, denoiser, times, noise))


def fresh_noise(like: Tensor, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(like.shape, generator=generator, dtype=like.dtype)


@pytest.mark.parametrize("name", list(SAMPLERS))
@pytest.mark.parametrize("make", [NoiseSchedule.linear, NoiseSchedule.scaled_linear, NoiseSchedule.cosine])
def test_every_sampler_reaches_mean_and_variance_of_a_gaussian(name, make):
    schedule = make()
    denoiser = GaussianDenoiser(schedule, 0.4, 0.5)
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    steps = 1000 if name == "ddpm" else 200  # the posterior's variance is right only in the limit of small steps
    out = walk(make_sampler(name, schedule), x, denoiser, spaced_times(1000, steps), fresh_noise(x))
    assert abs(out.mean().item() - 0.4) < 0.02
    assert abs(out.std().item() - 0.5) < 0.012


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_fills_both_modes_of_a_mixture(name):
    schedule = NoiseSchedule.cosine()
    denoiser = MixtureDenoiser(schedule, torch.tensor([-1.0, 0.6]), 0.1)
    x = torch.randn(8_000, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    out = walk(make_sampler(name, schedule), x, denoiser, spaced_times(1000, 250), fresh_noise(x))
    upper = out > -0.2
    assert abs(upper.double().mean().item() - 0.5) < 0.02
    assert abs(out[upper].mean().item() - 0.6) < 0.02 and abs(out[~upper].mean().item() + 1.0) < 0.02
    assert abs(out[upper].std().item() - 0.1) < 0.02


@pytest.mark.parametrize(
    ("sampler", "order"), [(DDIM, 1), (Heun, 2), (DPMSolver, 2), (lambda s: DPMSolver(s, "noise"), 2), (UniPC, 3)]
)
def test_order_of_convergence(sampler, order):
    """The error against the exact flow falls as steps^-order; times even in lambda, far from both ends."""
    schedule = NoiseSchedule.linear()
    denoiser = GaussianDenoiser(schedule, 0.7, 0.6)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    errors = []
    for steps in (40, 80, 160):
        times = times_even_in_lambda(schedule, 800.0, 50.0, steps)
        exact = denoiser.flow(x, times[0], times[-1])
        errors.append((walk(sampler(schedule), x, denoiser, times) - exact).abs().max().item())
    measured = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert measured[-1] == pytest.approx(order, abs=0.2), (errors, measured)


def times_even_in_lambda(schedule: NoiseSchedule, start: float, end: float, steps: int) -> List[float]:
    grid = torch.linspace(end, start, 200_001, dtype=torch.float64)
    lambdas = schedule.half_log_snr(grid).numpy()
    wanted = np.linspace(lambdas[-1], lambdas[0], steps + 1)
    return list(np.interp(wanted, lambdas[::-1], grid.numpy()[::-1]))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_keeps_the_marginal_variance_at_every_step(eta):
    """Song et al. 2020, lemma 1: whatever eta, x_s has q(x_s)'s variance, on the way too."""
    schedule = NoiseSchedule.cosine()
    denoiser = GaussianDenoiser(schedule, 0.0, 1.0)  # for N(0, 1) data every marginal is N(0, 1)
    x = torch.randn(40_000, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for step in DDIM(schedule, eta)(x, denoiser, spaced_times(1000, 500), fresh_noise(x)):
        if step.index % 100 == 0:
            assert abs(step.x.var().item() - 1.0) < 0.03


def test_ddpm_variances_bracket_the_truth():
    """For N(0, 1) data the forward variance is the right one; the posterior one loses exactly what x0's spread adds."""
    schedule = NoiseSchedule.linear()
    denoiser = GaussianDenoiser(schedule, 0.0, 1.0)
    x = torch.randn(40_000, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    times = spaced_times(1000, 20)
    ends = {
        v: walk(DDPM(schedule, v), x, denoiser, [*times[:-1], 0], fresh_noise(x)).var().item()
        for v in ("posterior", "forward")
    }
    assert ends["forward"] == pytest.approx(1.0, abs=0.03)
    assert ends["posterior"] == pytest.approx(exact_posterior_variance(schedule, [*times[:-1], 0]), abs=0.03)
    assert ends["posterior"] < 0.9


def exact_posterior_variance(schedule: NoiseSchedule, times: List[float]) -> float:
    """For N(0, 1) data each step is x_s = sqrt(a) x_t + noise of the posterior's variance."""
    variance = 1.0
    for t, s in zip(times, times[1:]):
        ab_t, ab_s = float(schedule.alpha_bar(t)), float(schedule.alpha_bar(s))
        a = ab_t / ab_s
        variance = a * variance + (1 - ab_s) / (1 - ab_t) * (1 - a)
    return variance


def test_ddim_with_eta_one_is_ddpm_step_for_step():
    """With the same noise the two walks are the same numbers, so they are one distribution; here over all 1,000."""
    schedule = NoiseSchedule.linear()
    denoiser = MixtureDenoiser(schedule, torch.tensor([-0.8, 0.8]), 0.2)
    x = torch.randn(500, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    times = spaced_times(1000, 1000)
    a = walk(DDIM(schedule, 1.0), x, denoiser, times, fresh_noise(x, 9))
    b = walk(DDPM(schedule, "posterior"), x, denoiser, times, fresh_noise(x, 9))
    assert (a - b).abs().max().item() < 1e-6


@pytest.mark.parametrize(("algorithm", "name"), [("data", "dpmpp_2m"), ("noise", "dpm_2m")])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_dpm_solver_meets_the_reference(reference, algorithm, name, steps):
    wanted = np.load(reference / "dpm_solver.npz")
    schedule = NoiseSchedule.scaled_linear()
    exact = GaussianDenoiser(schedule, float(wanted["mu"]), float(wanted["sd"]))
    network = lambda x, t: exact(x, t.round()).eps  # noqa: E731  the reference asks at whole times only
    denoiser = NetworkDenoiser(network, schedule, "eps")
    times = spaced_times(1000, steps, "uniform", final=0)
    x = torch.from_numpy(wanted["x_T"])
    out = walk(DPMSolver(schedule, algorithm), x, denoiser, times)
    assert (out - torch.from_numpy(wanted[f"{name}_{steps}"])).abs().max().item() < 1e-4


def test_ddim_meets_the_course_recipe(reference):
    wanted = np.load(reference / "ddim_course.npz")
    schedule = NoiseSchedule.linear()
    exact = GaussianDenoiser(schedule, float(wanted["mu"]), float(wanted["sd"]))
    denoiser = Clamped(exact, schedule, recompute_eps=False)
    times = spaced_times(1000, 50, "leading", offset=1, final=0)
    assert times[:2] == [981, 961] and times[-2:] == [1, 0]
    out = walk(DDIM(schedule), torch.from_numpy(wanted["x_T"]), denoiser, times)
    assert (out - torch.from_numpy(wanted["x_final"])).abs().max().item() < 1e-5


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_last_step_to_the_clean_picture_is_the_denoisers_x0(name):
    schedule = NoiseSchedule.cosine()
    denoiser = GaussianDenoiser(schedule, 0.2, 0.3)
    steps = list(make_sampler(name, schedule)(torch.ones(1, 3), denoiser, spaced_times(1000, 7)))
    assert [step.index for step in steps] == list(range(7)) and steps[-1].t == CLEAN
    assert torch.allclose(steps[-1].x, steps[-1].x0, atol=1e-6)


def test_steps_are_yielded_as_they_are_made():
    calls = []

    def denoiser(x, t):
        calls.append(float(t[0]))
        return Prediction(x, x)

    steps = DDIM(NoiseSchedule.linear())(torch.zeros(1, 1), denoiser, [900, 600, 300, CLEAN])
    next(steps)
    assert calls == [900.0]


def test_a_picture_does_not_depend_on_its_batch():
    schedule = NoiseSchedule.cosine()
    denoiser = MixtureDenoiser(schedule, torch.tensor([-0.8, 0.0, 0.8]), 0.05)
    times = spaced_times(1000, 20)

    def pictures(batch):
        out = []
        for start in range(0, 50, batch):
            noise = SeededNoise(range(start, min(start + batch, 50)), (3, 8, 8))
            out.append(walk(DDIM(schedule, 0.7), noise(), denoiser, times, noise))
        return torch.cat(out)

    grey_level = 2 / 255
    assert (pictures(1) - pictures(50)).abs().max() < grey_level
    assert (pictures(7) - pictures(50)).abs().max() < grey_level


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: make_sampler("euler", s), "unknown sampler 'euler'; choose one of ddim"),
        (lambda s: make_sampler("heun", s, eta=0.5), "eta belongs to ddim"),
        (lambda s: DDIM(s, 1.5), "eta must be between 0 and 1"),
        (lambda s: DDPM(s, "fixed"), "unknown variance"),
        (lambda s: DPMSolver(s, "sde"), "unknown algorithm"),
        (lambda s: DDPM(s)(torch.zeros(1, 1), GaussianDenoiser(s, 0, 1), [5, 0]), "adds noise"),
        (lambda s: DDIM(s)(torch.zeros(1, 1), GaussianDenoiser(s, 0, 1), [5]), "at least two times"),
        (lambda s: DDIM(s)(torch.zeros(1, 1), GaussianDenoiser(s, 0, 1), [5, 900]), "times of DDIM must fall"),
        (lambda s: Heun(s)(torch.zeros(1, 1), GaussianDenoiser(s, 0, 1), [900, 5, 5]), "times of Heun must fall"),
        (lambda s: DDIMInversion(s)(torch.zeros(1, 1), GaussianDenoiser(s, 0, 1), [900, 5]), "Inversion must rise"),
        (
            lambda s: DDIM(s)(torch.zeros(1, 1).half(), GaussianDenoiser(s, 0, 1), [5, 0]),
            "x must be float32 or float64",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(NoiseSchedule.linear())


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("make", [NoiseSchedule.linear, NoiseSchedule.cosine])
def test_few_steps_from_pure_noise_stay_near_the_data(name, make):
    """The first step from an SNR of nearly zero is huge in sigma; no solver may blow up on it."""
    schedule = make()
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    out = walk(make_sampler(name, schedule), x, GaussianDenoiser(schedule, 0.4, 0.5), spaced_times(1000, 5))
    exact = 0.4 + 0.5 * x
    assert (out - exact).abs().max() < 0.8
