"""A Stable Diffusion of a few megabytes, with the key layout of the large one."""

import argparse
import collections
import datetime
from pathlib import Path

import numpy as np
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


class ModelCheckpoint:
    """Stands for Lightning's callback, by whose class the callbacks of a real checkpoint are keyed."""

    def __init__(self):
        self.best_model_path = Path("/somewhere/last.ckpt")
        self.saved_at = datetime.datetime(2022, 8, 1, 12, 30)


def lightning_checkpoint(state):
    """All that Lightning 1.x leaves in a checkpoint beside the weights, as sd-v1-4.ckpt and its kin have it."""
    moments = {"step": 470000, "exp_avg": torch.zeros(3), "exp_avg_sq": torch.ones(3)}
    group = {"lr": np.float64(1e-4), "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "params": [0]}
    progress = {"total": {"ready": 470000, "completed": 470000}, "current": {"ready": 0, "completed": 0}}
    monitored = {"monitor": "val/loss_simple_ema", "best_model_score": np.float32(0.17), "scores": np.arange(3.0)}
    return {
        "epoch": 12,
        "global_step": np.int64(470000),
        "pytorch-lightning_version": "1.4.2",
        "state_dict": state,
        "callbacks": {ModelCheckpoint: {**monitored, "object": ModelCheckpoint(), "current": torch.tensor(0.17)}},
        "optimizer_states": [{"state": {0: moments}, "param_groups": [group]}],
        "lr_schedulers": [
            {"base_lrs": [1e-4], "last_epoch": 470000, "_last_lr": [np.float64(1e-4)], "lr_lambdas": [None]}
        ],
        "loops": {
            "fit_loop": {"state_dict": {}, "epoch_progress": progress, "seen": collections.defaultdict(int, a=1)}
        },
        "hyper_parameters": argparse.Namespace(first_stage_key="jpg", shape=torch.Size([4, 64, 64]), at={1, 2}),
        "hparams_name": "kwargs",
        "native_amp_scaling_state": {"scale": 65536.0, "_growth_tracker": np.int32(3)},
    }


@pytest.fixture(scope="session")
def state():
    return tiny_state()


@pytest.fixture(scope="session")
def checkpoint(state, tmp_path_factory):
    """As CompVis saves it: inside a dict with Lightning's odds and ends."""
    path = tmp_path_factory.mktemp("checkpoint") / "model.ckpt"
    torch.save({"state_dict": state, "global_step": 470000, "epoch": 12, "callbacks": {}}, str(path))
    return path
