"""Layers that the networks share."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sfumato.models.layers import GroupNorm

BF16 = 2**-8
"""What rounding to bf16 changes at most, as a part of the number."""


needs_bf16 = pytest.mark.skipif(
    not hasattr(F, "scaled_dot_product_attention"), reason="PyTorch normalises in bf16 on a CPU since 2.0"
)


def drawn(groups, each, side):
    """A normalisation of random weights, and a map of many grey levels on a large mean, channels last."""
    torch.manual_seed(0)
    norm = GroupNorm(groups, groups * each)
    for parameter in norm.parameters():
        nn.init.normal_(parameter, 1.0, 0.3)
    x = torch.randn(2, groups * each, side, side) + 3
    return norm, x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("each", [2, 10, pytest.param(16, marks=needs_bf16)])
def test_a_normalisation_in_bf16_is_the_exact_one_to_the_last_rounding(each, learning):
    norm, x = drawn(4, each, 6)
    x, norm = x.bfloat16(), norm.bfloat16()
    exact = F.group_norm(x.double(), 4, norm.weight.double(), norm.bias.double(), norm.eps)
    with torch.set_grad_enabled(learning):
        found = norm(x)
    assert found.dtype == torch.bfloat16
    assert ((found - exact).abs() <= BF16 * exact.abs() + 1e-6).all()


def test_its_gradients_are_the_exact_ones_to_the_last_rounding():
    norm, x = drawn(4, 2, 6)
    x, norm = x.bfloat16().requires_grad_(), norm.bfloat16()
    wide, exact = x.detach().double().requires_grad_(), copy.deepcopy(norm).double()
    above = torch.randn(x.shape).bfloat16()
    norm(x).backward(above)
    F.group_norm(wide, 4, exact.weight, exact.bias, exact.eps).backward(above.double())
    for ours, theirs in ((x, wide), *zip(norm.parameters(), exact.parameters())):
        assert ours.grad.dtype == torch.bfloat16
        assert ((ours.grad - theirs.grad).abs() <= BF16 * theirs.grad.abs() + 1e-6).all()


@pytest.mark.parametrize(
    ("each", "side", "dtype", "learning", "computed"),
    [
        (2, 6, torch.bfloat16, True, torch.float32),
        (2, 6, torch.bfloat16, False, torch.float32),
        (10, 32, torch.bfloat16, True, torch.float32),
        (10, 32, torch.bfloat16, False, torch.bfloat16),
        (16, 6, torch.bfloat16, True, torch.bfloat16),
        (2, 6, torch.float32, True, torch.float32),
    ],
)
def test_only_what_is_slow_in_bf16_goes_through_float32(each, side, dtype, learning, computed, monkeypatch):
    norm, x = drawn(4, each, side)
    found = []
    monkeypatch.setattr(F, "group_norm", lambda x, *more: found.append(x.dtype) or x)
    with torch.set_grad_enabled(learning):
        assert norm.to(dtype)(x.to(dtype)).dtype == dtype
    assert found == [computed]


def test_in_float32_it_is_pytorch_s_to_the_bit():
    norm, x = drawn(4, 2, 6)
    assert torch.equal(norm(x), nn.GroupNorm.forward(norm, x))
