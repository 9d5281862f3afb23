"""A sampler against the truth: paint a Gaussian from its exact denoiser and compare with the flow's exact answer.

python examples/gaussian.py
"""

import torch

from sfumato.diffusion import SAMPLERS, NoiseSchedule, Prediction, make_sampler, sample, spaced_times

MEAN, STD = 0.4, 0.5
schedule = NoiseSchedule.cosine()


def denoiser(x_t, t):
    """E[x0 | x_t] for data ~ N(MEAN, STD^2), by Bayes' rule."""
    signal, noise = schedule.signal_noise(t, x_t)
    eps = noise * (x_t - signal * MEAN) / (signal**2 * STD**2 + noise**2)
    return Prediction((x_t - noise * eps) / signal, eps)


x = torch.randn(10_000, 1, generator=torch.Generator().manual_seed(0))
for name in SAMPLERS:
    for steps in (5, 20):
        out = sample(make_sampler(name, schedule)(x, denoiser, spaced_times(1000, steps), lambda: torch.randn(x.shape)))
        print(f"{name:9} {steps:3} steps   mean {out.mean():.3f} (0.400)   std {out.std():.3f} (0.500)")
