"""Painting with the shipped weights: the right files, always the same, whole or not there."""

import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

import sfumato.bars
import sfumato.digits.generate
from sfumato.diffusion import SeededNoise, seed_of
from sfumato.digits.evaluate import accuracies, read_painted
from sfumato.digits.generate import GenerateOptions, generate
from sfumato.digits.labels import DATASETS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint, walk
from sfumato.errors import UserError

QUICK = Sampling(steps=3)


def read(folder):
    return {
        str(path.relative_to(folder)): np.asarray(Image.open(path)).astype(int)
        for path in sorted(folder.rglob("*.png"))
    }


def test_names_folders_and_format_are_the_courses(tmp_path):
    generate(GenerateOptions(tmp_path / "out", digits=(3, 7), count=2, sampling=QUICK))
    pictures = read(tmp_path / "out")
    names = ["3_001.png", "3_002.png", "7_001.png", "7_002.png"]
    assert list(pictures) == [f"{dataset}/{name}" for dataset in ("mnistm", "svhn") for name in names]
    for picture in pictures.values():
        assert picture.shape == (28, 28, 3)
    settings = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]
    assert settings["seed"] == 0
    assert settings["sampling"]["steps"] == 3
    with Image.open(tmp_path / "out" / "svhn" / "7_001.png") as picture:
        told = json.loads(picture.text["sfumato"])
    assert (told["dataset"], told["digit"], told["number"], told["seed"]) == ("svhn", 7, 1, seed_of(0, 17, 1))


def test_a_billion_pictures_begin_at_once_and_what_is_painted_counts_as_done(tmp_path, monkeypatch):
    options = GenerateOptions(tmp_path / "out", datasets=("svhn",), digits=(3,), count=3, sampling=QUICK)
    generate(options)
    bars = []

    class Bar(sfumato.bars.Bar):
        def __init__(self, *arguments, **told):
            super().__init__(*arguments, **told)
            bars.append(self)

    class BegunError(Exception):
        """Painting began."""

    def begin(model, labels, seeds, *rest):
        assert seeds == [seed_of(0, 13, number) for number in range(4, 7)], "the first batch is whole"
        raise BegunError

    monkeypatch.setattr(sfumato.bars, "Bar", Bar)
    monkeypatch.setattr(sfumato.digits.generate, "paint", begin)
    options.count, options.batch_size = 10**9, 3
    tracemalloc.start()
    with pytest.raises(BegunError):
        generate(options)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50e6
    assert (bars[0].n, bars[0].total) == (3 * QUICK.steps, 10**9 * QUICK.steps)


def judged(out, sampling):
    """The shares of five pictures of each label in which the judges see what the files' names say."""
    generate(GenerateOptions(out, count=5, sampling=sampling))
    return accuracies({dataset: read_painted(out / dataset) for dataset in DATASETS})


def test_the_shipped_weights_paint_the_digits_that_are_asked_for_and_guidance_is_why(tmp_path):
    """Without guidance the same noises become digits that are read rightly clearly less often."""
    guided = judged(tmp_path / "guided", Sampling())
    plain = judged(tmp_path / "plain", Sampling(guidance_scale=1.0))
    for dataset in DATASETS:
        assert guided[dataset] >= 0.9
        assert plain[dataset] <= guided[dataset] - 0.1


@pytest.mark.parametrize("count", [2, 20])
def test_a_walk_asks_the_network_for_its_labels_and_guides_inside_the_interval_alone(count):
    """Every x0 of a walk, by Ho & Salimans' eq. 6 from the bare network: both ends of the interval are guided."""
    model, times = load_digits(), [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]
    labels, seeds = torch.arange(count) % 20, range(count)
    sampling = Sampling(sampler="ddim", steps=10, guidance_scale=6.0, guide_from=299.0, guide_to=799.0)
    guided = clipped = 0
    with torch.no_grad():
        x = SeededNoise(seeds, (3, 28, 28))()
        for t, step in zip(times, walk(model, labels.tolist(), seeds, sampling, torch.device("cpu"))):
            at = torch.full((count,), t)
            signal, noise = model.schedule.signal_noise(at, x)
            conditional = signal * x - noise * model.network(x, at, labels)
            free = signal * x - noise * model.network(x, at, torch.full((count,), 20))
            mixed = free + 6.0 * (conditional - free)
            wanted = mixed if 299 <= t <= 799 else conditional
            assert torch.allclose(step.x0, wanted.clamp(-1, 1), atol=1e-4), t
            guided += bool((mixed - conditional).abs().max() > 0.05)
            clipped += bool(wanted.abs().max() > 1.01)
            x = step.x
    assert step.index == 9
    # Else the walk could not tell guided from unguided, or clamped from free.
    assert guided == 10
    assert clipped > 0


