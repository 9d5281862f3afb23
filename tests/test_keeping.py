"""What is kept is read once, and one who is handed it changes nothing of it for the next."""

import torch
from torch import nn

from sfumato.keeping import kept, loaded_once, sharing
from sfumato.models.additions import Addition, add


def test_it_is_read_once_inside_and_each_time_outside():
    read = []

    def load():
        read.append(1)
        return [0]

    for expected in (1, 2):
        assert kept("a", load, list) == [0] and len(read) == expected
    with loaded_once():
        first = kept("a", load, list)
        first.append(1)
        assert kept("a", load, list) == [0] and len(read) == 3
        kept("b", load, list)
        assert len(read) == 4
        with loaded_once():
            kept("a", load, list)
        assert len(read) == 5 and kept("a", load, list) == [0]
        assert len(read) == 5, "the outer one's are still there"
    kept("a", load, list)
    assert len(read) == 6


def test_a_copy_has_the_same_memory_until_its_weights_are_replaced():
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.BatchNorm1d(2)).requires_grad_(False)
    one, other = sharing(network), sharing(network)
    assert one[0].weight.data_ptr() == network[0].weight.data_ptr() and not one[0].weight.requires_grad
    assert one[1].running_mean.data_ptr() == network[1].running_mean.data_ptr()
    before = network[0].weight.clone()
    add(one, {"0": Addition((torch.ones(2, 2),))})
    assert torch.equal(one[0].weight, before + 1)
    one.to(torch.float64)
    assert one[1].running_mean.dtype == torch.float64
    for left in (network, other):
        assert torch.equal(left[0].weight, before) and left[1].running_mean.dtype == torch.float32
