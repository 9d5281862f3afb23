"""The weak network: the mean weights of an early step, kept beside the last ones."""

import json

import pytest
import torch

pytest.importorskip("accelerate")
pytest.importorskip("tyro")

from sfumato import Diffusion, Pictures, train
from sfumato.checkpoints import read_safetensors
from sfumato.cli import main
from sfumato.errors import UserError

from .test_train import FEW, small


@pytest.fixture
def pictures(flowers):
    return Pictures(flowers, 8)


def weights_in(path, begin):
    return {key[len(begin) :]: value for key, value in read_safetensors(path)[0].items() if key.startswith(begin)}


def same(a, b):
    return set(a) == set(b) and all(torch.equal(a[key], b[key]) for key in a)


def test_it_is_the_running_mean_of_that_step_in_the_file_and_in_the_model(pictures, tmp_path):
    model = train(small(pictures), pictures, tmp_path / "run", **FEW, weak_at=12)
    # The state from before the learning rate fell is that of step 12.
    then = weights_in(tmp_path / "run" / "state-00000012.safetensors", "ema.network.")
    assert same(model.weak.network.state_dict(), then)
    loaded = Diffusion.load(tmp_path / "run" / "model.safetensors")
    halves = {key: value.half().float() for key, value in then.items()}
    assert same(loaded.weak.network.state_dict(), halves)
    assert not same(loaded.network.state_dict(), halves)
    note = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert note["weak_at"] == 12


def test_without_it_nothing_is_another_than_it_was(pictures, tmp_path):
    """The trained weights do not depend on it either."""
    alone = train(small(pictures), pictures, tmp_path / "alone", **FEW)
    both = train(small(pictures), pictures, tmp_path / "both", **FEW, weak_at=5)
    assert same(alone.network.state_dict(), both.network.state_dict()) and alone.weak is None
    tensors, told = read_safetensors(tmp_path / "alone" / "model.safetensors")
    assert set(told) == {"format", "model", "note"} and not any(key.startswith("weak") for key in tensors)
    settings = json.loads((tmp_path / "alone" / "run.json").read_text())["settings"]
    assert "weak_at" not in settings and "weak_at" not in told["note"]
    state = read_safetensors(tmp_path / "alone" / "state-00000024.safetensors")[0]
    assert {key.split(".")[0] for key in state} == {"network", "ema", "optimizer"}


def test_a_longer_run_keeps_the_same_one(pictures, tmp_path):
    longer = {**FEW, "steps": 36}
    train(small(pictures), pictures, tmp_path / "run", **FEW, weak_at=5)
    gone_on = train(small(pictures), pictures, tmp_path / "run", **longer, weak_at=5)
    at_once = train(small(pictures), pictures, tmp_path / "once", **longer, weak_at=5)
    for one, other in ((gone_on, at_once), (gone_on.weak, at_once.weak)):
        assert same(one.network.state_dict(), other.network.state_dict())


def test_a_run_from_a_finished_model_keeps_its_weak_network_or_takes_another(pictures, tmp_path):
    train(small(pictures), pictures, tmp_path / "first", **FEW, weak_at=5)
    path = tmp_path / "first" / "model.safetensors"
    first = Diffusion.load(path)
    kept = train(Diffusion.load(path), pictures, tmp_path / "kept", **FEW, start="first")
    assert same(kept.weak.network.state_dict(), first.weak.network.state_dict())
    assert not same(kept.network.state_dict(), first.network.state_dict())
    assert same(weights_in(tmp_path / "kept" / "model.safetensors", "weak."), weights_in(path, "weak."))
    new = train(Diffusion.load(path), pictures, tmp_path / "new", **FEW, start="first", weak_at=3)
    assert not same(new.weak.network.state_dict(), first.weak.network.state_dict())
    assert same(new.network.state_dict(), kept.network.state_dict())


def test_a_run_that_ends_before_its_step_says_so(pictures, tmp_path, capsys):
    model = train(small(pictures), pictures, tmp_path / "run", **{**FEW, "minutes": 0.5 / 60}, weak_at=10**6)
    assert model.weak is None and Diffusion.load(tmp_path / "run" / "model.safetensors").weak is None
    assert "fewer than the 1,000,000 steps of --weak-at" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--weak-at must be below --steps \(24\), got 24"):
        train(small(pictures), pictures, tmp_path / "other", **FEW, weak_at=24)
    assert not (tmp_path / "other").exists()


def test_commands_keep_it_and_paint_with_it(flowers, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--size", "8", "--width", "16", "--blocks", "1", "--steps", "6", "--batch-size", "4"]
    assert main(["pictures", "train", "flowers", "run", *flags, "--weak-at", "2"]) == 0
    assert main(["pictures", "train", "flowers", "plain", *flags]) == 0
    paint = ["--label", "rose", "--count", "2", "--steps", "3"]
    assert main(["pictures", "generate", "a", "--weights", "run", *paint, "--weak-scale", "3"]) == 0
    assert main(["pictures", "generate", "b", "--weights", "run", *paint]) == 0
    weak = ["--weak", "run/model.safetensors", "--weak-scale", "3"]
    assert main(["pictures", "generate", "c", "--weights", "plain", *paint, *weak]) == 0
    a, b, c = (json.loads((tmp_path / name / "run.json").read_text())["settings"]["sampling"] for name in "abc")
    assert (a["weak_scale"], a["weak"]) == (3.0, None) and "weak_scale" not in b
    assert c["weak"]["name"] == "model.safetensors"
    pixels = [(tmp_path / name / "rose" / "000.png").read_bytes() for name in "abc"]
    assert len(set(pixels)) == 3
    capsys.readouterr()
    for words, line in (
        ([*paint, "--weak-scale", "2"], "plain/model.safetensors holds no weak network; give one as --weak FILE"),
        (
            [*paint, "--weak", "run/model.safetensors"],
            "--weak run/model.safetensors: does nothing without --weak-scale",
        ),
        ([*paint, *weak, "--weak-from", "0.9", "--weak-to", "0.1"], "--weak-from (0.9) must not be above --weak-to"),
        ([*paint, *weak, "--weak-from", "300"], "--weak-from must be at most 1.0, the noisiest time, got 300.0"),
        ([*paint, "--guide-from", "300"], "--guide-from must be at most 1.0, the noisiest time, got 300.0"),
    ):
        assert main(["pictures", "generate", "d", "--weights", "plain", *words]) == 2
        said = capsys.readouterr().err
        assert line in said and said.count("\n") == 1, said
    assert not (tmp_path / "d").exists()
