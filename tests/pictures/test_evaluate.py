"""Painted pictures are measured beside real ones, and a run that copies is reported."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")
pytest.importorskip("tyro")

from sfumato import Diffusion, FlowSchedule, Pictures, UNet, train
from sfumato.cli import main
from sfumato.images import from_pixels
from sfumato.pictures.copying import COPIES, NONE_FOUND
from sfumato.pictures.evaluate import EvaluateOptions, evaluate
from sfumato.pictures.features import choose_features
from sfumato.pictures.generate import GenerateOptions, generate
from sfumato.pictures.judges import load_judge
from sfumato.pictures.metrics import coverage, frechet_distance, kernel_distance, precision_recall
from tests.reference.formula_pictures import picture, two_sets
from tests.reference.formula_weights import tensor_for

JUDGE = ["--features", "judge-svhn"]


def save(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return folder


def features(pictures):
    with torch.no_grad():
        x = from_pixels(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))
        return load_judge("svhn").features(x)


def untrained(path, channels=3, side=28, note=""):
    torch.manual_seed(0)
    network = UNet(side, (), channels, width=8, blocks=1)
    Diffusion(network, FlowSchedule(), "velocity").save(path, note=note)
    return path


@pytest.fixture
def folders(tmp_path):
    """Thirty painted and sixty real pictures of 28x28."""
    painted = [picture(seed, 28, 28, lightest=40) for seed in range(900, 930)]
    real = [picture(seed, 28, 28) for seed in range(60)]
    save(tmp_path / "painted" / "a", painted[:20])
    save(tmp_path / "painted" / "b", painted[20:])
    return painted, real, tmp_path / "painted", save(tmp_path / "real", real)


def test_the_numbers_are_those_of_the_metrics(folders, capsys):
    painted, real, out, source = folders
    found = evaluate(EvaluateOptions(out, source, features="judge-svhn"))
    a, b = features(painted), features(real)
    scores = found.painted
    assert (scores.pictures, scores.against) == (30, 60)
    assert scores.frechet_distance == pytest.approx(frechet_distance(a, b), rel=1e-3)
    assert scores.kernel_distance == pytest.approx(kernel_distance(a, b), rel=1e-3)
    assert (scores.precision, scores.recall) == precision_recall(a, b)
    assert scores.coverage == coverage(a, b)
    written = json.loads((out / "scores.json").read_text())
    assert written["painted"]["frechet_distance"] == scores.frechet_distance
    assert written["copying"]["nearest"][0]["painted"] == "a/000.png"
    assert len(written["copying"]["nearest"]) == 30
    said = capsys.readouterr().out
    assert f"weights {found.features_digest}" in said
    assert "real pictures to 28x28 (crop), then all to 28x28 by bilinear interpolation with antialiasing" in said
    assert "30 pictures are fewer than the 256 dimensions" in said


def test_real_pictures_stand_beside_the_painted_ones_at_the_same_counts(folders):
    """Half of the real pictures are apart: of one kind with the rest, which the darker painted ones are not."""
    _, _, out, source = folders
    found = evaluate(EvaluateOptions(out, source, features="judge-svhn"))
    for scores in (found.alike, found.real):
        assert (scores.pictures, scores.against) == (30, 30)
    assert found.real.frechet_distance < 0.7 * found.alike.frechet_distance
    assert abs(found.real.kernel_distance) < 0.1 * found.alike.kernel_distance


def test_a_detector_of_the_features_says_in_how_many_pictures_it_finds_something(folders, monkeypatch, capsys):
    """One that looks at the first byte; a line warns where it finds something in few of the real ones."""
    painted, real, out, source = folders
    judge = choose_features("judge-svhn", torch.device("cpu"))
    sought = {0, 1}

    def first(pixels):
        assert pixels.shape == (3, 28, 28)
        return pixels[0, 0, 0] % 3 in sought

    def share(pictures):
        return np.mean([one[0, 0, 0] % 3 in sought for one in pictures])

    found_by = dataclasses.replace(judge, finds=first)
    monkeypatch.setattr("sfumato.pictures.evaluate.choose_features", lambda *_: found_by)
    found = evaluate(EvaluateOptions(out, source))
    assert 0.5 < share(painted) < 1
    assert found.painted.found == found.alike.found == pytest.approx(share(painted), abs=1e-6)
    # Those that are set apart are half of the real ones.
    assert found.real.found * 30 == pytest.approx(round(found.real.found * 30), abs=1e-4)
    assert "finds a face" not in " ".join(found.cautions)
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("faces found"))
    assert row.split()[2:] == [f"{one.found:.1%}" for one in (found.painted, found.alike, found.real)]
    sought.remove(1)
    said = f"finds a face in {share(real):.0%} of the real pictures only"
    assert said in evaluate(EvaluateOptions(out, source)).cautions[-1]


def test_without_a_detector_nothing_is_said_of_it(folders, capsys):
    _, _, out, source = folders
    assert evaluate(EvaluateOptions(out, source, features="judge-svhn")).real.found is None
    assert "found  " not in capsys.readouterr().out


def test_pictures_against_themselves_and_again_with_the_sheets_that_it_wrote(folders):
    _, _, out, source = folders
    found = evaluate(EvaluateOptions(source, source, features="judge-svhn"))
    assert found.painted.frechet_distance == pytest.approx(0, abs=1e-4)
    assert found.painted.kernel_distance < 0
    assert (found.painted.precision, found.painted.recall, found.painted.coverage) == (1, 1, 1)
    assert found.copying.verdict == COPIES
    assert any("no more than 30 could be set apart" in caution for caution in found.cautions)
    first = evaluate(EvaluateOptions(out, source, features="judge-svhn"))
    (out / "pictures.png").write_bytes((out / "sheet-nearest.png").read_bytes())
    assert evaluate(EvaluateOptions(out, source, features="judge-svhn")) == first
    assert first.copying.verdict == NONE_FOUND


def test_the_sheet_shows_each_painted_picture_above_the_learned_one(folders, tmp_path):
    """Ten copies of real pictures, shifted by nothing: what is above is what is below."""
    _, real, _, source = folders
    out = save(tmp_path / "copied", real[:10])
    evaluate(EvaluateOptions(out, source, features="judge-svhn"))
    sheet = np.asarray(Image.open(out / "sheet-nearest.png"))
    below = sheet.shape[0] // 2
    pairs = [sheet[top : top + 100, 8:108] for top in (8, below + 8)]
    assert np.abs(pairs[0].astype(int) - pairs[1]).mean() == 0
    assert pairs[0].std() > 10


def test_a_run_is_held_against_what_it_learned_from(folders, tmp_path):
    _, _, out, source = folders
    identity = Pictures(source, 28).identity
    same = untrained(tmp_path / "same.safetensors", note=json.dumps({"pictures": identity}))
    other = untrained(tmp_path / "other.safetensors", note=json.dumps({"pictures": "0"}))
    for weights, said in (
        (same, ""),
        (other, "learned from other pictures"),
        (untrained(tmp_path / "x.safetensors"), "not say"),
    ):
        found = evaluate(EvaluateOptions(out, source, weights=weights, features="judge-svhn"))
        assert said in found.cautions[-1]
        assert ("learned" in found.cautions[-1]) == bool(said)


def test_of_a_model_of_grey_pictures_real_ones_are_made_grey(folders, tmp_path):
    _, real, _, source = folders
    grey = [np.asarray(Image.fromarray(one).convert("L")) for one in real]
    weights = untrained(tmp_path / "grey.safetensors", channels=1)
    found = evaluate(EvaluateOptions(save(tmp_path / "grey", grey), source, weights=weights, features="judge-svhn"))
    assert found.painted.frechet_distance == pytest.approx(0, abs=1e-4)
    # The tenth that is held out is no copy of the rest.
    assert found.copying.share >= 0.9


def test_what_cannot_be_measured_is_one_line(folders, tmp_path, capsys):
    _, real, out, source = folders
    few, empty, mixed = save(tmp_path / "few", real[:3]), tmp_path / "empty", save(tmp_path / "mixed", real[:5])
    empty.mkdir()
    Image.fromarray(picture(0, 20, 28)).save(mixed / "odd.png")
    (tmp_path / "other.safetensors").write_bytes(b"no weights")
    cases = [
        ([empty, "--real", source], "holds no painted picture"),
        ([tmp_path / "missing", "--real", source], "there is no such folder"),
        ([few, "--real", source], "holds only 3 pictures; paint 4 or more"),
        ([mixed, "--real", source], "odd.png: is 28x20, and"),
        ([out, "--real", few], "3 pictures are too few"),
        ([out, "--real", tmp_path / "nowhere"], "there is no such file or folder"),
        ([out, "--real", source, "--features", "inception"], "at hand are judge-mnistm, judge-svhn"),
        ([out, "--real", source, "--weights", tmp_path / "other.safetensors"], "is no file of tensors"),
        ([out, "--real", source, "--weights", untrained(tmp_path / "w.safetensors", side=16)], "paints 16x16"),
        ([out, "--real", source, "--fit", "stretch"], "unknown fit 'stretch'; choose one of crop"),
        ([out, "--real", source, "--json", tmp_path / "no" / "folder.json"], "cannot be written there"),
        ([out], "--real"),
    ]
    for words, said in cases:
        assert main(["pictures", "evaluate", *map(str, words)]) == 2, words
        line = re.split(r"[\r\n]", capsys.readouterr().err)[-2]
        assert line.startswith("sfumato: ")
        assert said in line
    assert not [path for folder in (out, few, mixed) for path in folder.glob("s*.*")]


@pytest.mark.slow
def test_it_says_what_pytorch_fid_says(reference, tmp_path):
    """Two folders of a hundred pictures, and formula weights in its form; see tests/reference."""
    keys = json.loads((reference / "inception.keys.json").read_text())
    torch.save({key: tensor_for(key, shape) for key, shape in keys.items()}, tmp_path / "inception.pth")
    first, second = (save(tmp_path / name, some) for name, some in zip("ab", two_sets()))
    found = evaluate(EvaluateOptions(first, second, features=str(tmp_path / "inception.pth")))
    expected = float(np.load(reference / "inception.npz")["distance"])
    assert found.painted.frechet_distance == pytest.approx(expected, rel=1e-3)
    assert found.dimensions == 2048


@pytest.mark.slow
def test_a_run_on_twenty_pictures_copies(tmp_path):
    source = save(tmp_path / "twenty", [picture(seed, 16, 16) for seed in range(20)])
    pictures = Pictures(source, 16)
    torch.manual_seed(0)
    model = Diffusion(UNet(16, width=32, blocks=1), FlowSchedule(), "velocity")
    how = {"warmup": 10, "batch_size": 16, "save_every": 800, "look_every": 0, "precision": "fp32"}
    train(model, pictures, tmp_path / "run", steps=800, **how)
    out = generate(GenerateOptions(tmp_path / "painted", weights=tmp_path / "run"))
    found = evaluate(EvaluateOptions(out, source, weights=tmp_path / "run"))
    assert found.copying.verdict == COPIES
    assert not any("learned" in caution for caution in found.cautions)
    # As many fresh pictures of the same kind are none.
    fresh = save(tmp_path / "fresh", [picture(500 + seed, 16, 16) for seed in range(25)])
    assert evaluate(EvaluateOptions(fresh, source)).copying.verdict == NONE_FOUND


def test_the_command_is_in_the_table(folders, capsys):
    _, _, out, source = folders
    assert main(["pictures", "evaluate", str(out), "--real", str(source), *JUDGE]) == 0
    assert Path(out / "sheet-nearest.png").is_file()
    assert "copying    no copying found" in capsys.readouterr().out
