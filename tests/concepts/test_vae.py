"""--vae: another autoencoder in place of the checkpoint's own, or of none."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import PREFIXES, write_safetensors
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.converting import ConvertOptions, convert
from sfumato.errors import UserError
from sfumato.images import note_in, open_picture
from sfumato.models.stable_diffusion import VAE, VAEConfig
from sfumato.runs import file_identity
from sfumato.stable_diffusion import StableDiffusion
from tests.concepts.conftest import AUTOENCODER


@pytest.fixture(scope="module")
def files(state, tmp_path_factory):
    """The checkpoint's own autoencoder, another one, and the checkpoint without."""
    folder = tmp_path_factory.mktemp("vae")
    own = {key[len(PREFIXES["vae"]) :]: v for key, v in state.items() if key.startswith(PREFIXES["vae"])}
    torch.manual_seed(1)
    write_safetensors(folder / "own.safetensors", own, {})
    write_safetensors(folder / "other.safetensors", VAE(AUTOENCODER).state_dict(), {})
    torch.save({"state_dict": {k: v for k, v in state.items() if "first_stage" not in k}}, str(folder / "bare.ckpt"))
    return folder


def painted(out, checkpoint, **how):
    told = {"prompt": ("a",), "count": 1, "sampling": Sampling(steps=1, guidance_scale=1.0), **how}
    generate(GenerateOptions(out, checkpoint, **told))
    return np.asarray(open_picture(out / "0" / "000.png"))


def test_pictures_are_decoded_by_the_file_and_say_so(checkpoint, files, tmp_path):
    plain = painted(tmp_path / "plain", checkpoint)
    same = painted(tmp_path / "same", files / "bare.ckpt", vae=files / "own.safetensors")
    other = painted(tmp_path / "other", checkpoint, vae=files / "other.safetensors")
    assert np.array_equal(plain, same) and not np.array_equal(plain, other)
    notes = {name: note_in(tmp_path / name / "0" / "000.png") for name in ("plain", "same", "other")}
    settings = {name: json.loads((tmp_path / name / "run.json").read_text())["settings"] for name in notes}
    assert settings["plain"] == settings["same"], "what decides a picture is the same"
    assert settings["other"]["autoencoder"] != settings["plain"]["autoencoder"]
    assert "vae" not in notes["plain"]
    for name, file in (("same", "own"), ("other", "other")):
        assert notes[name]["vae"] == file_identity(files / f"{file}.safetensors")
        assert notes[name]["autoencoder"] == settings[name]["autoencoder"]
    with pytest.raises(UserError, match="autoencoder"):
        painted(tmp_path / "plain", checkpoint, vae=files / "other.safetensors")


def test_a_checkpoint_without_one_needs_it_and_gets_it_for_good(checkpoint, files, tmp_path):
    with pytest.raises(UserError, match="or the file of one with --vae"):
        painted(tmp_path / "out", files / "bare.ckpt")
    assert not (tmp_path / "out").exists()
    out = tmp_path / "merged.safetensors"
    convert(ConvertOptions(files / "bare.ckpt", out, vae=files / "other.safetensors"))
    merged, wanted = StableDiffusion.load(out), StableDiffusion.load(checkpoint, vae=files / "other.safetensors")
    assert merged.identity() == wanted.identity() != StableDiffusion.load(checkpoint).identity()
    assert all(torch.equal(value, merged.vae.state_dict()[key]) for key, value in wanted.vae.state_dict().items())


def test_one_of_another_shape_is_refused(checkpoint, files, tmp_path):
    deep = {"width": 32, "multipliers": (1, 2), "blocks": 2}
    write_safetensors(tmp_path / "deep.safetensors", VAE(VAEConfig(**deep)).state_dict(), {})
    with pytest.raises(UserError, match=r"deep\.safetensors: is an autoencoder of another shape"):
        StableDiffusion.load(checkpoint, vae=tmp_path / "deep.safetensors")
    three = VAE(VAEConfig(width=32, multipliers=(1, 2), blocks=1, latent=3)).state_dict()
    write_safetensors(tmp_path / "three.safetensors", three, {})
    with pytest.raises(UserError, match=r"three\.safetensors: its latents have 3 channels, the U-Net's 4"):
        StableDiffusion.load(files / "bare.ckpt", vae=tmp_path / "three.safetensors")


def test_it_does_nothing_for_a_word_and_is_refused_there(files, tmp_path):
    word = tmp_path / "word.safetensors"
    write_safetensors(word, {"<new1>": torch.ones(1, 64)}, {})
    with pytest.raises(UserError, match=r"--vae: does nothing for .*, which is a learned word"):
        convert(ConvertOptions(word, tmp_path / "out.safetensors", vae=files / "own.safetensors"))
