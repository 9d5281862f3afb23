"""A picture painted anew is the same picture, byte for byte of its file, from its place in its batch."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from sfumato.again.again import PAINTERS, AgainOptions, again
from sfumato.checkpoints import write_safetensors
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling, encoded, paint
from sfumato.concepts.words import with_words
from sfumato.diffusion import FlowSchedule
from sfumato.digits import generate as digits
from sfumato.digits.model import SHIPPED
from sfumato.digits.painting import Sampling as DigitSampling
from sfumato.errors import UserError
from sfumato.faces import generate as faces
from sfumato.faces.noises import NoiseOptions, noise
from sfumato.faces.painting import Sampling as FaceSampling
from sfumato.images import PARAMETERS, Parameters, note_in, parameters_text
from sfumato.model import Diffusion
from sfumato.models.stable_diffusion import VAE
from sfumato.models.unet import UNet
from sfumato.pictures import generate as pictures
from sfumato.pictures.generate import Sampling as PictureSampling
from sfumato.runs import files_digest
from tests.concepts.conftest import AUTOENCODER
from tests.concepts.test_noting import painted, write_lora

__all__ = ["painted"]


def paint_digits(folder):
    options = digits.GenerateOptions(folder / "out", count=3, digits=(2, 5), datasets=("svhn",), batch_size=4)
    options.sampling = DigitSampling(steps=2, sampler="ddpm")
    return digits.generate(options) / "svhn" / "5_002.png", ()


def paint_faces(folder):
    noise(NoiseOptions(folder / "noises", count=3))
    sampling = FaceSampling(steps=2, eta=0.5)
    out = faces.generate(faces.GenerateOptions(folder / "noises", folder / "out", "shipped", sampling, batch_size=3))
    return out / "02.png", (folder / "noises",)


def paint_pictures(folder):
    pytest.importorskip("safetensors")
    torch.manual_seed(0)
    (folder / "models").mkdir()
    model = Diffusion(UNet(8, width=8, blocks=1, classes=("a", "b")), FlowSchedule(), "velocity")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # untrained it says nothing
    model.save(folder / "models" / "model.safetensors")
    options = pictures.GenerateOptions(folder / "out", folder / "models" / "model.safetensors", count=3, batch_size=2)
    options.sampling = PictureSampling(steps=2, guidance_scale=2.0)
    return pictures.generate(options) / "b" / "001.png", (folder / "models",)


@pytest.mark.parametrize("paint", [paint_digits, paint_faces, paint_pictures])
def test_the_same_file_comes_of_it(paint, tmp_path, capsys):
    picture, models = paint(tmp_path)
    assert note_in(picture)["batch"][1] > 1
    other = again(AgainOptions(picture, tmp_path / "other.png", models))
    assert other.read_bytes() == picture.read_bytes()
    assert capsys.readouterr().out.endswith(f"wrote {other}: the same picture, pixel for pixel\n")
    again(AgainOptions(picture, other, models))  # over its own


def test_a_prompts_picture_with_its_word_and_lora(painted, tmp_path, capsys):
    picture, checkpoint, word, _ = painted
    folders = tmp_path / "checkpoints", tmp_path / "models"
    for number, file in enumerate((checkpoint, *word.parent.iterdir())):
        deep = folders[number > 0] / "deep"
        deep.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, deep / f"renamed{number}{file.suffix}")
    moved = tmp_path / "moved.png"
    shutil.move(picture, moved)
    shutil.rmtree(word.parent)
    told = "are not found beside it or where they were: the checkpoint model.ckpt, the addition chalk.safetensors, the"
    with pytest.raises(UserError, match=f"{told} word <new1> mine.pt; give --models FOLDER that holds them"):
        again(AgainOptions(moved))
    other = again(AgainOptions(moved, models=folders))
    assert other == tmp_path / "moved-again.png"
    assert (np.asarray(Image.open(other)) == np.asarray(Image.open(moved))).all(), "whatever its files are called"
    assert "the same picture, pixel for pixel" in capsys.readouterr().out
    assert "run" not in note_in(other), "files of other names are not those of the run"


@pytest.mark.parametrize("sampling", [{"guide_from": 300.0, "guide_to": 700.0}, {"sampler": "lcm"}])
def test_parts_of_a_lora_another_autoencoder_and_an_interval_come_again(checkpoint, tmp_path, sampling):
    lora = write_lora(tmp_path / "chalk.safetensors", checkpoint)
    shutil.copy(checkpoint, tmp_path)
    torch.manual_seed(1)
    write_safetensors(tmp_path / "vae.safetensors", VAE(AUTOENCODER).state_dict(), {})
    files = {"checkpoint": checkpoint, "lora": (f"{lora}:unet=0.8,text=0.3",), "vae": tmp_path / "vae.safetensors"}
    files["sampling"] = Sampling(steps=3, **sampling)
    options = GenerateOptions(tmp_path / "out", prompt=("a dog",), count=1, **files)
    generate(options)
    picture = options.out / "0" / "000.png"
    other = again(AgainOptions(picture, tmp_path / "x.png", (tmp_path,)))
    assert other.read_bytes() == picture.read_bytes()
    with Image.open(other) as image:
        text = image.text[PARAMETERS]
    assert "<lora:chalk:0.3:0.8>" in text and "VAE: vae.safetensors" in text
    (tmp_path / "vae.safetensors").unlink()
    with pytest.raises(UserError, match=r"the autoencoder vae\.safetensors"):
        again(AgainOptions(picture, tmp_path / "y.png", (tmp_path,)))


def test_its_place_in_the_batch_is_what_makes_it_the_same(painted, tmp_path, monkeypatch):
    """The place is told, and as many are painted at once, each in its own."""
    from sfumato.again import concepts as module

    seen = []
    real = module.paint

    def paint(model, states, negative, seeds, sampling):
        seen.append((len(states), len(seeds)))
        return real(model, states, negative, seeds, sampling)

    monkeypatch.setattr(module, "paint", paint)
    picture, checkpoint, word, _ = painted
    (models := tmp_path / "models").mkdir()
    for file in (checkpoint, *word.parent.iterdir()):
        shutil.copy(file, models)
    for number, batch in ((0, [0, 2]), (1, [1, 2]), (2, [0, 1])):
        one = picture.with_name(f"00{number}.png")
        assert note_in(one)["batch"] == batch
        assert again(AgainOptions(one, tmp_path / "x.png", (models,))).read_bytes() == one.read_bytes()
        (tmp_path / "x.png").unlink()
    assert seen == [(2, 2), (2, 2), (1, 1)]


def test_a_run_that_went_on_has_the_batches_of_one_that_did_not(tmp_path):
    """So that what a picture says of its batch, and its last digit, do not tell of interruptions."""
    picture, _ = paint_digits(tmp_path)
    whole = {path: path.read_bytes() for path in picture.parent.iterdir()}
    picture.unlink()
    (picture.parent / "2_001.png").unlink()
    paint_digits(tmp_path)
    assert {path: path.read_bytes() for path in picture.parent.iterdir()} == whole


def test_files_of_the_run_are_found_by_its_note(tmp_path, monkeypatch):
    from sfumato.cli import main

    pytest.importorskip("tyro")
    monkeypatch.chdir(tmp_path)
    noise(NoiseOptions(tmp_path / "noises", count=1))
    assert main(["faces", "generate", "noises", "out", "shipped", "--steps", "2"]) == 0
    assert main(["again", "out/00.png", "x.png"]) == 0
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "out" / "00.png").read_bytes()
    noise(NoiseOptions(tmp_path / "noises", count=1, seed=1))
    with pytest.warns(UserWarning, match="00.pt: is another noise than the picture was painted from"):
        again(AgainOptions(tmp_path / "out" / "00.png"))


def test_other_weights_are_said_and_the_picture_is_none_of_the_run(tmp_path, capsys):
    picture, (models,) = paint_pictures(tmp_path)
    model = Diffusion.load(models / "model.safetensors")
    for parameter in model.parameters():
        parameter.mul_(1.5)
    model.save(models / "model.safetensors")
    with pytest.warns(UserWarning, match="is another model than the picture was painted from"):
        other = again(AgainOptions(picture, models=(models,)))
    assert "differs from the picture it is from by up to" in capsys.readouterr().out
    assert "run" not in note_in(other)
    assert note_in(other)["weights"]["contents"] == files_digest(models / "model.safetensors")


def retold(picture, path, **changed):
    """A copy of a picture with other things in its note; None takes one out."""
    note = {name: value for name, value in {**note_in(picture), **changed}.items() if value is not None}
    with_text(picture, path, "sfumato", json.dumps(note))
    return path


def with_text(picture, path, name, text):
    info = PngImagePlugin.PngInfo()
    info.add_text(name, text)
    with Image.open(picture) as image:
        image.save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"command": None}, "it does not say command; an older version painted it, or another program"),
        ({"command": "rm -rf"}, "its command is rm -rf; known are digits generate"),
        ({"batch": [3, 2]}, "its batch is no place and a number"),
        ({"batch": [0, 10**9]}, "its batch has 1,000,000,000 pictures"),
        ({"batch": [True, 2]}, "its batch is no place"),
        ({"digit": 11}, "a digit is 0 ... 9, not 11"),
        ({"digit": "5"}, "its digit is 5"),
        ({"seed": 1.5}, "its seed is 1.5"),
        ({"precision": "fp7"}, "unknown precision 'fp7'"),
        ({"sampling": {"steps": 10**9}}, "it does not say"),
        ({"sampling": "fast"}, "its sampling is fast"),
        ({"weights": {"name": "none.safetensors", "contents": "0" * 16}}, "are not found"),
        ({"weights": {"name": "../../../etc/passwd", "contents": "0" * 16}}, "the digit model passwd"),
        ({"weights": [1]}, "its weights is"),
    ],
)
def test_a_text_that_cannot_be_used_is_one_line(tmp_path, changed, message):
    picture, _ = paint_digits(tmp_path)
    bad = retold(picture, tmp_path / "bad.png", **changed)
    with pytest.raises(UserError) as fault:
        again(AgainOptions(bad))
    assert message in str(fault.value) and str(bad) in str(fault.value) and "\n" not in str(fault.value)
    assert not (tmp_path / "bad-again.png").exists()


def test_numbers_of_a_note_are_held_to_the_options_ranges(tmp_path):
    picture, _ = paint_digits(tmp_path)
    sampling = note_in(picture)["sampling"]
    for name, value, message in (
        ("steps", 10**9, "--steps must be at least 1 and at most 1000"),
        ("guidance_scale", "7", "--guidance-scale must be a number"),
        ("sampler", ["unipc"], "its sampler is"),
        ("eta", float("nan"), "--eta must be"),
    ):
        bad = retold(picture, tmp_path / "bad.png", sampling={**sampling, name: value})
        with pytest.raises(UserError, match="its text cannot be used") as fault:
            again(AgainOptions(bad))
        assert message in str(fault.value)


def test_where_nothing_may_be_written(tmp_path):
    picture, _ = paint_digits(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty").mkdir()
    for out, message in (
        (picture, "is the picture itself"),
        (picture.with_name("5_001.png"), "is there and is another picture"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / "a.jpg", "give a name that ends in .png"),
    ):
        with pytest.raises(UserError, match=message):
            again(AgainOptions(picture, out))
    for models in (tmp_path / "nowhere", tmp_path / "empty", SHIPPED):
        with pytest.raises(UserError, match=str(models)):
            again(AgainOptions(picture, tmp_path / "x.png", (models,)))
    plain = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(plain)
    with pytest.raises(UserError, match="carries no text of how it was painted"):
        again(AgainOptions(plain))


def test_every_command_that_paints_one_by_one_can_be_painted_again():
    from sfumato.commands import COMMANDS

    assert {name for name in COMMANDS if name.endswith("generate")} == set(PAINTERS)


SETTINGS = {"Steps": "2", "Sampler": "Euler a", "CFG scale": "3", "Seed": "7", "Size": "16x16", "RNG": "CPU"}


def of_a1111(folder, checkpoint, prompt, **settings):
    picture = folder / "theirs.png"
    Image.new("RGB", (16, 16)).save(picture)
    told = {**SETTINGS, "Model hash": files_digest(checkpoint)[:10], "Model": "anything", **settings}
    return with_text(picture, picture, PARAMETERS, parameters_text(Parameters(prompt, "dark", told)))


def test_another_programs_picture_is_painted_as_far_as_it_is_known(checkpoint, tmp_path):
    lora = write_lora(tmp_path / "chalk.safetensors", checkpoint)  # beside the picture
    (models := tmp_path / "models").mkdir()
    shutil.copy(checkpoint, models / "renamed.ckpt")
    more = {"Clip skip": "2", "Schedule type": "Karras"}
    picture = of_a1111(tmp_path, checkpoint, "a (dog:1.2) <lora:chalk:0.5> <lora:gone:1>", **more)
    with pytest.warns(UserWarning, match="theirs.png: ") as said:
        other = again(AgainOptions(picture, models=(models,)))
    lines = "\n".join(str(one.message) for one in said)
    assert lines.count("\n") == 2
    assert "Clip skip: 2 is not known here" in lines and "the LoRA gone is not found; painted without it" in lines
    assert "has no weight here and is painted plainly" in lines
    note = note_in(other)
    assert (note["prompt"], note["negative_prompt"], note["seed"], note["steps"]) == ("a dog", "dark", 7, 2)
    assert (note["sampler"], note["eta"], note["spacing"], note["guidance_scale"]) == ("ddim", 1.0, "karras", 3.0)
    assert [(one["name"], one["amount"]) for one in note["added"]] == [("chalk.safetensors", 0.5)]
    # And what was painted of it is one of ours.
    once_more = again(AgainOptions(other, tmp_path / "more.png", (models,)))
    assert once_more.read_bytes() == other.read_bytes()
    # From the noise of the very seed, which is what the page draws on a CPU.
    sampling = Sampling("ddim", eta=1.0, steps=2, spacing="karras", guidance_scale=3.0, negative_prompt="dark")
    sampling = replace(sampling, height=16, width=16)
    model, _ = with_words(checkpoint, torch.float32, [], [f"{lora}:0.5"])
    if note["precision"] == "fp32":
        (pixels,) = paint(model, encoded(model, ["a dog"]), encoded(model, ["dark"])[:, 0], [7], sampling)
        assert (np.asarray(Image.open(other)) == pixels.numpy()).all()


@pytest.mark.parametrize(
    ("written", "amount"),
    [("0.3:0.8", "unet=0.8,text=0.3"), ("0.5:0.5", 0.5), ("0.5", 0.5), ("-0.5", -0.5)],
)
def test_the_parts_of_another_programs_lora(checkpoint, tmp_path, written, amount):
    write_lora(tmp_path / "chalk.safetensors", checkpoint)
    shutil.copy(checkpoint, tmp_path)
    picture = of_a1111(tmp_path, checkpoint, f"a dog <lora:chalk:{written}>")
    (added,) = note_in(again(AgainOptions(picture)))["added"]
    assert added["amount"] == amount


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Seed": "many"}, "Seed is many"),
        ({"Steps": "0"}, "--steps must be at least 1"),
        ({"Size": "17x16"}, "width must be a multiple of"),
        ({"Model hash": "0123456789", "Model": "nowhere"}, "the checkpoint nowhere"),
        ({"Model hash": "", "Model": ""}, "names no checkpoint"),
    ],
)
def test_what_another_program_wrote_badly_is_one_line(checkpoint, tmp_path, settings, message):
    shutil.copy(checkpoint, tmp_path)
    with pytest.raises(UserError, match=message):
        again(AgainOptions(of_a1111(tmp_path, checkpoint, "a dog", **settings)))
