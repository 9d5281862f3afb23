"""Other views of a picture: each is one that it could have had, and a function of the step."""

from collections import Counter

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate")

from sfumato import FlowSchedule, Pictures
from sfumato.pictures.batches import PictureBatches
from sfumato.pictures.looks import Looks, as_sheet
from sfumato.pictures.views import Views


@pytest.fixture
def squares(tmp_path):
    np.savez(tmp_path / "p.npz", x=np.random.RandomState(0).randint(0, 256, (10, 12, 12, 3), np.uint8))
    return tmp_path / "p.npz"


def as_pixels(x0):
    return ((x0 + 1) * 127.5).round().to(torch.uint8).numpy()


def drawn(pictures, count=2000, **how):
    batches = PictureBatches(pictures, np.arange(len(pictures)), count, FlowSchedule(), seed=3, **how)
    for again, part in zip(batches(5, slice(1, None, 2)), batches(5, slice(None))):
        assert torch.equal(again, part[1::2])
    return Counter(one.tobytes() for one in as_pixels(batches(5, slice(None))[0]))


def alike(counts, count):
    """Whether there are so many, each drawn about as often: within five standard deviations."""
    share = sum(counts.values()) / count
    return len(counts) == count and all(abs(one - share) < 5 * share**0.5 for one in counts.values())


def test_moved_pictures_are_windows_into_what_was_read_and_all_of_them_are_drawn(squares):
    pictures = Pictures(squares, 8, shift=2)
    corners = [(top, left) for top in range(5) for left in range(5)]
    windows = {one[:, y : y + 8, x : x + 8].tobytes() for one in pictures.whole for y, x in corners}
    counts = drawn(pictures, 8000)
    assert set(counts) == windows
    assert alike(counts, 250)


def test_turned_and_mirrored_ones_are_the_eight_symmetries(squares):
    pictures = Pictures(squares, 12)
    turned = {np.rot90(one, quarters, (-2, -1)).tobytes() for one in pictures.pixels for quarters in range(4)}
    both = turned | {np.rot90(one[..., ::-1], k, (-2, -1)).tobytes() for one in pictures.pixels for k in range(4)}
    for how, views in (({"turn": True}, turned), ({"turn": True, "flip": True}, both)):
        counts = drawn(pictures, **how)
        assert set(counts) == views
        assert alike(counts, len(views))


def test_each_picture_has_the_view_that_was_drawn_for_it(squares):
    """By hand: a window, mirrored, then turned against the clock."""
    pictures = Pictures(squares, 8, shift=2)
    views = Views(torch.tensor([True, False]), torch.tensor([1, 3]), torch.tensor([[0, 4], [1, 2]]))
    first, second = as_pixels(views.of(pictures, [7, 4]))
    assert np.array_equal(first, np.rot90(pictures.whole[7, :, 0:8, 4:12][..., ::-1], 1, (-2, -1)))
    assert np.array_equal(second, np.rot90(pictures.whole[4, :, 1:9, 2:10], 3, (-2, -1)))
    (only,) = as_pixels(views.rows(slice(1, 2)).of(pictures, [4]))
    assert np.array_equal(only, second)
    assert np.array_equal(as_pixels(Views().of(pictures, [7])), pictures.pixels[[7]])


def test_the_sheet_of_what_is_seen_shows_views(squares):
    def shown(pixels):
        return as_sheet(torch.from_numpy(pixels[[number % 10 for number in range(32)]]).float() / 127.5 - 1)

    plain, moved = Looks(Pictures(squares, 12), np.arange(1), 0), Looks(Pictures(squares, 8, shift=2), np.arange(1), 0)
    assert plain.seen() == shown(Pictures(squares, 12).pixels)
    assert len({look.tobytes() for look in (plain.seen(), plain.seen(flip=True), plain.seen(turn=True))}) == 3
    assert moved.seen() == moved.seen() != shown(Pictures(squares, 8, shift=2).pixels)
