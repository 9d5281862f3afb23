"""What cannot be trained with is refused before anything is read."""

import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.digits.real_features import RealFeaturesOptions, write_real_features
from sfumato.digits.train import TrainOptions, train
from sfumato.digits.train_judge import TrainJudgeOptions, train_judge
from sfumato.errors import UserError
from sfumato.pictures.train_classifier import Fitting

NAN = float("nan")


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        ("loop", "steps", 0, "--steps must be at least 1, got 0"),
        ("loop", "batch_size", -8, "--batch-size must be at least 1, got -8"),
        ("loop", "accumulate", 0, "accumulate must be at least 1, got 0"),
        ("loop", "warmup", -5, "warmup must be at least 0, got -5"),
        ("loop", "decay_share", 1.5, "--decay-share must be at least 0 and at most 1, got 1.5"),
        ("loop", "clip", 0.0, "clip must be above 0, got 0.0"),
        ("loop", "ema", 2.0, "ema must be at least 0 and at most 1, got 2.0"),
        ("network", "width", 10, "width must be a multiple of 8, got 10"),
        ("network", "embedding", 0, "embedding must be at least 1, got 0"),
        ("network", "classes", 5, "classes must be 20, a label for each digit and dataset, got 5"),
        ("network", "inner_blocks", 0, "inner_blocks must be at least 1, got 0"),
        ("", "svhn_share", -1.0, "--svhn-share must be at least 0 and at most 1, got -1.0"),
        ("training", "hidden", NAN, "hidden must be at least 0 and at most 1 and finite, got nan"),
        ("training", "muon_lr", NAN, "--muon-lr must be at least 0 and finite, got nan"),
        ("training", "time_focus", (0.3, -1.0), "--time-focus must be a mean and a deviation above 0"),
        ("training", "save_every", 0, "--save-every must be at least 1, got 0"),
        ("", "look_count", 0, "--look-count must be at least 1, got 0"),
    ],
)
def test_settings_are_refused_by_name(tmp_path, part, name, value, message):
    options = TrainOptions(Path("nowhere"), tmp_path / "run")
    if part == "loop":
        name, value, part = "loop", dataclasses.replace(options.training.loop, **{name: value}), "training"

    def trained():
        changed = dataclasses.replace(getattr(options, part) if part else options, **{name: value})
        train(dataclasses.replace(options, **{part: changed}) if part else changed)

    # A network's shape refuses numbers by itself.
    with pytest.raises((UserError, ValueError), match=message):
        trained()
    assert not (tmp_path / "run").exists()


def test_other_data_are_not_gone_on_with(data, tmp_path):
    """A run belongs to its data: a relabelled picture is another run."""
    from tests.digits.test_train import options

    train(options(data, tmp_path / "run"))
    table = data / "svhn" / "train.csv"
    name, label = table.read_text().splitlines()[1].split(",")
    table.write_text(table.read_text().replace(f"{name},{label}", f"{name},{(int(label) + 1) % 10}", 1))
    with pytest.raises(UserError, match="holds a run with pictures = "):
        train(options(data, tmp_path / "run"))


def test_judges_and_features_are_refused_before_they_are_made(tmp_path):
    with pytest.raises(UserError, match="--steps must be at least 1, got 0"):
        train_judge(TrainJudgeOptions(Path("nowhere"), tmp_path / "judge.safetensors", fitting=Fitting(0)))
    with pytest.raises(UserError, match="count must be at least 1, got 0"):
        write_real_features(RealFeaturesOptions(Path("nowhere.npz"), tmp_path / "features.safetensors", count=0))
    assert list(tmp_path.iterdir()) == []
