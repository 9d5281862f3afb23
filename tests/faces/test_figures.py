"""The figures show what they say, and the numbers beside them explain it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("matplotlib")
pytest.importorskip("safetensors")

from sfumato.errors import UserError
from sfumato.faces.figures import EtaOptions, InterpolateOptions, eta, interpolate
from sfumato.faces.painting import Sampling

FEW = Sampling(steps=4)


@pytest.fixture
def unet(tiny, tmp_path):
    tiny.save(tmp_path / "faces.safetensors", dtype=torch.float32)
    return tmp_path / "faces.safetensors"


def test_the_eta_grid_begins_each_row_with_the_deterministic_face(unet, noise_folder, tmp_path):
    path = eta(EtaOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, rows=2, etas=(0.0, 0.5, 1.0)))
    numbers = json.loads((tmp_path / "out" / "eta.json").read_text())
    moved, back = (np.array(numbers[f"rms_distance_from_{which}"]) for which in ("first", "last"))
    assert moved[:, 2] == pytest.approx(back[:, 0])
    assert (back[:, 2] == 0).all()
    assert np.array(numbers["rms_distance_by_other_noise"]).shape == (2, 1)
    assert (np.array(numbers["rms_distance_by_other_noise"]) > 0.01).all()
    assert np.array(numbers["detail"]).shape == (3, 2)
    assert len(numbers["times"]) == len(numbers["kept"][0]) == FEW.steps + 1
    assert moved.shape == (2, 3)
    assert (moved[:, 0] == 0).all()
    assert (moved[:, 2] > moved[:, 1]).all()
    assert (moved[:, 1] > 0).all()
    with Image.open(path) as picture:
        assert picture.width > 3 * 128
        assert picture.height > 2 * 128


def test_lerp_loses_norm_midway_and_slerp_does_not(unet, noise_folder, tmp_path):
    written = interpolate(InterpolateOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, stops=5))
    assert [path.name for path in written] == ["slerp.png", "lerp.png", "scaled.png", "paths.png"]
    numbers = json.loads((tmp_path / "out" / "paths.json").read_text())
    assert numbers["alpha"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    ends = np.mean([numbers["lerp"]["norm"][0], numbers["lerp"]["norm"][4]])
    assert numbers["lerp"]["norm"][2] / ends == pytest.approx(0.5**0.5, abs=0.03)
    assert numbers["slerp"]["norm"][2] / ends == pytest.approx(1.0, abs=0.03)
    lengths = [row["norm"] for row in numbers["control"]["rows"]]
    assert numbers["control"]["noises"] == 3, "as many as there are"
    assert np.array(lengths) / lengths[0] == pytest.approx([1, 0.9, 0.71], rel=1e-5)
    assert numbers["start"] == 751
    for name in ("slerp", "lerp"):  # both begin and end with the same faces
        assert numbers[name]["contrast"][::4] == pytest.approx(numbers["slerp"]["contrast"][::4], rel=1e-4)


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (eta, EtaOptions(rows=0), "--rows must be at least 1, got 0"),
        (eta, EtaOptions(etas=(0.0, 2.0)), "--etas must be at least 0 and at most 1, got 2.0"),
        (interpolate, InterpolateOptions(stops=1), "stops must be at least 2"),
        (interpolate, InterpolateOptions(sampling=Sampling(sampler="x")), "unknown sampler"),
    ],
)
def test_bad_settings_are_refused(function, options, words):
    with pytest.raises(UserError, match=words):
        function(options)


def test_too_few_noises_are_refused(unet, noise_folder, tmp_path):
    with pytest.raises(UserError, match=r"holds 3 noise\(s\); 4 are needed"):
        eta(EtaOptions(tmp_path / "out", unet, noise_folder, sampling=FEW))
