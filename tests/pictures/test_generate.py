"""Painting with a model of one's own pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("tyro")
pytest.importorskip("safetensors")

from sfumato import Diffusion, FlowSchedule, UNet
from sfumato.cli import main
from sfumato.errors import UserError
from sfumato.images import to_pixels
from sfumato.pictures.generate import GenerateOptions, Sampling, folder_of, generate


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    network = UNet(8, ["rose", "tulip/wild"], width=8, blocks=1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    path = tmp_path_factory.mktemp("run") / "model.safetensors"
    Diffusion(network, FlowSchedule(), "velocity").save(path, dtype=torch.float32)
    return path


def painted(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_every_label_has_its_folder_and_pictures_say_how_they_were_made(weights, tmp_path):
    generate(GenerateOptions(tmp_path / "out", weights.parent, count=2))
    wild = folder_of("tulip/wild")
    assert list(painted(tmp_path / "out")) == ["rose/000.png", "rose/001.png", f"{wild}/000.png", f"{wild}/001.png"]
    with Image.open(tmp_path / "out" / "rose" / "001.png") as picture:
        note = json.loads(picture.text["sfumato"])
        assert picture.size == (8, 8) and picture.mode == "RGB"
    assert (note["label"], note["number"], note["sampling"]["guidance_scale"]) == ("rose", 1, 2.0)


def test_a_picture_is_the_same_in_any_batch_and_alone(weights, tmp_path):
    generate(GenerateOptions(tmp_path / "all", weights, count=5, batch_size=16))
    generate(GenerateOptions(tmp_path / "one", weights, ("rose",), count=5, batch_size=2))
    for number in range(5):
        name = f"rose/{number:03d}.png"
        assert np.abs(pixels(tmp_path / "all" / name) - pixels(tmp_path / "one" / name)).max() <= 1
    generate(GenerateOptions(tmp_path / "other", weights, ("rose",), count=1, seed=1))
    assert np.abs(pixels(tmp_path / "other/rose/000.png") - pixels(tmp_path / "one/rose/000.png")).max() > 1


def test_an_interrupted_run_goes_on_and_other_settings_are_refused(weights, tmp_path):
    options = GenerateOptions(tmp_path / "out", weights, ("rose",), count=3)
    before = painted(generate(options))
    (tmp_path / "out" / "rose" / "001.png").unlink()
    assert painted(generate(options)) == before
    other = GenerateOptions(tmp_path / "out", weights, ("rose",), count=3, sampling=Sampling(steps=5))
    with pytest.raises(UserError, match="give its settings to go on, or another folder to begin anew, or --overwrite"):
        generate(other)
    other.overwrite = True
    assert painted(generate(other)) != before


def test_other_labels_come_into_the_same_folder(weights, tmp_path):
    generate(GenerateOptions(tmp_path / "out", weights, ("rose",), count=1))
    generate(GenerateOptions(tmp_path / "out", weights, ("tulip/wild",), count=2))
    assert len(painted(tmp_path / "out")) == 3


def test_guidance_and_steps_are_those_of_the_model(weights, tmp_path):
    """What the command paints is what `Diffusion.sample` paints from the same noise."""
    model = Diffusion.load(weights)
    generate(
        GenerateOptions(tmp_path / "out", weights, ("rose",), count=1, sampling=Sampling(steps=4, guidance_scale=3.0))
    )
    from sfumato.diffusion import SeededNoise, sample, seed_of
    from sfumato.diffusion.samplers import UniPC

    noise = SeededNoise([seed_of(0, "rose", 0)], (3, 8, 8))
    denoiser = model.denoiser(torch.tensor([0]), guidance_scale=3.0)
    wanted = to_pixels(sample(UniPC()(noise(), denoiser, model.schedule.times(4))))[0].numpy()
    assert np.abs(pixels(tmp_path / "out/rose/000.png") - wanted).max() <= 1


def test_a_model_without_labels_paints_into_the_folder_itself(tmp_path):
    Diffusion(UNet(8, width=8, blocks=1), FlowSchedule(), "velocity").save(tmp_path / "m.safetensors")
    generate(GenerateOptions(tmp_path / "out", tmp_path / "m.safetensors", count=2))
    assert list(painted(tmp_path / "out")) == ["000.png", "001.png"]


def test_folders_of_labels_are_names_that_all_systems_take():
    assert folder_of("tulip") == "tulip" and folder_of("Café 1.5") == "Café 1.5"
    odd = ["a/b", "a_b", "a\\b", "..", "...", " a", "a ", "a.", "x" * 300, "\0", "a:b", ""]
    made = [folder_of(label) for label in odd]
    assert len({*made}) == len(odd)
    for name in made[:-1]:
        assert name and len(name) < 100 and not set(name) & set('/\\:*?"<>|\0') and name == name.strip(" .")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--label", "lily"], "unknown label 'lily'; choose one of rose, tulip/wild"),
        (["--count", "0"], "count must be at least 1"),
        (["--sampler", "unipcc"], "did you mean 'unipc'"),
        (["--steps", "0"], "steps must be at least 1"),
        (["--sampler", "dpm-2m"], "divides by the signal"),
        (["--eta", "0.5"], "eta belongs to ddim; unipc has no eta"),
        (["--spacing", "trailing"], "unknown spacing 'trailing'"),
        (["--weights", "nope"], "nope"),
        (["--weights", "."], "model.safetensors"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(weights, tmp_path, monkeypatch, capsys, flags, words):
    monkeypatch.chdir(tmp_path)
    given = [] if "--weights" in flags else ["--weights", str(weights)]
    assert main(["pictures", "generate", "out", *given, *flags]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("sfumato: ") == 1
    assert not list(tmp_path.rglob("*.png"))


def test_other_models_are_named(tmp_path):
    from sfumato.digits.model import SHIPPED

    generate(GenerateOptions(tmp_path / "digits", SHIPPED, ("svhn 7",), count=1, sampling=Sampling(steps=2)))
    assert list(painted(tmp_path / "digits")) == ["svhn 7/000.png"]
    (tmp_path / "word.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(UserError, match="not a model of pictures"):
        generate(GenerateOptions(tmp_path / "out", tmp_path / "word.safetensors"))
