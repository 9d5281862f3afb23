"""What DDIM keeps of its first noise."""

import pytest
import torch

from sfumato.diffusion import DDIM, LinearSchedule, Prediction, sample
from sfumato.sampling import kept_noise

TIMES = [*range(981, 0, -20), 0]
"""The course's."""


class KnownPicture:
    """A denoiser of data that are one picture: it predicts the noise that there is."""

    schedule = LinearSchedule()

    def __call__(self, x, t):
        signal, noise = self.schedule.signal_noise(t, x)
        x0 = torch.full_like(x, 0.5)
        return Prediction(x0, (x - signal * x0) / noise)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_what_is_kept_is_what_a_walk_keeps(eta):
    generator = torch.Generator().manual_seed(5)
    draw = lambda: torch.randn(1, 200_000, generator=generator, dtype=torch.float64)  # noqa: E731
    denoiser, first, times = KnownPicture(), draw(), TIMES[:12]
    last = sample(DDIM(eta)(first, denoiser, times, draw))
    signal, noise = denoiser.schedule.levels(times[-1])
    left = (last - signal * 0.5) / noise
    assert float((left * first).mean()) == pytest.approx(kept_noise(denoiser.schedule, times, eta)[-1], abs=0.01)


def test_at_eta_1_a_third_is_replaced_in_the_first_step():
    kept = dict(zip(TIMES, kept_noise(LinearSchedule(), TIMES, 1.0)))
    assert 1 - kept[961] ** 2 == pytest.approx(0.325, abs=5e-4)
    assert (kept[861], kept[761]) == (pytest.approx(0.327, abs=5e-4), pytest.approx(0.144, abs=5e-4))
    assert kept_noise(LinearSchedule(), TIMES, 0.0) == [1.0] * len(TIMES)
    assert kept_noise(LinearSchedule(), [981, 1, -1], 1.0)[-1] == 0, "nothing is left of a noise when there is none"
