"""A sampler is one method; the loop and all checks are inherited. To run it: python examples/your_own_sampler.py"""

import torch

from sfumato import DDIM, DDPM, LinearSchedule, Prediction, Sampler, sample


class Half(Sampler):
    """Even steps of DDPM, odd ones of DDIM."""

    stochastic = True

    def advance(self, past, following, walk):
        return (DDPM() if walk.index % 2 == 0 else DDIM()).advance(past, following, walk)


class Normal:
    """Exact for data that are N(0, 1): x0 is the signal's share of x_t, eps the noise's."""

    schedule = LinearSchedule()

    def __call__(self, x_t, t):
        signal, noise = self.schedule.signal_noise(t, x_t)
        return Prediction(signal * x_t, noise * x_t)


x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
out = sample(Half()(x, Normal(), Normal.schedule.times(500), lambda: torch.randn(x.shape)))
print(f"std {out.std():.3f} (1.000)")
