"""What networks whose weights rest keep for the way back."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sfumato.models import resting
from sfumato.models.additions import Addition, Attachment, layer_names
from sfumato.models.layers import GroupNorm, SiluOfOwn
from sfumato.models.resting import through
from sfumato.models.stable_diffusion import UNet, UNetConfig

SMALL = UNetConfig(width=32, multipliers=(1, 2), attention=(0, 1), blocks=1, heads=4, context=16)


@pytest.fixture(autouse=True)
def all_layers_are_wide(monkeypatch):
    monkeypatch.setattr(resting, "_WIDE", 0)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return UNet(SMALL).double().requires_grad_(False)


def additions(network, endings):
    """A LoRA of rank 2 for each layer that ends so."""
    found = {}
    for name in layer_names(network, endings):
        wide = network.get_submodule(name).weight
        down, up = torch.randn(2, *wide.shape[1:]).double(), torch.randn(wide.shape[0], 2).double()
        found[name] = Addition((down.requires_grad_(), up.requires_grad_()), 0.5)
    return found


def gradients(network, added):
    """Of the input, of the text and of what is added, for a fixed loss; and about how many bytes were kept."""
    attachment = Attachment(network, list(added))
    attachment.values = added
    torch.manual_seed(1)
    x, context = (torch.randn(shape).double().requires_grad_() for shape in ((2, 4, 8, 8), (2, 5, 16)))
    weights, kept = {one.data_ptr() for one in network.parameters()}, {}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = network(x, torch.tensor([3, 700]), context).square().mean()
    found = torch.autograd.grad(loss, [x, context, *(part for one in added.values() for part in one.parts)])
    attachment.remove()
    return found, sum(kept.values())


@pytest.mark.parametrize("endings", [("to_q", "to_v"), ("to_k", "proj_out", "in_layers.2", "ff.net.2", "op", "conv")])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.filterwarnings("ignore:User provided device_type")  # PyTorch 1.11's checkpoints, without a GPU
def test_the_gradients_are_those_of_keeping_everything(network, endings, checkpointing, monkeypatch):
    """The second endings are layers that `through` meets: those with additions are called as they are."""
    added = additions(network, endings)
    network.checkpointing = checkpointing
    found, _ = gradients(network, added)
    network.checkpointing = False
    monkeypatch.setattr(resting, "_rests", lambda layer: False)
    expected, _ = gradients(network, added)
    for ours, plain in zip(found, expected):
        assert plain.abs().max() > 0
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-14)


def test_a_third_less_is_kept(network, monkeypatch):
    _, less = gradients(network, {})
    monkeypatch.setattr(resting, "_rests", lambda layer: False)
    _, all_of_it = gradients(network, {})
    assert less < 0.67 * all_of_it


def test_narrow_layers_keep_what_pytorch_keeps(network, monkeypatch):
    monkeypatch.setattr(resting, "_WIDE", 65)
    narrow, few = gradients(network, {})
    monkeypatch.setattr(resting, "_rests", lambda layer: False)
    plain, all_of_it = gradients(network, {})
    assert few > 0.9 * all_of_it
    for ours, theirs in zip(narrow, plain):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("learns", ["in_layers.0.weight", "in_layers.2.weight", "net.0.proj.weight", "net.2.bias"])
def test_weights_that_learn_get_their_gradients(network, learns, monkeypatch):
    parts = {name: one for name, one in network.named_parameters() if name.endswith(learns)}
    assert parts
    loss = []
    for plain in (False, True):
        for one in parts.values():
            one.requires_grad_()
        if plain:
            monkeypatch.setattr(resting, "_rests", lambda layer: False)
        torch.manual_seed(1)
        x = torch.randn(1, 4, 8, 8).double().requires_grad_()
        found = network(x, torch.tensor([9]), torch.randn(1, 5, 16).double()).square().mean()
        loss.append(torch.autograd.grad(found, list(parts.values())))
    for ours, plain in zip(*loss):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-14)


def test_a_layer_alone_keeps_nothing():
    """Also where the output's size does not tell the input's: 7 and 8 both become 4 with a stride of 2."""
    kept = []
    for side in (7, 8):
        layer = nn.Conv2d(2, 3, 3, stride=2, padding=1).requires_grad_(False)
        x = torch.randn(1, 2, side, side, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
            y = through([layer], x)
        (found,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(found, torch.autograd.grad(layer(x).sum(), x)[0])
    assert not kept


@pytest.mark.skipif(not hasattr(F, "scaled_dot_product_attention"), reason="PyTorch normalises in bf16 since 2.0")
def test_in_half_precision_the_gradient_is_as_near_as_that_of_keeping_everything():
    layers = [GroupNorm(4, 16), SiluOfOwn(), nn.Conv2d(16, 16, 3, padding=1)]
    x = torch.randn(2, 16, 8, 8)
    apart = []
    for one in (layers[:], [nn.Sequential(*layers), nn.Identity()]):
        stack = [part.requires_grad_(False) for part in one]
        plain = len(stack) == 2
        exact_x, coarse_x = x.clone().requires_grad_(), x.bfloat16().requires_grad_()
        exact = torch.autograd.grad(nn.Sequential(*stack).float()(exact_x).square().sum(), exact_x)[0]
        module = nn.Sequential(*stack).bfloat16()
        y = module(coarse_x) if plain else through(stack, coarse_x)
        coarse = torch.autograd.grad(y.square().sum(), coarse_x)[0].float()
        apart.append(float((coarse - exact).norm() / exact.norm()))
    assert apart[0] < 1.1 * apart[1] < 0.02


@pytest.mark.skipif(not hasattr(F, "scaled_dot_product_attention"), reason="PyTorch normalises in bf16 since 2.0")
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
def test_under_autocast_the_gradient_is_that_of_keeping_everything(given, monkeypatch):
    layers = [part.requires_grad_(False) for part in (GroupNorm(4, 16), SiluOfOwn(), nn.Conv2d(16, 16, 3, padding=1))]
    found = []
    for rests in (resting._rests, lambda layer: False):
        monkeypatch.setattr(resting, "_rests", rests)
        torch.manual_seed(0)
        x = torch.randn(2, 16, 8, 8).to(given).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = through(layers, x)
        found.append(torch.autograd.grad(y.float().square().sum(), x)[0].float())
    assert float((found[0] - found[1]).norm() / found[1].norm()) < 0.01
