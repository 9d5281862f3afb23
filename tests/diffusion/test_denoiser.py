"""eps, x0 and v are one knowledge in three forms."""

import pytest
import torch

from sfumato.diffusion import Clamped, NetworkDenoiser, NoiseSchedule, Prediction
from sfumato.diffusion.denoiser import target_of, to_prediction

SCHEDULE = NoiseSchedule.cosine()


def drawn(batch=4):
    generator = torch.Generator().manual_seed(0)
    x0, eps = (torch.randn(batch, 3, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.tensor([0, 100, 500, 999])[:batch]
    return x0, eps, t, SCHEDULE.add_noise(x0, eps, t)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_a_perfect_network_of_any_kind_gives_back_x0_and_eps(kind):
    x0, eps, t, x_t = drawn()
    signal, noise = SCHEDULE.signal_noise(t, x_t)
    denoiser = NetworkDenoiser(lambda x, t: target_of(x0, eps, signal, noise, kind), SCHEDULE, kind)
    prediction = denoiser(x_t, t)
    assert torch.allclose(prediction.x0, x0, atol=1e-8)
    assert torch.allclose(prediction.eps, eps, atol=1e-8)


@pytest.mark.parametrize("call", [to_prediction, target_of])
def test_an_unknown_kind_is_refused(call):
    one = torch.ones(1)
    with pytest.raises(ValueError, match="unknown parameterization 'score'"):
        call(one, one, one, one, "score")


def test_a_half_precision_network_answers_in_the_pictures_type():
    denoiser = NetworkDenoiser(lambda x, t: x.half(), SCHEDULE, "v")
    prediction = denoiser(torch.ones(1, 3, 2, 2), torch.tensor([5]))
    assert prediction.x0.dtype == prediction.eps.dtype == torch.float32


def test_clamping_is_exact_and_eps_agrees_if_asked():
    x0, eps, t, x_t = drawn()
    inner = lambda x, t: Prediction(3 * x0, eps)  # noqa: E731
    kept = Clamped(inner, SCHEDULE, recompute_eps=False)(x_t, t)
    agreeing = Clamped(inner, SCHEDULE)(x_t, t)
    for prediction in (kept, agreeing):
        assert torch.equal(prediction.x0, (3 * x0).clamp(-1, 1))
    assert torch.equal(kept.eps, eps)
    signal, noise = SCHEDULE.signal_noise(t, x_t)
    assert torch.allclose(signal * agreeing.x0 + noise * agreeing.eps, x_t)
