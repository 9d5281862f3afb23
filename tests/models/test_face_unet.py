"""The pretrained face network: its keys, its arithmetic, and the pictures of its whole sampling."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.faces.model import face_model
from sfumato.faces.painting import Sampling, paint
from sfumato.images import to_range
from sfumato.models.face_unet import FACE_64, FaceUNet
from tests.reference.formula_weights import state_dict_from


@pytest.fixture(scope="module")
def network(reference):
    net = FaceUNet()
    net.load_state_dict(state_dict_from(reference / "face_unet.keys.json"))
    return net.eval().requires_grad_(False)


def noises():
    drawn = [np.random.RandomState(seed).standard_normal((3, 256, 256)) for seed in (100, 101)]
    return torch.from_numpy(np.stack(drawn).astype(np.float32))


def test_it_has_the_pretrained_keys_and_shapes(network, reference):
    manifest = json.loads((reference / "face_unet.keys.json").read_text())
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == manifest
    assert sum(value.numel() for value in network.parameters()) == 113_673_219


def test_its_first_output_is_the_original_networks(network, reference):
    expected = torch.from_numpy(np.load(reference / "face.npz")["eps_first"])[1]
    got = network(noises()[1:], torch.tensor([981]))[0, :, ::8, ::8]
    assert (got - expected).norm() / expected.norm() < 1e-5


@pytest.mark.slow
def test_the_courses_50_steps_give_the_original_pictures(network, reference):
    """Another order of summation alone gives about 0.04."""
    model = face_model(network)
    final = torch.from_numpy(np.load(reference / "face.npz")["x_final"])
    for index, name in enumerate(("face_100.png", "face_101.png")):
        x = paint(model, noises()[index : index + 1], Sampling())
        assert (x[0, :, ::4, ::4] - final[index]).abs().mean() < 2e-3
        pixels = to_range(x, "minmax")[0].numpy().astype(np.float64)
        assert ((pixels - np.asarray(Image.open(reference / name))) ** 2).mean() < 0.2


def test_the_small_configuration_begins_as_zero_and_reaches_every_weight():
    """Every parameter has a part in the answer: after one step away from zero, all gradients are there."""
    torch.manual_seed(0)
    net = FaceUNet(FACE_64)
    x, t = torch.randn(2, 3, 64, 64), torch.tensor([5, 900])
    assert not net(x, t).any()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    net(x, t).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
