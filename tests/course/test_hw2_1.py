"""hw2_1.sh as the graders run it: from a plain clone, with the course's packages and no others."""

import functools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import model_files
from sfumato.course import hw2_1
from sfumato.digits.generate import GenerateOptions, generate
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling
from sfumato.errors import UserError
from tests.course.scripts import ROOT, run_script


def test_the_script_paints_what_the_course_asks_for(tmp_path):
    done = run_script("hw2_1.sh", "answers/one", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for dataset in ("mnistm", "svhn"):
        names = sorted(path.name for path in (tmp_path / "answers" / "one" / dataset).iterdir())
        assert names == [f"{digit}_{number:03d}.png" for digit in range(10) for number in range(1, 51)]
    assert {path.name for path in (tmp_path / "answers" / "one").iterdir()} == {"mnistm", "svhn"}
    picture = np.asarray(Image.open(tmp_path / "answers" / "one" / "svhn" / "9_050.png"))
    assert picture.shape == (28, 28, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 5


def test_weights_with_a_weak_network_load_and_paint_with_the_courses_packages(tmp_path):
    """Written by hand, because the course's environment has nothing that writes such files; the weak network predicts
    half of what the model does, so that both guide in the same direction."""
    model, tensors, offsets, data = load_digits(), {}, {}, b""
    for key, value in model.network.state_dict().items():
        tensors[key], tensors[f"weak.{key}"] = value, 0.5 * value if key.startswith("leave.") else value
    for key, value in tensors.items():
        begin, data = len(data), data + value.half().numpy().tobytes()
        offsets[key] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [begin, len(data)]}
    told = json.dumps(model_files._described(model))
    metadata = {"format": model_files.FORMAT, "model": told, "weak": told, "note": ""}
    header = json.dumps({"__metadata__": metadata, **offsets}).encode()
    path = tmp_path / "both.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    loaded, x, t = load_digits(path), torch.randn(2, 3, 28, 28), torch.tensor([500, 500])
    label = torch.tensor([3, 13])
    cond, weak = (one.denoiser(label, clamp=False)(x, t).x0 for one in (model, loaded.weak))
    for scale, interval in ((3.0, (500, 999)), (1.0, (501, 999))):
        guided = loaded.denoiser(label, weak_scale=3.0, weak_interval=interval, clamp=False)(x, t).x0
        assert torch.allclose(guided, cond + (scale - 1) * (cond - weak), atol=1e-4)
    generate(GenerateOptions(tmp_path / "out", path, digits=(3,), count=1, sampling=Sampling(steps=1, weak_scale=2.0)))
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_the_folder_gets_what_is_asked_for_and_nothing_else(tmp_path, monkeypatch, capsys):
    """After a run of another command, a killed one on another machine, and with a file of somebody's among them."""
    few = functools.partial(GenerateOptions, digits=(3,), count=2, sampling=Sampling(steps=1))
    monkeypatch.setattr("sfumato.digits.generate.GenerateOptions", few)
    generate(GenerateOptions(tmp_path, digits=(3,), count=4, sampling=Sampling(steps=1), datasets=("svhn",)))
    left = ".sfumato-tmp.01234567.7.3_001.png", ".sfumato-tmp.01234567.7.pictures"
    (tmp_path / "svhn" / left[0]).write_text("half a pict")
    (tmp_path / left[1]).mkdir()
    mine = (tmp_path / "svhn" / ".3_001.x.png", tmp_path / "mnistm" / "mine.png", tmp_path / "mine.txt")
    (tmp_path / "mnistm").mkdir()
    for path in mine:
        path.write_text("mine")
    capsys.readouterr()
    svhn, mnistm = sorted(map(str, hw2_1.paint(tmp_path)), reverse=True)
    assert svhn.startswith(f"{tmp_path / 'svhn'}: holds .3_001.x.png, which was not painted here")
    assert mnistm.startswith(f"{tmp_path / 'mnistm'}: holds mine.png, which was not painted here")
    told = capsys.readouterr().out
    assert f"removed {tmp_path / 'run.json'}, the note of an earlier run" in told
    assert (
        f"removed from {tmp_path / 'svhn'} what an earlier run painted and this one does not: 3_003.png, 3_004.png"
        in told
    )
    pictures = {tmp_path / dataset / f"3_00{n}.png" for dataset in ("mnistm", "svhn") for n in (1, 2)}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {*pictures, *mine}
    assert all(path.read_text() == "mine" for path in mine)
    for path in mine:
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in pictures}
    assert hw2_1.paint(tmp_path) == []
    assert before == {path: path.stat().st_mtime_ns for path in pictures}, "nothing is painted twice"


def test_notes_of_others_stay_and_a_folder_that_is_held_is_refused(tmp_path, monkeypatch):
    few = functools.partial(GenerateOptions, digits=(3,), count=1, sampling=Sampling(steps=1))
    monkeypatch.setattr("sfumato.digits.generate.GenerateOptions", few)
    for note in ('{"command": "digits train", "settings": {}}', "[]", "no JSON"):
        (tmp_path / "run.json").write_text(note)
        assert hw2_1.paint(tmp_path) == []
        assert (tmp_path / "run.json").read_text() == note
    probe = (
        "import sys, pathlib\nfrom sfumato.outputs import holding\n"
        "with holding(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", probe, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="writes into it; wait for its end, or give another folder"):
            hw2_1.paint(tmp_path)
        other.communicate("")


def test_what_is_not_finished_lies_where_nobody_counts(tmp_path, monkeypatch):
    few = functools.partial(GenerateOptions, digits=(3,), count=2, sampling=Sampling(steps=1))
    monkeypatch.setattr("sfumato.digits.generate.GenerateOptions", few)
    seen, replace = [], os.replace

    def counted(source, target):
        seen.extend(path for path in tmp_path.glob("*/*") if path.parent.name in ("mnistm", "svhn"))
        assert Path(source).parent.parent == tmp_path and Path(source).parent.is_dir()
        replace(source, target)

    monkeypatch.setattr(os, "replace", counted)
    hw2_1.paint(tmp_path)
    assert {path.name for path in seen} == {"3_001.png", "3_002.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"mnistm", "svhn"}


def test_a_wrong_number_of_arguments_shows_the_usage(tmp_path):
    done = run_script("hw2_1.sh", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "usage: bash hw2_1.sh OUT\n"


def test_an_output_path_that_is_a_file_is_one_line_and_status_2(tmp_path):
    (tmp_path / "out").write_text("mine")
    done = run_script("hw2_1.sh", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("hw2_1.sh: out: cannot be made a folder")
    assert done.stderr.count("\n") == 1


def test_there_is_no_checkpoint_to_fetch(tmp_path):
    done = run_script("hw2_download_ckpt.sh", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing to fetch" in done.stdout
