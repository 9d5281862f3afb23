"""A judge is trained on drawings, and measured on drawings that it never saw."""

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import read_safetensors
from sfumato.digits.data import DigitSet, read_digits
from sfumato.digits.train_judge import TrainJudgeOptions, accuracy_on, train_judge
from sfumato.pictures.judges import load_judge
from sfumato.pictures.train_classifier import Fitting
from tests.digits.conftest import draw_digits


@pytest.fixture
def held_out(tmp_path):
    """Fifty drawings of another seed as an .npz, every tenth with a wrong label: nobody reads more than nine tenths."""
    digits = read_digits(draw_digits(tmp_path / "held-out", per_digit=5, seed=9))
    labels = digits.labels.copy()
    labels[::10] = (labels[::10] + 3) % 10
    np.savez(tmp_path / "test.npz", svhn_x=digits.pixels.transpose(0, 2, 3, 1), svhn_y=labels)
    return tmp_path / "test.npz", DigitSet(digits.pixels, labels)


def test_a_judge_learns_to_read_digits_that_it_never_saw(data, held_out, tmp_path, monkeypatch, capsys):
    """The share is near a tenth after one step and near nine tenths after forty; the print and the file tell it."""
    path, unseen = held_out
    shares = []

    def spied(judge, digits):
        assert np.array_equal(digits.pixels, unseen.pixels)
        assert np.array_equal(digits.labels, unseen.labels)
        shares.append(accuracy_on(judge, digits))
        return shares[-1]

    monkeypatch.setattr("sfumato.digits.train_judge.accuracy_on", spied)
    for steps in (1, 40):
        out = tmp_path / f"judge-{steps}.safetensors"
        train_judge(TrainJudgeOptions(data / "svhn", out, path, fitting=Fitting(steps)))
        told = f"{shares[-1]:.2%}"
        assert f"accuracy on {path}: {told}" in capsys.readouterr().out
        note = read_safetensors(out)[1]["note"]
        assert note == f"{steps} steps of 128 on 30 real digits of svhn; {told} of the real digits of test.npz"
        # Weights are kept in half precision, which may turn a digit or two.
        assert accuracy_on(load_judge("svhn", out), unseen) == pytest.approx(shares[-1], abs=0.05)
    assert shares[0] <= 0.3
    assert 0.7 <= shares[1] <= 0.9


def test_the_share_is_that_of_digits_named_rightly():
    """By a judge that always reads a 3: two of five are, whatever their order."""

    def three(x):
        return torch.nn.functional.one_hot(torch.full((len(x),), 3), 10).float()

    assert accuracy_on(three, DigitSet(np.zeros((5, 3, 28, 28), np.uint8), np.array([3, 1, 3, 0, 9]))) == 0.4


def test_without_held_out_digits_no_share_is_told(data, tmp_path, capsys):
    train_judge(TrainJudgeOptions(data / "mnistm", tmp_path / "judge.safetensors", fitting=Fitting(1)))
    assert "%" not in capsys.readouterr().out
    note = read_safetensors(tmp_path / "judge.safetensors")[1]["note"]
    assert note == "1 steps of 128 on 30 real digits of mnistm"
