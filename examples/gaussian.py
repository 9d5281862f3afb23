"""Samplers against the truth, on three schedules: paint a Gaussian from its exact denoiser.

python examples/gaussian.py
"""

import torch

from sfumato import SAMPLERS, CosineSchedule, EDMSchedule, FlowSchedule, Prediction, make_sampler, sample

MEAN, STD = 0.4, 0.5


class Gaussian:
    """E[x0 | x_t] for data ~ N(MEAN, STD^2): whatever has a schedule and can be called is a Denoiser."""

    def __init__(self, schedule):
        self.schedule = schedule

    def __call__(self, x_t, t):
        signal, noise = self.schedule.signal_noise(t, x_t)
        away = (x_t - signal * MEAN) / (signal**2 * STD**2 + noise**2)
        return Prediction(x0=MEAN + signal * STD**2 * away, eps=noise * away)


eps = torch.randn(10_000, 1, generator=torch.Generator().manual_seed(0))
for schedule in (CosineSchedule(), FlowSchedule(), EDMSchedule()):
    print(f"{schedule}: mean {MEAN:.3f} and std {STD:.3f} are right")
    for name in SAMPLERS:
        for steps in (8, 25) if name != "lcm" else ():
            try:
                walk = make_sampler(name)(
                    schedule.first(eps), Gaussian(schedule), schedule.times(steps), lambda: torch.randn(eps.shape)
                )
            except ValueError as error:
                print(f"  {name:13} {error}")
                break
            out = sample(walk)
            print(f"  {name:13} {steps:3} steps   mean {out.mean():.3f}   std {out.std():.3f}")
