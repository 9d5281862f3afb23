"""An autoencoder as a file of its own, in both namings, takes the place of a checkpoint's."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import read_stable_diffusion, read_vae, write_safetensors, write_stable_diffusion
from sfumato.errors import UserError
from sfumato.models.stable_diffusion import VAE, VAEConfig
from sfumato.models.stable_diffusion.shapes import vae_config
from tests.reference.formula_weights import tensor_for


@pytest.fixture(scope="module")
def theirs(reference):
    """A small autoencoder in diffusers' names, with which diffusers' answers were made."""
    shapes = json.loads((reference / "diffusers_small.keys.json").read_text())["vae"]
    return {key: tensor_for(key, shape, salt="diffusers") for key, shape in shapes.items()}


def in_folder(path, state, **config):
    path.mkdir(parents=True)
    write_safetensors(path / "diffusion_pytorch_model.safetensors", state, {})
    if config:
        (path / "config.json").write_text(json.dumps(config))
    return path


def drawn(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def test_every_form_is_the_autoencoder_of_diffusers(theirs, reference, tmp_path):
    plain = read_vae(in_folder(tmp_path / "vae", theirs, scaling_factor=0.18215))
    inside = {f"first_stage_model.{key}": value for key, value in plain.items()}
    needless = {"loss.logvar": torch.zeros(1), "model_ema.decay": torch.ones(1)}
    torch.save({"state_dict": {**plain, **needless}}, str(tmp_path / "vae.ckpt"))
    write_safetensors(tmp_path / "v.safetensors", inside, {})
    torch.save(theirs, str(tmp_path / "diffusers.bin"))
    write_safetensors(tmp_path / "whole.safetensors", {**inside, "model.diffusion_model.out.2.bias": torch.ones(4)}, {})
    in_folder(tmp_path / "pipeline" / "vae", theirs)
    old = {key: v.squeeze() if ".attentions." in key else v for key, v in theirs.items()}
    for new, name in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        old = {key.replace(f".{new}.", f".{name}."): v for key, v in old.items()}
    write_safetensors(tmp_path / "old.safetensors", old, {})
    names = ("vae.ckpt", "v.safetensors", "diffusers.bin", "whole.safetensors", "pipeline", "old.safetensors")
    for name in names:
        found = read_vae(tmp_path / name)
        assert found.keys() == plain.keys() and all(torch.equal(found[key], plain[key]) for key in plain), name
    vae = VAE(vae_config({key: list(value.shape) for key, value in plain.items()}))
    vae.load_state_dict(plain)
    expected = torch.from_numpy(np.load(reference / "diffusers_small.npz")["vae_decoded"])
    with torch.no_grad():
        answer = vae.decode(0.18215 * drawn(4, 1, 4, 8, 12))
    assert (answer - expected).norm() / expected.norm() < 1e-5


def other(**config):
    torch.manual_seed(1)
    return VAE(VAEConfig(**{"width": 32, "multipliers": (1, 2), "blocks": 1, **config})).state_dict()


def without(state, begin):
    return {key: value for key, value in state.items() if not key.startswith(begin)}


@pytest.mark.parametrize(
    ("state", "metadata", "line"),
    [
        ({"fc.weight": torch.ones(2)}, {}, "holds no autoencoder, but such as fc.weight; give one for"),
        (other(latent=16), {}, "is an autoencoder of 16 channels, as Stable Diffusion 3's and Flux's are"),
        (without(other(), "quant_conv."), {}, "is an autoencoder without quant_conv"),
        (without(other(), "decoder."), {}, "holds no autoencoder"),
        ({**other(), "umber.w": torch.ones(1)}, {}, "has the unknown umber.w beside an autoencoder"),
        (
            other(),
            {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"},
            "is an autoencoder of Stable Diffusion XL",
        ),
    ],
)
def test_what_is_no_autoencoder_of_version_1_is_refused(state, metadata, line, tmp_path):
    write_safetensors(tmp_path / "vae.safetensors", dict(state), metadata)
    with pytest.raises(UserError, match=f"vae.safetensors: {line}"):
        read_vae(tmp_path / "vae.safetensors")


def test_numbers_that_are_none_and_folders_of_other_models_are_refused(tmp_path):
    state = other()
    state["decoder.conv_out.bias"] = torch.full((3,), float("inf"))
    torch.save(state, str(tmp_path / "vae.pt"))
    with pytest.raises(UserError, match=r"holds NaN or infinity in decoder\.conv_out\.bias; the file is damaged"):
        read_vae(tmp_path / "vae.pt")
    with pytest.raises(UserError, match=r"scales latents by 0\.13025, as another model's"):
        read_vae(in_folder(tmp_path / "xl", other(), scaling_factor=0.13025))
    with pytest.raises(UserError, match="is a folder without diffusion_pytorch_model"):
        read_vae(tmp_path)
    torch.save({**other(), "encoder.conv_in.weight": "text"}, str(tmp_path / "vae.pt"))
    with pytest.raises(UserError, match=r"has a str where the tensor 'encoder\.conv_in\.weight' belongs"):
        read_vae(tmp_path / "vae.pt")


def test_it_takes_the_place_of_a_checkpoints_own_or_of_none(tmp_path):
    networks = {"unet": {"w": torch.ones(1)}, "vae": other(), "text": {"text_model.w": torch.ones(1)}}
    write_stable_diffusion(tmp_path / "whole.safetensors", networks, 16)
    write_stable_diffusion(tmp_path / "bare.safetensors", {**networks, "vae": {}}, 16)
    mine = {key: value + 1 for key, value in other().items()}
    write_safetensors(tmp_path / "vae.safetensors", dict(mine), {})
    for name in ("whole", "bare"):
        found = read_stable_diffusion(tmp_path / f"{name}.safetensors", tmp_path / "vae.safetensors")
        assert found.vae.keys() == mine.keys() and all(torch.equal(found.vae[key], mine[key]) for key in mine)
    with pytest.raises(UserError, match=r"has no autoencoder .*, or the file of one with --vae"):
        read_stable_diffusion(tmp_path / "bare.safetensors")
    write_safetensors(tmp_path / "wide.safetensors", dict(other(width=64)), {})
    line = r"of another shape than the checkpoint's own: decoder\.conv_in\.bias \[128\] for \[64\]"
    with pytest.raises(UserError, match=line):
        read_stable_diffusion(tmp_path / "whole.safetensors", tmp_path / "wide.safetensors")
