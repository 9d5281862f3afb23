"""The folder that diffusers writes gives the network that diffusers runs."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import read_stable_diffusion, write_safetensors
from sfumato.errors import UserError
from sfumato.models.stable_diffusion import TextConfig, TextEncoder
from sfumato.stable_diffusion import StableDiffusion
from tests.reference.formula_weights import tensor_for


@pytest.fixture(scope="module")
def folder(reference, tmp_path_factory):
    root = tmp_path_factory.mktemp("diffusers")
    manifest = json.loads((reference / "diffusers_small.keys.json").read_text())
    for part, shapes in manifest.items():
        (root / part).mkdir()
        state = {key: tensor_for(key, shape, salt="diffusers") for key, shape in shapes.items()}
        write_safetensors(root / part / "diffusion_pytorch_model.safetensors", state, {})
    (root / "text_encoder").mkdir()
    text = TextEncoder(TextConfig(width=64, layers=1, inner=64))
    write_safetensors(root / "text_encoder" / "model.safetensors", text.state_dict(), {})
    return root


def drawn(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def test_the_networks_answer_as_in_diffusers(folder, reference):
    model, stored = StableDiffusion.load(folder), np.load(reference / "diffusers_small.npz")
    answers = {
        "unet_eps": model.unet(drawn(1, 2, 4, 8, 12), torch.tensor([981, 1]), drawn(2, 2, 7, 64)),
        "vae_mean": model.vae.moments(drawn(3, 1, 3, 16, 24).clamp(-1, 1))[0],
        "vae_decoded": model.vae.decode(0.18215 * drawn(4, 1, 4, 8, 12)),
    }
    for name, answer in answers.items():
        expected = torch.from_numpy(stored[name])
        assert (answer - expected).norm() / expected.norm() < 1e-5, name


def test_every_tensor_has_a_place(folder):
    assert read_stable_diffusion(folder).ignored == []


def test_a_missing_part_is_named(folder, tmp_path):
    (tmp_path / "unet").symlink_to(folder / "unet")
    with pytest.raises(UserError, match=r"vae: has no diffusion_pytorch_model\.safetensors"):
        read_stable_diffusion(tmp_path)
