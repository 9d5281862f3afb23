"""Training faces, end to end on drawings."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")
pytest.importorskip("tensorboard")

from sfumato.checkpoints import read_safetensors
from sfumato.diffusion import LinearSchedule
from sfumato.errors import UserError
from sfumato.faces.data import FaceBatches, read_faces
from sfumato.faces.model import load_faces
from sfumato.faces.train import TrainOptions, train
from sfumato.training import LoopOptions
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
    loop = LoopOptions(steps=steps, batch_size=8, warmup=2)
    return TrainOptions(faces, out, loop=loop, network=TINY, held_out=2, save_every=10, **{"look_every": 0, **changes})


def test_a_run_learns_and_leaves_a_model_and_sheets(faces, tmp_path):
    finished = train(options(faces, tmp_path / "run", steps=60, look_every=20))
    assert load_faces(finished).network.config == TINY
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    held_out = [line["held_out_loss"] for line in lines if "held_out_loss" in line]
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


def test_half_of_the_faces_are_mirrored_and_none_is_another(faces):
    pixels = read_faces(faces, 16)
    x0, t, eps = FaceBatches(pixels, 400, LinearSchedule(), seed=0)(0, slice(None))
    straight = torch.from_numpy(pixels).float() / 127.5 - 1.0
    shown = (x0[:, None] == straight).flatten(2).all(2).any(1)
    mirrored = (x0[:, None] == straight.flip(-1)).flatten(2).all(2).any(1)
    assert (shown ^ mirrored).all()
    assert 0.4 < mirrored.float().mean() < 0.6
    assert t.min() >= 0
    assert t.max() <= 999
    assert abs(float(eps.std()) - 1) < 0.01


def test_a_folder_is_read_like_a_zip(faces, tmp_path):
    with zipfile.ZipFile(faces) as archive:
        archive.extractall(tmp_path / "folder")
    with zipfile.ZipFile(faces, "a") as archive:
        archive.writestr("__MACOSX/._00.png", b"what macOS adds")
        archive.writestr("faces/@eaDir/00.png/SYNOPHOTO_THUMB_M.jpg", b"what a network storage adds")
    (tmp_path / "folder" / "._00.png").write_bytes(b"the same")
    (tmp_path / "folder" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "folder" / ".ipynb_checkpoints" / "00.png").write_bytes(b"the same")
    assert np.array_equal(read_faces(faces, 16), read_faces(tmp_path / "folder", 16))


def test_pictures_that_cannot_be_used_are_named(faces, tmp_path):
    with pytest.raises(UserError, match=r"faces/00\.png: is 16x16; the network is for 64x64"):
        read_faces(faces, 64)
    with pytest.raises(UserError, match="nowhere: there is no such file or folder"):
        read_faces(tmp_path / "nowhere", 16)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="holds no picture"):
        read_faces(tmp_path / "folder", 16)
    (tmp_path / "folder" / "me.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(UserError, match=r"me\.png: cannot be decoded"):
        read_faces(tmp_path / "folder", 16)
    (tmp_path / "no.zip").write_text("no zip")
    with pytest.raises(UserError, match=r"no\.zip: is no whole zip file of faces"):
        read_faces(tmp_path / "no.zip", 16)
    with pytest.raises(UserError, match="must leave something of the 12 faces"):
        train(TrainOptions(faces, tmp_path / "run", network=TINY, held_out=12))


def test_more_faces_than_memory_are_refused_before_one_is_decoded(faces, monkeypatch):
    monkeypatch.setattr("sfumato.faces.data.main_memory", lambda: (12 * 3 * 16 * 16 - 1, 10**9))
    monkeypatch.setattr("sfumato.faces.data.open_picture", lambda *a: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"faces.zip: its 12 pictures take 0.0 GiB and 0.0 are free; give fewer"):
        read_faces(faces, 16)


def test_a_picture_that_unpacks_to_far_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bmp", bytes((64 << 20) + 1))
        archive.writestr("noise.txt", np.random.RandomState(0).bytes(2 << 20))
    with pytest.raises(UserError, match=r"faces.zip: 'a.bmp' inside it has 67,108,865 bytes; at most 67,108,864 are"):
        read_faces(tmp_path / "faces.zip", 16)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--save-every", "0"], "save_every must be at least 1, got 0"),
        (["--look-every", "-1"], "look_every must be at least 0, got -1"),
        (["--muon-lr", "nan"], "muon_lr must be at least 0"),
        (["--groups", "7"], "groups divide the width"),
        (["--patch", "3"], "pictures of 64 cannot be halved 2 times in patches of 3; take a multiple of 12"),
        (["--blocks", "0"], "must be at least 1"),
        (["--width", "0"], "must be at least 1"),
        (["--multipliers"], "must be at least 1"),
    ],
)
def test_numbers_that_cannot_be_are_one_line(tmp_path, monkeypatch, capsys, flags, words):
    from sfumato.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["faces", "train", "faces.zip", "run", *flags]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("sfumato: ") == 1
    assert not (tmp_path / "run").exists()
