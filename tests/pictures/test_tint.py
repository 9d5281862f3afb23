"""Pictures of one hue are painted in that hue: the mean colour is what trainings go wrong in first."""

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate")

from sfumato import CosineSchedule, Diffusion, EDMSchedule, FlowSchedule, LinearSchedule, Pictures, UNet, train

KINDS = {
    "velocity": FlowSchedule(),
    "v": CosineSchedule(),
    "eps": LinearSchedule(),
    "edm": EDMSchedule(),
}


@pytest.mark.slow
@pytest.mark.parametrize("predicts", KINDS)
def test_the_mean_colour_is_the_datas(tmp_path, predicts):
    """Within 3 grey levels of 255 over 256 pictures, after a minute's training."""
    source = np.random.RandomState(0)
    spread = source.randint(-40, 40, (300, 8, 8, 1)) + source.randint(-10, 10, (300, 8, 8, 3))
    pixels = (np.array([200, 120, 40]) + spread).clip(0, 255).astype(np.uint8)
    np.savez(tmp_path / "hue.npz", images=pixels)
    pictures = Pictures(tmp_path / "hue.npz", 8)
    torch.manual_seed(0)
    model = Diffusion(UNet(8, width=32, blocks=1), KINDS[predicts], predicts)
    train(model, pictures, tmp_path / "run", steps=500, save_every=500, look_every=0)
    painted = (model.sample(256, steps=12).clamp(-1, 1) + 1) * 127.5
    off = (painted.mean(dim=(0, 2, 3)) - torch.tensor(pixels.mean(axis=(0, 1, 2)))).abs().max()
    assert float(off) < 3
