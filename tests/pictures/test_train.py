"""Learning anybody's own pictures."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")
pytest.importorskip("tyro")

from sfumato import Diffusion, FlowSchedule, Pictures, UNet, train
from sfumato.checkpoints import read_safetensors, write_safetensors
from sfumato.cli import main
from sfumato.diffusion import LinearSchedule
from sfumato.errors import UserError
from sfumato.pictures.batches import PictureBatches
from sfumato.pictures.data import kept_apart
from sfumato.pictures.looks import Looks
from sfumato.pictures.training import Training
from sfumato.training import AlignedLoop

from .conftest import draw

THREE = ("rose", "tulip", "violet")
FEW = {"steps": 24, "batch_size": 8, "warmup": 2, "save_every": 6, "look_every": 0, "precision": "fp32"}


def small(pictures):
    torch.manual_seed(0)
    network = UNet(pictures.size, pictures.classes, pictures.channels, width=16, blocks=1)
    return Diffusion(network, FlowSchedule(), "velocity")


@pytest.fixture
def pictures(flowers):
    return Pictures(flowers, 8)


def test_ten_lines_learn_and_paint(flowers, tmp_path):
    """What a stranger types: the two kinds differ in colour, and so does what is painted of each."""
    pictures = Pictures(flowers, size=8)
    model = Diffusion(UNet(size=8, classes=pictures.classes, width=16, blocks=1), FlowSchedule(), predicts="velocity")
    train(model, pictures, tmp_path / "run", **{**FEW, "steps": 300, "save_every": 300})
    red = model.sample(count=16, label="rose", steps=12, guidance_scale=1.0, seed=0).mean(dim=(0, 2, 3))
    blue = model.sample(count=16, label="tulip", steps=12, guidance_scale=1.0, seed=0).mean(dim=(0, 2, 3))
    assert red[0] > red[2] + 0.5 and blue[2] > blue[0] + 0.5, (red, blue)


def test_it_returns_with_the_mean_weights_which_are_the_files(pictures, tmp_path):
    model = train(small(pictures), pictures, tmp_path / "run", **FEW)
    state = read_safetensors(tmp_path / "run" / "state-00000024.safetensors")[0]
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, state[f"ema.network.{key}"])
    assert not model.training and not any(one.requires_grad for one in model.parameters())
    loaded = Diffusion.load(tmp_path / "run" / "model.safetensors")
    assert loaded.classes == ("rose", "tulip") and loaded.schedule == FlowSchedule() and loaded.predicts == "velocity"
    assert (loaded.sample(2, "rose", steps=3) - model.sample(2, "rose", steps=3)).abs().max() < 0.01


@pytest.mark.parametrize("timed", [False, True])
def test_killed_and_resumed_it_ends_with_the_same_bits(flowers, tmp_path, timed, killed_then_resumed):
    """Also where a clock decided the end; the weak network that was kept before the kill, too."""
    whole = tmp_path / "whole"
    run(flowers, whole, timed)
    command = [sys.executable, "-m", "tests.pictures.test_train", str(flowers), str(tmp_path / "killed"), str(timed)]
    if timed:
        # The other machine is as fast as this one was: what is decided is decided.
        (tmp_path / "killed").mkdir()
        (tmp_path / "killed" / "clock.json").write_text((whole / "clock.json").read_text())
    killed_then_resumed(command, tmp_path / "killed")
    expected, got = (read_safetensors(folder / "model.safetensors")[0] for folder in (whole, tmp_path / "killed"))
    assert set(expected) == set(got) and any(key.startswith("weak.") for key in got)
    for key, value in expected.items():
        assert torch.equal(value, got[key]), key


def run(flowers, out, timed):
    settings = {**FEW, "weak_at": 3, **({"minutes": 1.5 / 60} if timed else {})}
    train(small(Pictures(flowers, 8)), Pictures(flowers, 8), out, **settings)


def test_minutes_end_a_run_and_its_number_of_steps_is_kept(pictures, tmp_path):
    train(small(pictures), pictures, tmp_path / "run", **{**FEW, "minutes": 1 / 60, "save_every": 10_000})
    decided = json.loads((tmp_path / "run" / "clock.json").read_text())["steps"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == decided
    note = json.loads((tmp_path / "run" / "run.json").read_text())
    assert note["settings"]["loop"]["steps"] == "as the minutes allow"


def test_the_command_says_its_plan_and_its_last_line_paints(flowers, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--size", "8", "--width", "16", "--blocks", "1", "--steps", "4", "--batch-size", "4"]
    assert main(["pictures", "train", "flowers", "run", *flags, "--plan"]) == 0
    plan = capsys.readouterr().out
    assert "12 from flowers, as 8x8 in colour; 1 held out" in plan and "2: rose 8, tulip 4" in plan
    assert re.search(r"4 steps, [\d.]+ s a step here, [\d.]+ GiB of memory; finished 20\d\d-", plan)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["pictures.png"]

    assert main(["pictures", "train", "flowers", "run", *flags]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == plan.splitlines()[-1] == "sfumato pictures generate painted --weights run --label rose"
    assert main([*shlex.split(said[-1])[1:], "--count", "2"]) == 0
    painted = sorted(
        path.relative_to(tmp_path / "painted").as_posix() for path in (tmp_path / "painted").rglob("*.png")
    )
    assert painted == ["rose/000.png", "rose/001.png"]
    with Image.open(tmp_path / "run" / "sheet-00000004.png") as sheet:
        assert sheet.size == (8 * 18 + 2, 4 * 18 + 2)


def test_grey_pictures_of_another_shape_are_learned_and_painted_grey(flowers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--size", "8", "12", "--grey", "--width", "8", "--blocks", "1", "--steps", "2", "--batch-size", "4"]
    assert main(["pictures", "train", "flowers", "run", *flags]) == 0
    assert main(["pictures", "generate", "painted", "--weights", "run/model.safetensors", "--count", "1"]) == 0
    for kind in ("rose", "tulip"):
        with Image.open(tmp_path / "painted" / kind / "000.png") as picture:
            assert picture.size == (12, 8) and picture.mode == "L"


def as_pixels(x0):
    return ((x0 + 1) * 127.5).round().to(torch.uint8).numpy()


def test_batches_are_a_function_of_the_step_and_even(tmp_path):
    for number in range(20):
        draw(tmp_path / "p" / ("few" if number < 2 else "many") / f"{number:02d}.png", number)
    pictures = Pictures(tmp_path / "p", 8)
    places = np.arange(20)
    batches = PictureBatches(pictures, places, 400, LinearSchedule(), null=2, hidden=0.25, flip=True, seed=3)
    x0, t, eps, label = batches(5, slice(None))
    assert x0.shape == eps.shape == (400, 3, 8, 8) and t.dtype == torch.int64
    for again, part in zip(batches(5, slice(1, None, 2)), (x0, t, eps, label)):
        assert torch.equal(again, part[1::2])
    assert not torch.equal(batches(6, slice(None))[0], x0)
    assert 0.18 < float((label == 2).float().mean()) < 0.32
    assert 0.4 < float((label == 0).sum() / (label != 2).sum()) < 0.6
    drawn = [one.tobytes() for one in as_pixels(x0)]
    known = {one.tobytes() for one in pictures.pixels}
    mirrored = {one[..., ::-1].tobytes() for one in pictures.pixels}
    assert set(drawn) <= known | mirrored
    assert 0.4 < np.mean([one in mirrored for one in drawn]) < 0.6

    focused = PictureBatches(pictures, places, 4000, FlowSchedule(), time_focus=(0.5, 0.7))(0, slice(None))[1]
    assert float(torch.logit(focused).mean()) == pytest.approx(0.5, abs=0.02)
    assert float(torch.logit(focused).std()) == pytest.approx(0.7, abs=0.02)
    as_they_are = PictureBatches(pictures, places, 400, LinearSchedule(), null=2, hidden=0.0, even=False)
    assert float((as_they_are(0, slice(None))[3] == 0).float().mean()) < 0.2
    assert len(PictureBatches(pictures, places, 4, LinearSchedule())(0, slice(None))) == 3


def test_combinations_that_there_are_are_drawn_evenly_and_hidden_together_and_alone(tmp_path):
    """Three combinations have 20, 8 and 2 pictures; all is hidden in h + (1 - h) h^2, one alone in (1 - h)^2 h."""
    pixels = np.random.RandomState(0).randint(0, 256, (30, 8, 8, 3), np.uint8)
    labels = np.array([[0, 0]] * 20 + [[1, 0]] * 8 + [[1, 1]] * 2)
    np.savez(tmp_path / "p.npz", x=pixels, y=labels)
    pictures, hidden = Pictures(tmp_path / "p.npz", 8), 0.25
    batches = PictureBatches(pictures, np.arange(30), 4000, FlowSchedule(), null=(2, 2), hidden=hidden)
    whole = batches(3, slice(None))
    for again, part in zip(batches(3, slice(1, None, 2)), whole):
        assert torch.equal(again, part[1::2])
    x0, _, _, kind, colour = whole
    both, kind_alone = (kind == 2) & (colour == 2), (kind == 2) & (colour != 2)
    assert float(both.float().mean()) == pytest.approx(hidden + (1 - hidden) * hidden**2, abs=0.025)
    for alone in (kind_alone, (kind != 2) & (colour == 2)):
        assert float(alone.float().mean()) == pytest.approx((1 - hidden) ** 2 * hidden, abs=0.025)
    places = {one.tobytes(): place for place, one in enumerate(pictures.pixels)}
    drawn = np.array([places[one.tobytes()] for one in as_pixels(x0)])
    shares = [np.isin(drawn, part).mean() for part in (range(20), range(20, 28), range(28, 30))]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.025)
    shown = (kind != 2) & (colour != 2)
    assert np.array_equal(labels[drawn][shown], torch.stack([kind, colour], 1)[shown].numpy())


def test_two_columns_are_learned_and_painted_by_commands(flowers, tmp_path, monkeypatch, capsys):
    """From the table to the painted picture, by what the command itself says last."""
    monkeypatch.chdir(tmp_path)
    names = sorted(path.relative_to(flowers).as_posix() for path in flowers.rglob("*.png"))
    rows = [f"{name},{name.split('/')[0]},{'light' if place % 2 else 'dark'}\n" for place, name in enumerate(names)]
    (tmp_path / "t.csv").write_text("file,kind,shade\n" + "".join(rows))
    flags = ["--size", "8", "--width", "8", "--blocks", "1", "--steps", "2", "--batch-size", "4", "--look-every", "1"]
    table = ["--table", "t.csv", "--column", "kind", "shade"]
    assert main(["pictures", "train", "flowers", "run", *flags, *table]) == 0
    said = capsys.readouterr().out
    assert "4 combinations of 2 x 2 classes: rose,dark 4, rose,light 4, tulip,dark 2, tulip,light 2" in said
    assert said.splitlines()[-1] == "sfumato pictures generate painted --weights run --label rose,dark"
    assert main([*shlex.split(said.splitlines()[-1])[1:], "tulip, light", "rose,", "--count", "1"]) == 0
    assert main(["pictures", "generate", "all", "--weights", "run", "--count", "1"]) == 0
    painted = {path.as_posix() for path in (*Path("painted").rglob("*"), *Path("all").rglob("*"))}
    four = {f"{kind},{shade}" for kind in ("rose", "tulip") for shade in ("dark", "light")}
    assert {one for one in painted if one.endswith(".png")} == {
        *(f"painted/{label}/000.png" for label in ("rose,dark", "tulip,light", "rose,")),
        *(f"all/{label}/000.png" for label in four),
    }
    assert main(["pictures", "generate", "no", "--weights", "run", "--label", "rose,green"]) == 2
    assert "unknown label 'green'; choose one of dark, light" in capsys.readouterr().err


def test_the_held_out_loss_is_of_pictures_that_are_never_learned_and_the_same_at_every_look(tmp_path):
    for number in range(30):
        draw(tmp_path / "p" / f"{number:02d}.png", number)
    pictures = Pictures(tmp_path / "p", 8)
    seen, held_out = kept_apart(pictures)
    assert len(held_out) == 3
    batches = PictureBatches(pictures, seen, 500, FlowSchedule())
    drawn = {one.tobytes() for one in as_pixels(batches(0, slice(None))[0])}
    assert not drawn & {pictures.pixels[place].tobytes() for place in held_out}
    looks, model = Looks(pictures, held_out, seed=0), small(pictures)
    first = looks.loss(model)["loss/held_out"]
    assert looks.loss(model) == {"loss/held_out": first}
    assert Looks(pictures, held_out[:0], seed=0).loss(model) == {}
    # A network that answers 0 is wrong by u = eps - x0.
    x0 = torch.from_numpy(pictures.pixels[held_out]).double() / 127.5 - 1
    assert first == pytest.approx(1 + float(x0.square().mean()), rel=0.1)


def test_two_processes_share_one_run(flowers, tmp_path, on_two_processes):
    """Under torchrun the weights are those of one process but for rounding; the model itself is what is wrapped."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    run(flowers, alone, timed=False)
    on_two_processes("-m", "tests.pictures.test_train", flowers, shared, False)
    a, b = (read_safetensors(folder / "model.safetensors")[0] for folder in (alone, shared))
    for key, value in a.items():
        assert torch.allclose(value.float(), b[key].float(), atol=0.02), key
    logs = [(folder / "log.jsonl").read_text().splitlines() for folder in (alone, shared)]
    assert len(logs[0]) == len(logs[1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"minutes": 0}, "minutes must be above 0"),
        ({"save_every": 0}, "--save-every must be at least 1"),
        ({"look_every": -1}, "--look-every must be at least 0"),
        ({"hidden": 1.5}, "hidden must be at least 0 and at most 1"),
        ({"muon_lr": float("nan")}, "--muon-lr must be at least 0 and finite, got nan"),
        ({"time_focus": (0.0, 0.0)}, "--time-focus must be a mean and a deviation above 0"),
        ({"accumulate": 3}, "a batch of 8 cannot be shared evenly"),
        ({"precision": "fp8"}, "unknown precision"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(pictures, tmp_path, settings, words):
    with pytest.raises(UserError, match=words):
        train(small(pictures), pictures, tmp_path / "run", **{**FEW, **settings})
    assert not (tmp_path / "run").exists()


def test_turning_is_for_squares(flowers, tmp_path):
    pictures = Pictures(flowers, (8, 12))
    with pytest.raises(UserError, match="turn is for squares, and pictures are 12x8"):
        train(small(pictures), pictures, tmp_path / "run", **FEW, turn=True)
    assert not (tmp_path / "run").exists()


def test_other_pictures_models_and_settings_are_refused(pictures, flowers, tmp_path):
    with pytest.raises(TypeError):
        train(small(pictures), pictures, tmp_path / "run", stepz=3)
    with pytest.raises(UserError, match=r"cannot learn .*flowers: pictures .* in 2 classes"):
        train(Diffusion(UNet(8, width=8), FlowSchedule(), "velocity"), pictures, tmp_path / "run")
    with pytest.raises(UserError, match=r"a model of pictures \(3, 16, 16\)"):
        train(small(Pictures(flowers, 16)), pictures, tmp_path / "run")
    train(small(pictures), pictures, tmp_path / "run", **FEW)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    for plan_only in (False, True):
        with pytest.raises(UserError, match=r"holds a run with adam_lr = 0.001, not 0.1"):
            train(small(pictures), pictures, tmp_path / "run", plan=plan_only, **{**FEW, "adam_lr": 0.1})
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()} == before
    draw(flowers / "rose" / "01.png", 98)
    with pytest.raises(UserError, match="holds a run with pictures = "):
        train(small(pictures), Pictures(flowers, 8), tmp_path / "run", **FEW)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--size", "7"], "--size must be at least 8 and at most 256, got 7"),
        (["--size", "12", "--table", "nope.csv"], "nope.csv"),
        (["--size", "8", "8", "8"], "size must be one side, or height and width"),
        (["--schedule", "flw", "--size", "8"], "unknown schedule 'flw'; did you mean 'flow'"),
        (["--predicts", "v", "--size", "8"], "v is defined where"),
        (["--size", "8", "--start", "nope.safetensors"], "nope.safetensors"),
        (["--size", "8", "--start", "faces"], "faces: is of pictures (3, 16, 16), these are (3, 8, 8)"),
        (["--size", "16", "--start", "faces"], "faces: is of no classes, and these pictures are of 2 classes"),
        (["--size", "8", "--start", "lilies"], "it does not know their label 'rose'"),
        (["--size", "8", "--start", "three"], "it knows 'violet', of which there is none"),
        (["--size", "8", "--start", "digits.zip"], "digits.zip: is no file of tensors that is known"),
        (["--size", "8", "--start", "judge"], "judge: holds sfumato judge 1, not a model of pictures"),
        (["--size", "300"], "--size must be at least 8 and at most 256, got 300"),
        (["--size", "32"], "smaller than the 32x32 asked for"),
    ],
)
def test_the_commands_errors_are_one_line(flowers, tmp_path, monkeypatch, capsys, flags, words):
    monkeypatch.chdir(tmp_path)
    for name, size, classes in (("faces", 16, ()), ("lilies", 8, ("lily", "tulip")), ("three", 8, THREE)):
        Diffusion(UNet(size, classes, width=8), FlowSchedule(), "velocity").save(tmp_path / name)
    write_safetensors(tmp_path / "judge", {"x": torch.zeros(1)}, {"format": "sfumato judge 1"})
    (tmp_path / "digits.zip").write_bytes(b"PK" + bytes(100))
    assert main(["pictures", "train", "flowers", "run", *flags]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("sfumato: ") == 1
    assert not (tmp_path / "run").exists()


def truncated(flowers):
    path = flowers / "rose" / "04.png"
    path.write_bytes(path.read_bytes()[:200])


def table_of(rows):
    def written(flowers):
        names = sorted(path.relative_to(flowers).as_posix() for path in flowers.rglob("*.png"))
        (flowers.parent / "t.csv").write_text(rows(names))

    return written


@pytest.mark.parametrize(
    ("before", "flags", "words"),
    [
        (lambda f: [path.unlink() for path in f.rglob("*.png")], [], "flowers: holds no picture"),
        (lambda f: [path.unlink() for path in (f / "rose").glob("0*.png")], [], "6 pictures are too few to learn from"),
        (
            lambda f: (f / "lily").mkdir(),
            [],
            "flowers/lily: holds no picture of its label; put some in it, or remove it",
        ),
        (truncated, [], "flowers/rose/04.png: cannot be decoded"),
        (lambda f: (f / "rose" / "04.png").write_bytes(b"hello"), [], "flowers/rose/04.png: "),
        (
            lambda f: draw(f / "rose" / "04.png", 1, side=(7, 9)),
            [],
            "rose/04.png: is 9x7, smaller than the 8x8 asked for",
        ),
        (
            table_of(lambda n: f"file,kind\n{n[0]},a\n{n[1]},\n"),
            ["--table", "t.csv"],
            "row 3: 'rose/02.png' has no label",
        ),
        (
            table_of(lambda n: f"file,a,b\n{n[0]},a\n"),
            ["--table", "t.csv", "--column", "a", "b"],
            "no label in the column",
        ),
        (table_of(lambda n: "file,kind\nlily.png,a\n"), ["--table", "t.csv"], "'lily.png' is no picture in flowers"),
        (table_of(lambda n: "<html>"), ["--table", "t.csv"], "t.csv: has no row"),
    ],
)
def test_pictures_that_cannot_be_learned_are_named_in_one_line(
    flowers, tmp_path, monkeypatch, capsys, before, flags, words
):
    monkeypatch.chdir(tmp_path)
    before(flowers)
    assert main(["pictures", "train", "flowers", "run", "--size", "8", *flags]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("sfumato: ") == 1 and "Traceback" not in said
    assert not (tmp_path / "run").exists() and not list(flowers.glob(".sfumato-*"))


def test_training_begins_from_other_weights(pictures, flowers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(small(pictures), pictures, tmp_path / "first", **FEW)
    flags = ["--size", "8", "--width", "16", "--blocks", "1", "--steps", "1", "--muon-lr", "0", "--adam-lr", "0"]
    assert main(["pictures", "train", "flowers", "second", *flags, "--start", "first", "--precision", "fp32"]) == 0
    a, b = (read_safetensors(tmp_path / name / "model.safetensors")[0] for name in ("first", "second"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_training_settings_can_be_given_whole(pictures, tmp_path):
    training = Training(loop=AlignedLoop(steps=2, batch_size=4, warmup=1), look_every=0, precision="fp32")
    train(small(pictures), pictures, tmp_path / "run", training, seed=5)
    note = json.loads((tmp_path / "run" / "run.json").read_text())
    assert note["command"] == "pictures train" and note["settings"]["loop"]["seed"] == 5
    assert note["settings"]["schedule"] == {"name": "flow"}


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), timed=sys.argv[3] == "True")