@pytest.mark.parametrize("sampling", [QUICK, Sampling(sampler="ddim", steps=3, eta=1.0)])
def test_a_picture_is_the_same_in_a_batch_of_1_7_and_50(sampling):
    model = load_digits()
    labels = [label_of("mnistm", i % 10) for i in range(50)]
    seeds = [seed_of(5, i) for i in range(50)]

    def painted(batch):
        parts = range(0, 50, batch)
        device = torch.device("cpu")
        return torch.cat([paint(model, labels[i : i + batch], seeds[i : i + batch], sampling, device) for i in parts])

    whole = painted(50).int()
    assert (painted(7).int() - whole).abs().max() <= 1
    assert (painted(1).int() - whole).abs().max() <= 1


def test_an_interrupted_run_goes_on_and_keeps_what_is_there(tmp_path):
    options = GenerateOptions(tmp_path / "out", digits=(1,), count=3, sampling=QUICK)
    generate(options)
    whole = read(tmp_path / "out")
    for name in ("mnistm/1_002.png", "svhn/1_003.png"):
        (tmp_path / "out" / name).unlink()
    kept = tmp_path / "out" / "mnistm" / "1_001.png"
    os.utime(kept, ns=(1, 1))
    generate(options)
    again = read(tmp_path / "out")
    assert list(again) == list(whole)
    for name, picture in whole.items():
        assert abs(again[name] - picture).max() <= 1
    assert kept.stat().st_mtime_ns == 1


def test_a_folder_of_other_settings_is_left_alone(tmp_path):
    generate(GenerateOptions(tmp_path / "out", digits=(1,), count=1, sampling=QUICK))
    before = read(tmp_path / "out")
    with pytest.raises(UserError, match="give its settings to go on, or another folder to begin anew, or --overwrite"):
        generate(GenerateOptions(tmp_path / "out", digits=(1,), count=1, sampling=QUICK, seed=1))
    assert all(np.array_equal(read(tmp_path / "out")[name], before[name]) for name in before)
    generate(GenerateOptions(tmp_path / "out", digits=(1,), count=1, sampling=QUICK, seed=1, overwrite=True))
    assert not all(np.array_equal(read(tmp_path / "out")[name], before[name]) for name in before)


def test_processes_share_the_work_and_paint_the_same(tmp_path):
    generate(GenerateOptions(tmp_path / "one", digits=(4,), count=4, sampling=QUICK))
    script = (
        "from pathlib import Path; from sfumato.digits.generate import *;"
        f"generate(GenerateOptions(Path({str(tmp_path / 'two')!r}), digits=(4,), count=4, sampling=Sampling(steps=3)))"
    )
    done = []
    for rank in range(2):
        environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
        subprocess.run([sys.executable, "-c", script], check=True, env=environment, capture_output=True)
        done.append(len(read(tmp_path / "two")))
    assert done == [4, 8]
    one, two = read(tmp_path / "one"), read(tmp_path / "two")
    assert list(one) == list(two)
    assert all(abs(one[name] - two[name]).max() <= 1 for name in one)


def test_a_full_disk_leaves_no_half_picture(tmp_path, monkeypatch):
    real = Image.Image.save
    calls = []

    def full(self, path, *args, **kwargs):
        calls.append(path)
        if len(calls) == 3:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device", str(path))
        return real(self, path, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        generate(GenerateOptions(tmp_path / "out", digits=(1,), count=2, sampling=QUICK))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["1_001.png", "1_002.png", "run.json"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampling": Sampling(sampler="euler")}, "unknown sampler 'euler'; choose one of ddim"),
        ({"sampling": Sampling(sampler="lcm")}, "LCM takes 1 to 8 steps, got 9"),
        ({"sampling": Sampling(steps=0)}, "--steps must be at least 1 and at most 1000, got 0"),
        ({"sampling": Sampling(steps=1001)}, "--steps must be at least 1 and at most 1000, got 1001"),
        ({"sampling": Sampling(guide_from=800, guide_to=200)}, "--guide-from"),
        ({"datasets": ("usps",)}, "unknown datasets 'usps'; choose one of mnistm, svhn"),
        ({"digits": (10,)}, "--digits must be at least 0 and at most 9, got 10"),
        ({"count": 0}, "--count must be at least 1"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"precision": "int8"}, "unknown precision 'int8'"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_made(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        generate(GenerateOptions(tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


def test_an_output_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="out: cannot be made a folder"):
        generate(GenerateOptions(tmp_path / "out", count=1))
    assert (tmp_path / "out").read_text() == "mine"


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    from sfumato.pictures.judges import shipped_judge_path

    with pytest.raises(UserError, match=r"judge-mnistm.safetensors: holds sfumato digit judge 1, not a digit model"):
        generate(GenerateOptions(tmp_path / "out", weights=shipped_judge_path("mnistm")))
    assert not (tmp_path / "out").exists()


def test_a_billion_pictures_begin_at_once(tmp_path, monkeypatch):
    class FirstBatch(Exception):
        """Painting began."""

    def begins(*_, **__):
        raise FirstBatch

    monkeypatch.setattr("sfumato.digits.generate.paint", begins)
    with pytest.raises(FirstBatch):
        generate(GenerateOptions(tmp_path / "many", count=10**9))
