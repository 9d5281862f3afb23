"""Copies are told from fresh pictures of the same kind, however many there are."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sfumato import Pictures
from sfumato.pictures.copying import COPIES, NONE_FOUND, TOO_FEW, _chance, find_copies
from sfumato.pictures.data import kept_apart
from tests.reference.formula_pictures import picture

FRESH = np.stack([picture(5000 + seed, 24, 24) for seed in range(60)]).transpose(0, 3, 1, 2)


def learned(folder, count, doubled=0):
    """Pictures of patchwork, of which the first few come again at the end."""
    pixels = np.stack([picture(seed, 24, 24) for seed in range(count)])
    np.savez(folder / "learned.npz", pictures=np.concatenate([pixels, pixels[:doubled]]))
    return Pictures(folder / "learned.npz", 24)


def copies(pictures, count, seed=0):
    """Some of what was learned, shifted by up to a pixel, under noise; and which they are."""
    source = np.random.RandomState(seed)
    places = source.choice(kept_apart(pictures)[0], count)
    shifts = source.randint(-1, 2, (count, 2))
    moved = [np.roll(pictures.pixels[place], tuple(by), axis=(1, 2)) for place, by in zip(places, shifts)]
    noisy = np.stack(moved) + 8 * source.standard_normal((count, *pictures.pixels.shape[1:]))
    return noisy.clip(0, 255).astype(np.uint8), places


def blurred(pixels):
    x = F.interpolate(torch.from_numpy(pixels).float(), (6, 6), mode="bilinear", antialias=True)
    return F.interpolate(x, pixels.shape[2:], mode="bilinear").round().byte().numpy()


@pytest.mark.parametrize("count", [10, 20, 60, 400])
def test_copies_are_reported_and_what_they_are_of_is_named(tmp_path, count):
    pictures = learned(tmp_path, count)
    painted, places = copies(pictures, 25)
    found = find_copies(painted, pictures)
    assert (found.verdict, found.share) == (COPIES, 1.0)
    assert found.nearest == places.tolist()


def test_the_distance_is_in_grey_levels(tmp_path):
    pictures = learned(tmp_path, 20)
    places = kept_apart(pictures)[0][:5]
    found = find_copies(pictures.pixels[places] + np.uint8(7), pictures)
    assert found.nearest == places.tolist()
    np.testing.assert_allclose(found.distance, 7.0, rtol=1e-4)


@pytest.mark.parametrize("count", [10, 20, 60, 400])
def test_fresh_pictures_are_no_copies(tmp_path, count):
    pictures = learned(tmp_path, count)
    for begin in (0, 20):
        for painted in (FRESH[begin : begin + 40], blurred(FRESH[begin : begin + 40])):
            found = find_copies(painted, pictures)
            assert found.verdict == NONE_FOUND
            assert found.share <= 2 * found.fresh_share


def test_mirrored_pictures_are_copies(tmp_path):
    pictures = learned(tmp_path, 60)
    painted, places = copies(pictures, 25)
    found = find_copies(painted[..., ::-1].copy(), pictures)
    assert found.verdict == COPIES
    assert found.nearest == places.tolist()


def test_a_third_of_copies_is_enough(tmp_path):
    pictures = learned(tmp_path, 400)
    found = find_copies(np.concatenate([copies(pictures, 15)[0], FRESH[:30]]), pictures)
    assert found.verdict == COPIES
    assert found.share == pytest.approx(1 / 3, abs=0.1)


def test_twins_in_the_data_neither_hide_copies_nor_make_fresh_pictures_some(tmp_path):
    """Of forty held-out and learned twins only one counts; else the bar would lie at 0, and nothing be nearer."""
    pictures = learned(tmp_path, 100, doubled=100)
    assert find_copies(FRESH, pictures).verdict == NONE_FOUND
    found = find_copies(copies(pictures, 25)[0], pictures)
    assert (found.verdict, found.duplicates) == (COPIES, 100)
    assert found.bar > 0.3


def test_a_learned_picture_is_compared_with_the_others_alone(tmp_path):
    """Naively: each of ten pictures but the held-out one, against the eight others and their mirror images."""
    pictures = learned(tmp_path, 10)
    seen, held_out = kept_apart(pictures)

    def small(place):
        x = torch.from_numpy(np.array(pictures.pixels[place]))[None].float()
        return F.interpolate(x, (16, 16), mode="bilinear", antialias=True)[0].double()

    nearness = []
    for place in [*held_out, *seen]:
        others = [small(other) for other in seen if other != place]
        distances = sorted(float((small(place) - one).norm()) for other in others for one in (other, other.flip(-1)))
        nearness.append(distances[0] / torch.tensor(distances[1:]).median().item())
    found = find_copies(FRESH[:5], pictures)
    assert (found.training, found.unlearned) == (9, 10)
    assert found.bar == pytest.approx(min(nearness))


def test_nothing_can_be_said_of_one_picture_or_beside_two(tmp_path):
    assert find_copies(copies(learned(tmp_path, 20), 1)[0], Pictures(tmp_path / "learned.npz", 24)).verdict == TOO_FEW
    np.savez(tmp_path / "same.npz", pictures=np.stack([picture(0, 24, 24)] * 12))
    found = find_copies(FRESH, Pictures(tmp_path / "same.npz", 24))
    assert (found.verdict, found.training, found.duplicates) == (TOO_FEW, 1, 11)


@pytest.mark.parametrize(("painted", "others", "allowed"), [(3, 2, 0), (4, 3, 1), (2, 5, 1), (5, 2, 1)])
def test_the_chance_is_the_share_of_all_orders(painted, others, allowed):
    orders = list(itertools.combinations(range(painted + others), others))
    for near in range(painted + 1):
        share = sum(order[allowed] - allowed >= near for order in orders) / len(orders)
        assert _chance(near, painted, others, allowed) == pytest.approx(share)
