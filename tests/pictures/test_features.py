"""The features of networks of one's own choice: what is at hand is taken, what is not is told."""

import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sfumato.errors import UserError
from sfumato.images import from_pixels
from sfumato.pictures.features import choose_features
from sfumato.pictures.judges import load_judge, shipped_judge_path
from sfumato.runs import digest
from tests.reference.formula_pictures import picture
from tests.reference.formula_weights import tensor_for

CPU = torch.device("cpu")
INCEPTION = "pt_inception-2015-12-05-6726825d.pth"


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """Torch's folder of weights, with nothing in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def inception_state(reference):
    keys = json.loads((reference / "inception.keys.json").read_text())
    return {key: tensor_for(key, shape) for key, shape in keys.items()}


def pixels(count, height, width):
    return np.stack([picture(seed, height, width) for seed in range(count)]).transpose(0, 3, 1, 2)


def test_a_judges_features_of_its_own_size_are_the_judges():
    given = pixels(40, 28, 28)
    features = choose_features("judge-mnistm", CPU)
    with torch.no_grad():
        expected = load_judge("mnistm").features(from_pixels(torch.from_numpy(given)))
    torch.testing.assert_close(features.of(given, "digits"), expected, rtol=1e-4, atol=1e-5)
    assert features.digest == digest(shipped_judge_path("mnistm").read_bytes())
    assert "seen digits only" in features.caution


def test_grey_pictures_of_another_size_are_seen_as_colour():
    grey = pixels(3, 40, 56)[:, :1]
    wide = from_pixels(torch.from_numpy(grey)).expand(-1, 3, -1, -1)
    with torch.no_grad():
        expected = load_judge("svhn").features(F.interpolate(wide, (28, 28), mode="bilinear", antialias=True))
    found = choose_features("judge-svhn", CPU).of(grey, "digits")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_inception_weights_in_pytorch_fids_form(inception_state, reference, tmp_path, hub):
    """Also without the counters of batches, which its first files did not have."""
    expected = np.load(reference / "inception.npz")["features"][0]
    bare = {key: value for key, value in inception_state.items() if not key.endswith("num_batches_tracked")}
    torch.save(bare, hub / INCEPTION)
    for name in (str(hub / INCEPTION), ""):
        features = choose_features(name, CPU)
        assert features.name == INCEPTION
        np.testing.assert_allclose(features.of(pixels(1, 32, 32), "pictures")[0], expected, rtol=1e-4, atol=1e-4)


def test_weights_of_another_inception_are_refused(inception_state, tmp_path):
    path = tmp_path / "inception.pth"
    torch.save({key: value for key, value in inception_state.items() if "Mixed_7c.branch_pool" not in key}, path)
    with pytest.raises(UserError, match=r"is not the Inception of pytorch-fid: it lacks Mixed_7c\.branch_pool\.conv"):
        choose_features(str(path), CPU)
    other = {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    torch.save({**inception_state, **other}, path)
    with pytest.raises(UserError, match=r"of another shape fc\.weight \[1000, 2048\] for \[1008, 2048\]"):
        choose_features(str(path), CPU)
    path.write_bytes(b"not weights")
    with pytest.raises(UserError, match="is no file of tensors"):
        choose_features(str(path), CPU)


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(UserError, match=r"unknown features 'inception'; at hand are judge-mnistm, judge-svhn"):
        choose_features("inception", CPU)


@pytest.mark.parametrize(("name", "package"), [("torchvision:resnet18", "torchvision"), ("timm:resnet18", "timm")])
def test_a_package_that_is_not_here_is_named(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.models", None)
    with pytest.raises(UserError, match=f"{package} cannot be imported; `pip install {package}`"):
        choose_features(name, CPU)
    assert choose_features("", CPU).name == "judge-svhn"


def test_a_classifier_of_torchvision_before_its_last_layer(hub):
    models = pytest.importorskip("torchvision", minversion="0.14").models
    with pytest.raises(UserError, match=r"weights are not at hand; put https://\S*resnet18-\S*\.pth into"):
        choose_features("torchvision:resnet18", CPU)
    with pytest.raises(UserError, match="is no classifier of torchvision that is used here; at hand: none"):
        choose_features("torchvision:inception_v3", CPU)
    network = models.resnet18().eval()
    weights = models.ResNet18_Weights.DEFAULT
    network.load_state_dict({key: tensor_for(key, value.shape) for key, value in network.state_dict().items()})
    torch.save(network.state_dict(), hub / weights.url.rpartition("/")[2])
    given = pixels(2, 48, 64)
    x = F.interpolate(torch.from_numpy(given).float() / 255, (224, 224), mode="bilinear", antialias=True)
    mean, deviation = (torch.tensor(of).view(3, 1, 1) for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    network.fc = torch.nn.Identity()
    with torch.no_grad():
        expected = network((x - mean) / deviation)
    for name in ("torchvision:resnet18", ""):
        features = choose_features(name, CPU)
        assert features.name == "torchvision:resnet18"
        torch.testing.assert_close(features.of(given, "pictures"), expected, rtol=1e-4, atol=1e-4)


def test_a_network_of_timm_before_its_classifier(hub):
    timm = pytest.importorskip("timm")
    with pytest.raises(UserError, match=r"weights are not at hand; fetch timm/resnet10t\S* by timm once"):
        choose_features("timm:resnet10t", CPU)
    for unknown in ("nothing", "resnet10t.nothing"):
        with pytest.raises(UserError, match="is no network of timm with weights"):
            choose_features(f"timm:{unknown}", CPU)
    network = timm.create_model("resnet10t", pretrained=False).eval()
    network.load_state_dict({key: tensor_for(key, value.shape) for key, value in network.state_dict().items()})
    how = network.pretrained_cfg
    torch.save(network.state_dict(), hub / how["url"].rpartition("/")[2])
    given = pixels(2, 48, 64)
    size, mode = how["input_size"][1:], how["interpolation"]
    x = F.interpolate(torch.from_numpy(given).float() / 255, size, mode=mode, antialias=True)
    mean, deviation = (torch.tensor(how[of]).view(3, 1, 1) for of in ("mean", "std"))
    with torch.no_grad():
        expected = network.forward_features((x - mean) / deviation).mean(dim=(2, 3))
    found = choose_features("timm:resnet10t", CPU).of(given, "pictures")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
