"""Photos, prior and composed pictures as one set, of which each kind is drawn by its share."""

import pytest
import torch

from sfumato.personalisation.learning_set import shared_out


@pytest.mark.parametrize(
    ("sizes", "shares"), [((10, 512, 216), (0.25, 0.5, 0.25)), ((5,), (1.0,)), ((7, 3000), (1, 2))]
)
def test_pools_are_drawn_by_their_shares(sizes, shares):
    each = shared_out([torch.ones(size, dtype=torch.long) for size in sizes], shares)
    assert len(each) == sum(sizes) and int(each.min()) >= 1
    for part, share in zip(each.split(list(sizes)), shares):
        assert part.unique().numel() == 1
        assert abs(float(part.sum() / each.sum()) / (share / sum(shares)) - 1) < 0.02


def test_what_is_drawn_more_often_in_its_pool_stays_so():
    each = shared_out([torch.tensor([1, 3]), torch.tensor([1, 1, 1])], [0.5, 0.5])
    assert each[1] == 3 * each[0] and abs(float(each[:2].sum() / each.sum()) - 0.5) < 0.02
