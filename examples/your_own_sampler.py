"""A sampler is one method. This one adds half of DDPM's noise at every step; the loop, and all checks, are inherited.

python examples/your_own_sampler.py
"""

import torch

from sfumato.diffusion import DDIM, DDPM, NoiseSchedule, Prediction, Sampler, sample, spaced_times


class Half(Sampler):
    """Even steps of DDPM, odd ones of DDIM."""

    stochastic = True

    def advance(self, past, s, walk):
        rule = DDPM(self.schedule) if walk.index % 2 == 0 else DDIM(self.schedule)
        return rule.advance(past, s, walk)


schedule = NoiseSchedule.linear()


def denoiser(x_t, t):
    """Exact for data that are N(0, 1): eps is the noise's share of x_t."""
    signal, noise = schedule.signal_noise(t, x_t)
    return Prediction(signal * x_t, noise * x_t)


x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
out = sample(Half(schedule)(x, denoiser, spaced_times(1000, 500), lambda: torch.randn(x.shape)))
print(f"std {out.std():.3f} (1.000)")
