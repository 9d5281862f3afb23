"""hw2_2.sh as the graders run it; with the shipped network, for the course's own cannot ship."""

import numpy as np
import torch
from PIL import Image

from sfumato.faces.model import load_faces, weights_path
from sfumato.faces.painting import Sampling, paint
from sfumato.images import to_range
from tests.course.scripts import run_script

UNET = str(weights_path("shipped"))


def test_every_noise_becomes_its_picture(tmp_path):
    (tmp_path / "noise").mkdir()
    noises = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for number, noise in enumerate(noises):
        torch.save(noise[None].clone(), str(tmp_path / "noise" / f"{number:02d}.pt"))
    done = run_script("hw2_2.sh", "noise", "answers/two", UNET, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pictures = sorted((tmp_path / "answers" / "two").iterdir())
    assert [path.name for path in pictures] == ["00.png", "01.png", "02.png"]
    expected = to_range(paint(load_faces(), noises, Sampling()), "minmax").numpy().astype(int)
    for path, wanted in zip(pictures, expected):
        got = np.asarray(Image.open(path)).astype(int)
        assert got.min() == 0
        assert got.max() == 255
        assert abs(got - wanted).max() <= 1


def test_a_noise_that_cannot_be_read_is_named_and_the_others_are_painted(tmp_path):
    (tmp_path / "noise").mkdir()
    noise = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.save(noise, str(tmp_path / "noise" / "00.pt"))
    (tmp_path / "noise" / "01.pt").write_text("version https://git-lfs.github.com/spec/v1")
    torch.save(noise[None, :, :32], str(tmp_path / "noise" / "02.pt"))
    done = run_script("hw2_2.sh", "noise", "out", UNET, cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("hw2_2.sh:")]
    assert len(lines) == 2
    assert "noise/01.pt: is a Git LFS pointer" in lines[0]
    assert "noise/02.pt: has the shape [1, 3, 32, 64]; this network needs [1, 3, 64, 64]" in lines[1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["00.png"]
    (tmp_path / "noise" / "00.pt").write_text("")
    done = run_script("hw2_2.sh", "noise", "none", UNET, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("hw2_2.sh: noise/0") == 3
    assert not (tmp_path / "none").exists()


def test_what_is_wrong_is_one_line_and_status_2(tmp_path):
    (tmp_path / "noise").mkdir()
    done = run_script("hw2_2.sh", "noise", "out", UNET, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("hw2_2.sh: noise: holds no .pt or .npy file")
    assert done.stderr.count("\n") == 1
    done = run_script("hw2_2.sh", "noise", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "usage: bash hw2_2.sh NOISE_DIR OUT UNET\n"
    done = run_script("hw2_2.sh", "noise", "", UNET, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "hw2_2.sh: OUT: the path is empty; give one (. is the folder that you are in)\n"
    assert {path.name for path in tmp_path.iterdir()} == {"noise", "bin"}
