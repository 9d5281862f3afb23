"""Scoring: real digits through the whole of it, and what cannot be scored."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.digits.evaluate import EvaluateOptions, evaluate, read_painted, real_features
from sfumato.digits.generate import GenerateOptions, generate
from sfumato.digits.judge import load_course_classifier, load_judge
from sfumato.digits.painting import Sampling
from sfumato.errors import UserError
from sfumato.models.digit_classifier import CourseClassifier


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    return generate(GenerateOptions(tmp_path_factory.mktemp("painted") / "out", count=3, sampling=Sampling(steps=6)))


def test_the_scores_are_those_of_the_judges(painted, capsys):
    scores = {score.dataset: score for score in evaluate(EvaluateOptions(painted))}
    for dataset, score in scores.items():
        pixels, wanted = read_painted(painted / dataset)
        with torch.no_grad():
            right = (load_judge(dataset)(pixels).argmax(dim=1) == wanted).sum()
        assert score.pictures == 30
        assert score.accuracy == pytest.approx(int(right) / 30)
        assert np.trace(score.confusion) == int(right)
        assert np.sum(score.confusion, axis=1).tolist() == [3] * 10
        assert 0 <= score.precision <= 1
    written = json.loads((painted / "scores.json").read_text())
    assert written["mean_accuracy"] == pytest.approx(sum(s.accuracy for s in scores.values()) / 2)
    said = capsys.readouterr().out
    assert "mnistm:" in said
    assert "confusion" in said


def test_the_course_classifier_is_loaded_as_the_course_saves_it(painted, tmp_path):
    torch.manual_seed(0)
    classifier = CourseClassifier()
    path = tmp_path / "Classifier.pth"
    torch.save({"state_dict": classifier.state_dict(), "optimizer": {"state": {}, "param_groups": [{"lr": 1}]}}, path)
    loaded = load_course_classifier(path)
    x = torch.randn(4, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(loaded(x), classifier.eval()(x))
    scores = evaluate(EvaluateOptions(painted, classifier=path))
    assert [score.judge for score in scores] == ["Classifier.pth", "sfumato judge of svhn"]


def test_real_features_ship_for_both_datasets():
    for dataset in ("mnistm", "svhn"):
        features = real_features(dataset)
        assert features.shape == (1952, 256)
        assert float(features.std()) > 0


def test_real_digits_may_be_given(painted, tmp_path):
    source = np.random.RandomState(0)
    path = tmp_path / "real.npz"
    pixels, labels = source.randint(0, 255, (20, 28, 28, 3)).astype(np.uint8), np.zeros(20)
    np.savez(path, mnistm_x=pixels, mnistm_y=labels, svhn_x=pixels, svhn_y=labels)
    noise = evaluate(EvaluateOptions(painted, real=path))
    shipped = evaluate(EvaluateOptions(painted))
    assert all(a.frechet_distance > b.frechet_distance for a, b in zip(noise, shipped))


def spoil(folder, how):
    if how == "no datasets":
        return folder
    (folder / "svhn").mkdir(parents=True)
    if how == "bad name":
        Image.new("RGB", (28, 28)).save(folder / "svhn" / "x_001.png")
    elif how == "bad size":
        Image.new("RGB", (32, 32)).save(folder / "svhn" / "1_001.png")
    elif how == "truncated":
        Image.new("RGB", (28, 28), (3, 5, 7)).save(folder / "svhn" / "1_001.png")
        path = folder / "svhn" / "1_001.png"
        path.write_bytes(path.read_bytes()[:60])
    elif how == "too few":
        Image.new("RGB", (28, 28)).save(folder / "svhn" / "1_001.png")
    return folder


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no datasets", "holds neither mnistm nor svhn"),
        ("empty", "svhn: holds no PNG"),
        ("bad name", r"x_001.png: the first character of a painted digit's name is its digit"),
        ("bad size", r"1_001.png: is 32x32 RGB"),
        ("truncated", r"1_001.png: cannot be decoded"),
        ("too few", r"svhn: precision and recall need more than 3 pictures"),
    ],
)
def test_folders_that_cannot_be_scored_are_refused(tmp_path, how, words):
    with pytest.raises(UserError, match=words):
        evaluate(EvaluateOptions(spoil(tmp_path, how)))
    assert not (tmp_path / "scores.json").exists()


def test_judges_that_cannot_be_had_are_refused(painted, tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"state_dict": {"conv1.weight": torch.ones(6, 3, 5, 5)}}, other)
    with pytest.raises(UserError, match=r"other.pth: is not the course's classifier: it lacks conv1.bias, .* more"):
        evaluate(EvaluateOptions(painted, classifier=other))
    with pytest.raises(UserError, match=r"resnet34_svhn cannot be had .*leave out --svhn-hub"):
        evaluate(EvaluateOptions(painted, svhn_hub=True))
