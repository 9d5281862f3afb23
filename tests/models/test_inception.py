"""The network of published Frechet distances, against pytorch-fid with formula weights (see tests/reference)."""

import json

import numpy as np
import pytest
import torch

from sfumato.images import from_pixels
from sfumato.models.inception import Inception
from sfumato.pictures.metrics import frechet_distance
from tests.reference.formula_pictures import SIZES, picture, two_sets
from tests.reference.formula_weights import tensor_for


@pytest.fixture(scope="module")
def network(reference):
    keys = json.loads((reference / "inception.keys.json").read_text())
    network = Inception().eval().requires_grad_(False)
    network.load_state_dict({key: tensor_for(key, shape) for key, shape in keys.items()})
    return network


def features(network, pixels):
    return network(from_pixels(torch.from_numpy(pixels)).permute(0, 3, 1, 2))


def test_its_weights_are_those_of_the_published_file(network, reference):
    keys = json.loads((reference / "inception.keys.json").read_text())
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == keys


def test_features_of_pictures_of_four_sizes(network, reference):
    expected = np.load(reference / "inception.npz")["features"]
    for seed, (height, width) in enumerate(SIZES):
        found = features(network, picture(seed, height, width)[None])[0].numpy()
        np.testing.assert_allclose(found, expected[seed], rtol=1e-4, atol=1e-4)
    # They could not agree by being nothing, or the same for all pictures.
    assert expected.std(axis=0).mean() > 0.01


@pytest.mark.slow
def test_the_distance_of_two_hundred_pictures(network, reference):
    first, second = (
        torch.cat([features(network, np.stack(some[at : at + 25])) for at in range(0, 100, 25)]) for some in two_sets()
    )
    expected = float(np.load(reference / "inception.npz")["distance"])
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-3)
