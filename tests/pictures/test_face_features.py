"""Faces in dlib's descriptors: those of dlib itself, and a line where its packages are not here."""

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from sfumato.errors import UserError
from sfumato.images import from_pixels, to_pixels
from sfumato.pictures.features import choose_features
from tests.reference.formula_pictures import picture

CPU = torch.device("cpu")
ALOUD = "needs the extra of faces: pip install dlib-bin face_recognition_models"


@pytest.fixture(scope="module")
def dlib():
    if importlib.util.find_spec("face_recognition_models") is None:
        pytest.skip(ALOUD)
    return pytest.importorskip("dlib", reason=ALOUD)


@pytest.fixture(scope="module")
def faces(reference):
    """Painted faces, uint8 [4, 3, 64, 64]."""
    paths = sorted((reference / "painted" / "faces-eta-0").glob("*.png"))
    return np.stack([np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1) for path in paths])


def brought_to(side, pixels):
    x = from_pixels(torch.from_numpy(np.array(pixels)))
    return to_pixels(F.interpolate(x, (side, side), mode="bilinear", antialias=True)).numpy()


def test_the_descriptors_are_those_of_dlib(dlib, faces):
    """Its own network on its own alignment, of faces that are given as they are painted, and larger."""
    spec = importlib.util.find_spec("face_recognition_models")
    models = f"{spec.submodule_search_locations[0]}/models/"
    network = dlib.face_recognition_model_v1(models + "dlib_face_recognition_resnet_model_v1.dat")
    landmarks = dlib.shape_predictor(models + "shape_predictor_5_face_landmarks.dat")
    features = choose_features("dlib", CPU)
    for given in (faces, brought_to(256, faces).transpose(0, 3, 1, 2)):
        expected = [
            np.array(network.compute_face_descriptor(one, landmarks(one, dlib.rectangle(0, 0, 255, 255))))
            for one in brought_to(256, given)
        ]
        np.testing.assert_allclose(features.of(given, "faces"), np.stack(expected), rtol=0, atol=1e-5)
    assert "aligned by dlib's five landmarks" in features.resizing


def test_a_picture_is_described_alike_alone_and_among_others(dlib, faces):
    features = choose_features("dlib", CPU)
    alone = torch.cat([features.of(faces[one : one + 1], "a face") for one in range(len(faces))])
    torch.testing.assert_close(alone, features.of(faces, "faces"), rtol=0, atol=1e-5)


def test_the_detector_finds_faces_and_nothing_in_what_is_none(dlib, faces):
    features = choose_features("dlib", CPU)
    others = np.stack([picture(seed, 64, 64) for seed in range(4)]).transpose(0, 3, 1, 2)
    detector = dlib.get_frontal_face_detector()
    expected = [float(len(detector(np.ascontiguousarray(one.transpose(1, 2, 0)), 0)) > 0) for one in faces]
    assert sum(expected) >= 2
    assert features.found(faces, "faces").tolist() == expected
    assert features.found(others, "patchworks").tolist() == [0, 0, 0, 0]
    assert features.found(others[:, :1], "grey patchworks").tolist() == [0, 0, 0, 0]


def test_what_is_not_here_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(UserError, match="cannot be imported; `pip install dlib-bin face_recognition_models`, or"):
        choose_features("dlib", CPU)
    monkeypatch.setitem(sys.modules, "dlib", SimpleNamespace())
    plain = importlib.util.find_spec
    for found in (None, SimpleNamespace(submodule_search_locations=["/nowhere"])):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *more, found=found: found if "face_" in name else plain(name)
        )
        with pytest.raises(UserError, match="face_recognition_models are not here; `pip install face_recognition_mod"):
            choose_features("dlib", CPU)


def test_other_features_have_no_detector(faces):
    assert choose_features("judge-svhn", CPU).found(faces, "faces") is None
