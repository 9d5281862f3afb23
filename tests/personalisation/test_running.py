"""How a frozen Stable Diffusion is learned with."""

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.personalisation import running
from sfumato.personalisation.running import RunningOptions
from sfumato.stable_diffusion import StableDiffusion


def test_memory_is_saved_where_a_step_might_take_half_of_what_is_free(checkpoint, monkeypatch):
    def saves(free, batch_size, accumulate=1):
        monkeypatch.setattr(running, "main_memory", lambda: free and (free, free))
        return RunningOptions(accumulate, precision="fp32").loaded(checkpoint, None, batch_size).unet.checkpointing

    model = StableDiffusion.load(checkpoint)
    step = 4 * 6.4 * model.unet.config.width * 4 * model.size**2
    assert not saves(int(2.1 * step), 4)
    assert saves(int(1.9 * step), 4)
    assert not saves(int(1.9 * step), 4, accumulate=2)
    assert saves(None, 1)  # nobody knows
    assert RunningOptions(save_memory=False).loaded(checkpoint, None, 4).unet.checkpointing is False
