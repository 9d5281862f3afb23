"""Training faces, end to end on drawings."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")
pytest.importorskip("tensorboard")

from sfumato.checkpoints import read_safetensors
from sfumato.errors import UserError
from sfumato.faces.model import load_faces
from sfumato.faces.train import TrainOptions, _FaceWork, train
from sfumato.pictures.data import Pictures
from sfumato.training import AlignedLoop
from tests.faces.conftest import TINY


@pytest.fixture
def faces(tmp_path):
    """Twelve discs, left of the middle, in a zip."""
    source, (rows, columns) = np.random.RandomState(0), np.mgrid[:16, :16]
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("faces/readme.txt", "no picture")
        for number in range(12):
            disc = (rows - 8) ** 2 + (columns - 5) ** 2 < 12 + number
            pixels = np.where(disc[..., None], source.randint(150, 255, 3), source.randint(0, 60, 3)).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, format="PNG")
            archive.writestr(f"faces/{number:02d}.png", buffer.getvalue())
    return tmp_path / "faces.zip"


def options(faces, out, steps=30, **changes):
    loop = AlignedLoop(steps=steps, batch_size=8, warmup=2)
    start = changes.pop("start", None)
    changes = {"save_every": 10, "look_every": 0, **changes}
    training = replace(TrainOptions(faces, out).training, loop=loop, **changes)
    return TrainOptions(faces, out, start=start, network=TINY, training=training)


def test_a_run_learns_and_leaves_a_model_and_sheets(faces, tmp_path):
    finished = train(options(faces, tmp_path / "run", steps=60, look_every=20))
    assert load_faces(finished).network.config == TINY
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    held_out = [line["loss/held_out"] for line in lines if "loss/held_out" in line]
    assert len(held_out) == 3
    assert held_out[2] < held_out[0]
    assert len(list((tmp_path / "run").glob("sheet-*.png"))) == 3


def test_a_run_that_was_interrupted_ends_with_the_same_bits(faces, tmp_path):
    whole = train(options(faces, tmp_path / "whole"))
    interrupted = train(options(faces, tmp_path / "again"))
    interrupted.unlink()
    (tmp_path / "again" / "state-00000030.safetensors").unlink()
    resumed = train(options(faces, tmp_path / "again"))
    expected, got = read_safetensors(whole)[0], read_safetensors(resumed)[0]
    for key, value in expected.items():
        assert torch.equal(value, got[key]), key


def test_half_of_the_faces_are_mirrored_at_times_evenly_spread(faces, tmp_path, monkeypatch):
    """What reaches the loss: of the pictures that are not held out, straight or mirrored."""
    drawn = []

    class Spied(_FaceWork):
        def loss(self, network, batch):
            drawn.append(batch)
            return super().loss(network, batch)

    monkeypatch.setattr("sfumato.faces.train._FaceWork", Spied)
    train(options(faces, tmp_path / "run", steps=20))
    x0, t, eps = (torch.cat(parts) for parts in zip(*drawn))
    pixels = Pictures(faces, 16, "none").pixels
    straight = torch.from_numpy(np.array(pixels)).float() / 127.5 - 1.0
    shown = (x0[:, None] == straight).flatten(2).all(2).any(1)
    mirrored = (x0[:, None] == straight.flip(-1)).flatten(2).all(2).any(1)
    assert (shown ^ mirrored).all()
    assert 0.35 < mirrored.float().mean() < 0.65
    assert abs(float(t.double().mean()) - 499.5) < 20
    assert abs(float(eps.std()) - 1) < 0.02


def test_pictures_that_cannot_be_used_are_named(faces, tmp_path):
    with pytest.raises(UserError, match=r"faces/00\.png: is 16x16, smaller than the 64x64 asked for"):
        train(TrainOptions(faces, tmp_path / "run"))
    with pytest.raises(UserError, match="nowhere: there is no such file or folder"):
        train(options(tmp_path / "nowhere", tmp_path / "run"))
    (tmp_path / "no.zip").write_text("no zip")
    with pytest.raises(UserError, match=r"no\.zip: is no whole zip file of pictures"):
        train(options(tmp_path / "no.zip", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_last_line_paints_with_the_weights(faces, tmp_path, monkeypatch, capsys):
    from shlex import split

    from sfumato.cli import main

    monkeypatch.chdir(tmp_path)
    train(options(faces, tmp_path / "run", steps=2))
    for line in capsys.readouterr().out.splitlines()[-2:]:
        assert main([*split(line)[1:], *(["--steps", "2"] if "generate" in line else ["--count", "2"])]) == 0
    assert len(list((tmp_path / "painted").glob("*.png"))) == 2


def test_a_finished_model_may_be_trained_further(faces, tmp_path):
    first = train(options(faces, tmp_path / "first", steps=4))
    further = train(options(faces, tmp_path / "further", steps=1, start=first, muon_lr=0.0, adam_lr=0.0))
    before, after = read_safetensors(first)[0], read_safetensors(further)[0]
    assert all(torch.equal(before[key], after[key]) for key in before)
    with pytest.raises(UserError, match="is of pictures"):
        train(TrainOptions(faces, tmp_path / "other", start=first))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--save-every", "0"], "--save-every must be at least 1, got 0"),
        (["--look-every", "-1"], "--look-every must be at least 0, got -1"),
        (["--muon-lr", "nan"], "--muon-lr must be at least 0 and finite, got nan"),
        (["--groups", "7"], "groups must divide the width, 64, got 7"),
        (["--patch", "3"], "pictures of 64 cannot be halved 2 times in patches of 3; take a multiple of 12"),
        (["--blocks", "0"], "blocks must be at least 1"),
        (["--width", "0"], "width must be at least 1"),
        (["--multipliers"], "multipliers must be at least one"),
    ],
)
def test_numbers_that_cannot_be_are_one_line(tmp_path, monkeypatch, capsys, flags, words):
    from sfumato.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["faces", "train", "faces.zip", "run", *flags]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("sfumato: ") == 1
    assert not (tmp_path / "run").exists()
