"""A Stable Diffusion of a few megabytes, with the key layout of the large one."""

import pytest
import torch

from sfumato.checkpoints import PREFIXES, SIZE_KEY
from sfumato.models.stable_diffusion import VAE, TextConfig, TextEncoder, UNet, UNetConfig, VAEConfig

UNET = UNetConfig(width=32, multipliers=(1, 2), blocks=1, attention=(0,), context=64)
AUTOENCODER = VAEConfig(width=32, multipliers=(1, 2), blocks=1)
TEXT = TextConfig(width=64, layers=2, inner=128)


def tiny_state():
    """A CompVis state dict: weights, schedule buffers, and a running mean that nobody needs."""
    torch.manual_seed(0)
    networks = {"unet": UNet(UNET), "vae": VAE(AUTOENCODER), "text": TextEncoder(TEXT)}
    state = {
        PREFIXES[name] + key: value for name, network in networks.items() for key, value in network.state_dict().items()
    }
    state["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    state["betas"] = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    state["model_ema.decay"] = torch.tensor(0.9999)
    state[SIZE_KEY] = torch.tensor(16)
    return state


@pytest.fixture(scope="session")
def state():
    return tiny_state()


@pytest.fixture(scope="session")
def checkpoint(state, tmp_path_factory):
    """As CompVis saves it: inside a dict with Lightning's odds and ends."""
    path = tmp_path_factory.mktemp("checkpoint") / "model.ckpt"
    torch.save({"state_dict": state, "global_step": 470000, "epoch": 12, "callbacks": {}}, str(path))
    return path
