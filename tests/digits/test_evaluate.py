"""Scoring: real digits through the whole of it, and what cannot be scored."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.checkpoints import read_safetensors
from sfumato.digits.evaluate import REAL_FEATURES, EvaluateOptions, evaluate, read_painted, real_features
from sfumato.digits.generate import GenerateOptions, generate
from sfumato.digits.labels import DATASETS
from sfumato.digits.painting import Sampling
from sfumato.errors import UserError
from sfumato.models.digit_classifier import CourseClassifier
from sfumato.pictures.course_judges import load_course_classifier
from sfumato.pictures.judges import load_judge
from sfumato.pictures.metrics import frechet_distance, precision_recall


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
        assert len(score.misread) == 30 - int(right)
        for one in score.misread:
            assert (painted / dataset / one["picture"]).is_file() and one["picture"][0] == str(one["asked"])
            assert one["read"] != one["asked"] and score.confusion[one["asked"]][one["read"]] > 0
        with torch.no_grad():
            features = load_judge(dataset).features(pixels)
        real = read_safetensors(REAL_FEATURES)[0][dataset].float()
        assert (score.precision, score.recall) == precision_recall(features, real)
        assert score.precision < score.recall
        assert score.frechet_distance == pytest.approx(frechet_distance(features, real), rel=1e-4)
    written = json.loads((painted / "scores.json").read_text())
    assert written["mean_accuracy"] == pytest.approx(sum(s.accuracy for s in scores.values()) / 2)
    said = capsys.readouterr().out
    assert "mnistm:" in said
    assert "confusion" in said


def test_one_picture_over_and_over_is_right_and_faithful_but_not_varied(painted, tmp_path):
    for dataset in DATASETS:
        (tmp_path / dataset).mkdir()
        for number in range(30):
            shutil.copy(painted / dataset / "0_001.png", tmp_path / dataset / f"0_{number:03d}.png")
    for score, varied in zip(evaluate(EvaluateOptions(tmp_path)), evaluate(EvaluateOptions(painted))):
        assert (score.accuracy, score.precision) == (1.0, 1.0)
        assert score.recall <= 0.01
        assert score.frechet_distance > 3 * varied.frechet_distance > 0


def test_noise_is_neither_right_nor_faithful_nor_varied(painted, tmp_path):
    source = np.random.RandomState(0)
    for dataset in DATASETS:
        (tmp_path / dataset).mkdir()
        for number in range(30):
            noise = source.randint(0, 256, (28, 28, 3)).astype(np.uint8)
            Image.fromarray(noise).save(tmp_path / dataset / f"{number % 10}_{number:03d}.png")
    for score, digits in zip(evaluate(EvaluateOptions(tmp_path)), evaluate(EvaluateOptions(painted))):
        assert score.accuracy <= 0.3
        assert score.precision < digits.precision
        assert score.recall <= 0.2
        assert score.frechet_distance > 3 * digits.frechet_distance


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
    pixels, labels = source.randint(0, 255, (20, 28, 28, 3)).astype(np.uint8), np.zeros(20, dtype=np.int64)
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
        ("bad size", r"1_001.png: is 32x32; digits are 28x28"),
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


@pytest.mark.parametrize("missing", ["timm", "detectors"])
def test_the_hubs_judge_needs_packages_and_says_which(painted, missing, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "detectors", SimpleNamespace())
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf"resnet34_svhn cannot be had .*{missing}.*; it needs .*leave out --svhn-hub"):
        evaluate(EvaluateOptions(painted, svhn_hub=True))


def test_a_hub_that_cannot_be_reached_is_one_line(painted, monkeypatch):
    def unreachable(*args, **kwargs):
        raise ConnectionError("no route to host\nand a second line")

    monkeypatch.setitem(sys.modules, "detectors", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=unreachable))
    with pytest.raises(UserError, match=r"cannot be had \(ConnectionError: no route to host\)") as error:
        evaluate(EvaluateOptions(painted, svhn_hub=True))
    assert "\n" not in str(error.value)


class AlwaysFour(torch.nn.Module):
    """Stands for the hub's network: keeps what it was shown, in which mode, and reads a 4 everywhere."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append((x, self.training))
        return torch.nn.functional.one_hot(torch.full((len(x),), 4), 10).float()


def test_the_hubs_judge_reads_svhn_alone_and_our_features_compare(painted, monkeypatch):
    asked, network = [], AlwaysFour()

    def create_model(*args, **kwargs):
        asked.append((args, kwargs))
        return network

    monkeypatch.setitem(sys.modules, "detectors", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    ours, (mnistm, svhn) = evaluate(EvaluateOptions(painted)), evaluate(EvaluateOptions(painted, svhn_hub=True))
    assert mnistm == ours[0]
    assert asked == [(("resnet34_svhn",), {"pretrained": True, "num_classes": 10})]
    assert torch.equal(torch.cat([x for x, _ in network.shown]), read_painted(painted / "svhn")[0])
    assert not any(training for _, training in network.shown)
    assert svhn.judge == "timm resnet34_svhn"
    assert svhn.accuracy == pytest.approx(0.1)
    assert [row[4] for row in svhn.confusion] == [3] * 10
    assert svhn.frechet_distance == ours[1].frechet_distance
