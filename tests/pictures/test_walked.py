"""A walk asks a network whose weights are packed, and leaves it as it was."""

import pytest
import torch

from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint, walk
from sfumato.images import to_pixels
from sfumato.models import packing

CPU = torch.device("cpu")


@pytest.mark.skipif(not packing._HAS_OPERATORS, reason="this PyTorch cannot pack")
def test_weights_are_packed_while_a_walk_lasts_and_change_no_bit():
    model, sampling = load_digits(), Sampling(steps=2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    given, counts = ([3, 14], [1, 2], sampling, CPU), []

    def count(_):
        counts.append(sum("forward" in vars(layer) for layer in model.modules()))
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

    painted = paint(model, *given, after_step=count)
    assert min(counts) > 0
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
    *_, last = walk(model, *given)
    assert torch.equal(painted, to_pixels(last.x))
