"""The small world's trainings, from pictures to a checkpoint that the concepts' commands use."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import read_safetensors, read_tensors
from sfumato.clip import SHIPPED, Clip, clip_weights
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.errors import UserError
from sfumato.models.stable_diffusion import VAE, UNetConfig, VAEConfig
from sfumato.models.stable_diffusion.vae import LATENT_SCALE, drawn_latents
from sfumato.pictures.train_classifier import BATCH, Fitting
from sfumato.runs import file_identity
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion
from sfumato.training import AlignedLoop, AlignedOptions
from sfumato.world.autoencoders import load_autoencoder
from sfumato.world.evaluate import Asked, EvaluateOptions, evaluate, judged
from sfumato.world.judge import SceneJudge, Seen
from sfumato.world.photos import PhotosOptions, photos
from sfumato.world.scenes import LOOKS, UNNAMED_LOOK, Digits
from sfumato.world.train import TrainOptions, train
from sfumato.world.train_autoencoder import AutoencoderOptions, rescale, train_autoencoder
from sfumato.world.train_clip import ClipOptions, train_clip
from sfumato.world.train_judge import JudgeOptions, _regions, train_judge
from tests.digits.conftest import draw_digit_files

SMALL_VAE = VAEConfig(width=32, multipliers=(1, 1, 1), blocks=1)
SMALL_UNET = UNetConfig(width=32, multipliers=(1, 1), blocks=1, attention=(0,), context=64)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """(the course's digits folder, an MNIST file)."""
    folder = draw_digit_files(tmp_path_factory.mktemp("data"))
    return folder / "digits", folder / "mnist.npz"


def training(look_every=0, **loop):
    return AlignedOptions(
        AlignedLoop(**{"steps": 2, "batch_size": 4, "warmup": 1, **loop}), precision="fp32", look_every=look_every
    )


@pytest.fixture(scope="module")
def world(data, tmp_path_factory):
    """All trainings in turn, two steps each."""
    runs = tmp_path_factory.mktemp("runs")
    common = {"training": training(look_every=2)}
    autoencoder = train_autoencoder(AutoencoderOptions(*data, runs / "autoencoder", network=SMALL_VAE, **common))
    clip = train_clip(ClipOptions(*data, runs / "clip", **common))
    checkpoint = train(TrainOptions(*data, autoencoder, clip, runs / "world", network=SMALL_UNET, pool=64, **common))
    return checkpoint, clip, runs


def test_it_is_aligned_to_an_encoder_of_latents_which_reads_both_digits_and_both_looks(data, world, tmp_path):
    _, clip, runs = world
    made = (*data, runs / "autoencoder" / "autoencoder.safetensors", clip, tmp_path / "run")
    how = replace(training(align=0.5), encoder_steps=2)
    checkpoint = train(TrainOptions(*made, network=SMALL_UNET, pool=64, training=how))
    assert StableDiffusion.load(checkpoint).unet.config == SMALL_UNET
    state, told = read_tensors(tmp_path / "run" / "encoder.safetensors")
    config = json.loads(told["config"])
    assert (config["channels"], config["size"], config["classes"]) == (4, [12, 12], [11, 11, 5, 5])
    assert state["head.weight"].shape == (32, 256)
    first = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert first["step"] == 0 and 0 <= first["encoder/accuracy"] <= 1


def test_the_trainings_leave_a_stable_diffusion_and_its_clip(world, tmp_path):
    checkpoint, clip, runs = world
    model = StableDiffusion.load(checkpoint)
    assert (model.size, model.vae.factor, model.text.config.tokens) == (48, 4, 32)
    assert model.unet.config == SMALL_UNET
    Clip(clip).texts(["a seven"])
    assert list(runs.glob("world/sheet-*2.png")) and list(runs.glob("autoencoder/sheet-*2.png"))
    assert "right_digit" in (runs / "clip" / "log.jsonl").read_text()
    out = generate(
        GenerateOptions(tmp_path / "out", checkpoint, prompt=("a seven",), count=2, sampling=Sampling(steps=2))
    )
    assert len(list(out.rglob("*.png"))) == 2


def test_a_training_ends_with_what_shows_it_where_nothing_uses_its_weights_alone(world, data, capsys):
    folder = world[-1] / "autoencoder"
    train_autoencoder(AutoencoderOptions(*data, folder, network=SMALL_VAE, training=training(look_every=2)))
    assert capsys.readouterr().out.splitlines()[-1] == f"sfumato report page --run {folder}"


def test_a_plan_encodes_nothing(world, data, tmp_path, capsys):
    _, clip, runs = world
    plan = training()
    plan.plan = True
    autoencoder = runs / "autoencoder" / "autoencoder.safetensors"
    train(TrainOptions(*data, autoencoder, clip, tmp_path / "run", network=SMALL_UNET, training=plan))
    assert "s a step here" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["pictures.png"]
    assert "loss/held_out" in (runs / "world" / "log.jsonl").read_text()


def test_the_text_encoder_begins_as_clips(world, data, tmp_path):
    _, clip, runs = world
    options = TrainOptions(
        *data,
        runs / "autoencoder" / "autoencoder.safetensors",
        clip,
        tmp_path / "run",
        network=SMALL_UNET,
        pool=64,
        training=training(steps=1, warmup=10**9),  # a learning rate of nearly nothing
    )
    theirs = read_safetensors(clip / "model.safetensors")[0]
    text = StableDiffusion.load(train(options)).text.state_dict()
    for key, value in text.items():
        torch.testing.assert_close(value, theirs[key].float(), atol=2e-3, rtol=2e-3, msg=key)


NEARLY_NOTHING = {"steps": 1, "warmup": 10**9}
"""A learning rate that leaves weights as they were."""


@pytest.mark.parametrize("start", ["file", "checkpoint", "small"])
def test_an_autoencoder_is_trained_further_from_ours_or_that_of_any_checkpoint(world, data, tmp_path, start):
    checkpoint, _, runs = world
    file = runs / "autoencoder" / "autoencoder.safetensors"
    path = {"file": file, "checkpoint": checkpoint, "small": Path("small")}[start]
    shape = {} if start == "small" else {"network": SMALL_VAE}
    options = AutoencoderOptions(*data, tmp_path / "run", start=path, **shape, training=training(**NEARLY_NOTHING))
    before, (after, _) = load_autoencoder(path)[0], load_autoencoder(train_autoencoder(options))
    pictures = torch.rand(4, 3, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(
        after.decode(after.encode(pictures)), before.decode(before.encode(pictures)), atol=0.01, rtol=0.01
    )
    note = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["start"]
    assert note == load_autoencoder(path)[1] and note["name"].endswith(".safetensors")
    options.start, options.network = file, VAEConfig(width=32, multipliers=(1, 1), blocks=1)
    options.out = tmp_path / "other"
    with pytest.raises(UserError, match=r"is an autoencoder of VAEConfig\(width=32.*give its shape as network options"):
        train_autoencoder(options)
    assert not options.out.exists()


def test_a_clip_is_trained_further(world, data, tmp_path):
    _, clip, _ = world
    for start, path in ((clip, clip), (Path("small"), SHIPPED)):
        out = train_clip(ClipOptions(*data, tmp_path / start.name, start=start, training=training(**NEARLY_NOTHING)))
        before, after = (clip_weights(folder)[0] for folder in (path, out))
        assert set(before) == set(after)
        for key, value in before.items():
            torch.testing.assert_close(after[key].float(), value.float(), atol=2e-3, rtol=2e-3, msg=key)
        note = json.loads((tmp_path / start.name / "run.json").read_text())["settings"]["start"]
        assert note == file_identity(path / "model.safetensors")


def test_a_run_without_a_start_says_nothing_of_one(world):
    """So that a run of an earlier version goes on."""
    for name in ("autoencoder", "clip"):
        assert "start" not in json.loads((world[-1] / name / "run.json").read_text())["settings"]


def test_a_unet_is_trained_on_the_latents_of_any_checkpoint(world, data, tmp_path):
    """With what the package has, and nothing trained before."""
    checkpoint, clip, _ = world
    made = train(
        TrainOptions(*data, checkpoint, clip, tmp_path / "run", network=SMALL_UNET, pool=64, training=training())
    )
    vae, theirs = (StableDiffusion.load(path).vae.state_dict() for path in (made, checkpoint))
    assert all(torch.equal(value, vae[key]) for key, value in theirs.items())
    small = Path("small")
    options = TrainOptions(
        *data, small, small, tmp_path / "small", start=small, pool=64, training=training(**NEARLY_NOTHING)
    )
    made = StableDiffusion.load(train(options))
    theirs = StableDiffusion.load(SMALL_WORLD)
    assert made.autoencoder == theirs.autoencoder and made.unet.config == theirs.unet.config
    for key, value in theirs.unet.state_dict().items():
        torch.testing.assert_close(made.unet.state_dict()[key], value, atol=2e-3, rtol=2e-3, msg=key)


def test_a_training_goes_on_from_a_finished_world(world, data, tmp_path):
    checkpoint, clip, runs = world
    options = TrainOptions(
        *data,
        runs / "autoencoder" / "autoencoder.safetensors",
        clip,
        tmp_path / "run",
        start=checkpoint,
        pool=64,
        training=training(),
    )
    with pytest.raises(UserError, match="is not the U-Net of that shape"):
        train(options)
    options.network = SMALL_UNET
    assert train(options).exists()


def test_rescaling_changes_the_latents_spread_and_no_picture():
    torch.manual_seed(0)
    vae = VAE(SMALL_VAE).requires_grad_(False)
    pictures = torch.rand(16, 3, 48, 48) * 2 - 1
    before = vae.decode(vae.encode(pictures))
    mean, log_variance = vae.moments(pictures)
    rescale(vae, pictures)
    torch.testing.assert_close(vae.decode(vae.encode(pictures)), before, atol=1e-4, rtol=1e-4)
    noise = torch.randn(mean.shape)
    assert float(drawn_latents(*vae.moments(pictures), noise).std()) == pytest.approx(1.0, abs=0.03)
    # Mean and noise were scaled by the same number.
    new_mean, new_log_variance = vae.moments(pictures)
    factor = float((new_mean / mean).median())
    torch.testing.assert_close(new_mean, factor * mean, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close((0.5 * (new_log_variance - log_variance)).exp().mean().item(), factor, rtol=1e-3, atol=0)
    assert 0 < LATENT_SCALE < 1


def test_a_clip_folder_that_is_none_is_refused(world, data, tmp_path):
    _, _, runs = world
    options = TrainOptions(*data, runs / "autoencoder" / "autoencoder.safetensors", tmp_path, tmp_path / "run")
    with pytest.raises(UserError, match="lacks the weights, model"):
        train(options)


def test_photos_show_the_unnamed_digit_and_the_unnamed_look(data, tmp_path):
    from PIL import Image

    out = photos(PhotosOptions(*data, tmp_path / "photos"))
    for name in ("new1", "new2"):
        assert sorted(path.name for path in (out / name).iterdir()) == [f"0{n}.png" for n in range(5)]
        with Image.open(out / name / "00.png") as picture:
            assert picture.size == (48, 48)
    with Image.open(out / "new2" / "00.png") as picture:
        red, _, blue = np.asarray(picture).reshape(-1, 3).mean(axis=0)
        assert blue > red
    said = photos(PhotosOptions(*data, tmp_path / "said", captions=True))
    told = {name: [(said / name / f"0{n}.txt").read_text() for n in range(5)] for name in ("new1", "new2")}
    assert told["new1"] == [f"a {look} {{}}\n" for look in ("street", "colourful", "chalk", "street", "colourful")]
    assert told["new2"][:2] == ["a zero in the style of {}\n", "a two in the style of {}\n"]
    assert (said / "new1" / "00.png").read_bytes() == (out / "new1" / "00.png").read_bytes()
    with pytest.raises(UserError, match="count must be at least 1"):
        photos(PhotosOptions(*data, tmp_path / "none", count=0))
    with pytest.raises(UserError, match=r"nothing.npz: there is no such file"):
        photos(PhotosOptions(data[0], tmp_path / "nothing.npz", tmp_path / "none"))
    digits, labels = np.zeros((3, 28, 28), np.uint8), np.arange(3)
    for x, y, words in (
        (digits / 255, labels, r"x_\w+ is float64 \[3, 28, 28\]; it must be uint8"),
        (digits[:, :14], labels, r"x_\w+ is uint8 \[3, 14, 28\]; it must be"),
        (digits, labels - 1, r"y_\w+ holds other things than the digits"),
        (digits, np.full(3, np.nan), r"y_\w+ holds other things than the digits"),
    ):
        np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        with pytest.raises(UserError, match=rf"mnist.npz: {words}"):
            photos(PhotosOptions(data[0], tmp_path / "mnist.npz", tmp_path / "none"))


def test_a_judge_is_trained_and_read_back(data, tmp_path, capsys):
    test = tmp_path / "test.npz"
    pixels = np.random.RandomState(0).randint(0, 256, (10, 28, 28, 3)).astype(np.uint8)
    np.savez(test, mnistm_x=pixels, mnistm_y=np.arange(10), svhn_x=pixels, svhn_y=np.arange(10))
    judge = SceneJudge(train_judge(JudgeOptions(*data, tmp_path / "judge.safetensors", test=test, fitting=Fitting(2))))
    shown = capsys.readouterr().out
    assert "chalk: digit" in shown and "held-out digits" in shown
    left, right = judge.pair(torch.zeros(3, 48, 48, 3, dtype=torch.uint8))
    assert left.digits.shape == right.looks.shape == (3,)


def test_the_judge_learns_handwriting_as_it_is_and_street_numbers_and_photos_recoloured():
    labels = np.arange(10)
    pixels = np.broadcast_to((20 * labels + 40)[:, None, None, None], (10, 3, 28, 28)).astype(np.uint8)
    digits = Digits([pixels.copy() for _ in LOOKS], [labels for _ in LOOKS])
    pictures, classes = _regions(digits, torch.Generator().manual_seed(0))
    looks, values = classes // 10, classes % 10
    counts = looks.bincount(minlength=4).tolist()
    assert pictures.shape == (BATCH, 3, 28, 28) and abs(counts[0] - BATCH / 2) < 20 and min(counts) > 4
    off = ((pictures + 1) * 127.5 - (20.0 * values + 40)[:, None, None, None]).abs().amax(dim=(1, 2, 3))
    assert bool((off[looks == LOOKS.index("chalk")] < 0.01).all())
    assert float((off[looks < LOOKS.index("chalk")] > 5).float().mean()) > 0.9
    middle = BATCH // 2
    ruled = pictures[:, 2].std(dim=1).mean(dim=1) - pictures[:, 2].std(dim=2).mean(dim=1)
    drawn = looks == UNNAMED_LOOK
    assert bool(drawn[:middle].any()) and bool(drawn[middle:].any())
    assert float(ruled[:middle][drawn[:middle]].abs().max()) < 1e-3, "alone, the squares are squares"
    assert float(ruled[middle:][drawn[middle:]].abs().min()) > 1e-3, "in a half they are twice as wide"


class Oracle:
    """Reads the digit from the red of the first pixel and the look from its green, per half."""

    def single(self, pixels):
        return Seen(pixels[:, 0, 0, 0].long(), pixels[:, 0, 0, 1].long())

    def pair(self, pixels):
        return self.single(pixels), self.single(pixels[:, :, 24:])


def test_a_picture_is_right_when_all_of_it_is():
    pixels = torch.zeros(3, 48, 48, 3, dtype=torch.uint8)
    pixels[:, :, :24, 0], pixels[:, :, 24:, 0] = 7, 2
    pixels[:, :, :24, 1], pixels[:, :, 24:, 1] = 1, 3
    pixels[1, :, 24:, 0] = 5  # another digit at the right
    pixels[2, :, :24, 1] = 0  # another look at the left
    wanted = Asked("", (7, 2), (1, 3))
    found = judged(Oracle(), pixels, [wanted] * 3)
    told = {name: right.tolist() for name, right in found.items()}
    assert told == {
        "digit right": [True, False, True],
        "look right": [True, True, False],
        "both right": [True, False, False],
    }
    alone = [Asked("", (digit,), (look,)) for digit, look in ((7, 1), (7, 0), (2, 0))]
    counts = {name: int(right.sum()) for name, right in judged(Oracle(), pixels, alone).items()}
    assert counts == {"digit right": 2, "look right": 2, "both right": 1}


def test_the_measurements_ask_for_what_the_words_mean(world, tmp_path):
    checkpoint, _, _ = world
    torch.save({"<new1>": torch.ones(64), "<new2>": torch.zeros(64)}, str(tmp_path / "words.pt"))
    judge = tmp_path / "judge.safetensors"
    from sfumato.checkpoints import write_model
    from sfumato.models.digit_classifier import DigitJudge
    from sfumato.world.judge import CLASSES, FORMAT

    write_model(judge, DigitJudge(CLASSES), FORMAT, {})
    options = EvaluateOptions(
        tmp_path / "out", checkpoint, (tmp_path / "words.pt",), judge, count=3, sampling=Sampling(steps=1)
    )
    found = evaluate(options)
    assert set(found) == {
        "one digit",
        "two digits",
        "two digits in two looks",
        "street digits alone",
        "object before",
        "object",
        "object on a street",
        "style before",
        "style",
        "style in one half",
        "both said apart",
        "both in one prompt",
        "both by regions",
    }
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["measured"] == found
    assert (tmp_path / "out" / "both-by-regions.png").exists()
    options.only = ("object", "two digits")
    assert evaluate(options) == {name: found[name] for name in ("two digits", "object")}, "the same noises as among all"
    options.only = ("tow digits",)
    with pytest.raises(UserError, match='no measurement "tow digits" for --only; there are one digit, two digits,'):
        evaluate(options)
    options.embeddings, options.only = (), ()
    assert "object" not in evaluate(options), "what no word was learned for is left out"
    assert UNNAMED_LOOK == 3
