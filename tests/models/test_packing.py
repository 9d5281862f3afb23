"""Packed weights give the same bits, and the network is as it was afterwards."""

import copy

import pytest
import torch
from torch import nn

from sfumato.models import packing
from sfumato.models.digit_unet import DigitUNet, DigitUNetConfig
from sfumato.models.face_unet import FaceUNet, FaceUNetConfig
from sfumato.models.packing import packed
from sfumato.models.stable_diffusion import VAE, VAEConfig
from sfumato.models.stable_diffusion import UNet as LatentUNet
from sfumato.models.stable_diffusion import UNetConfig as LatentConfig
from sfumato.models.unet import UNet

needs_operators = pytest.mark.skipif(not packing._HAS_OPERATORS, reason="this PyTorch cannot pack")


def awake(network):
    """Frozen, and with no layer at zero, whose answers would say nothing."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval().requires_grad_(False)


def times(count):
    return torch.linspace(0, 900, count)


NETWORKS = {
    "digits": (
        lambda: DigitUNet(DigitUNetConfig(width=32, inner_width=48, inner_blocks=2)),
        lambda network, count: network(torch.randn(count, 3, 28, 28), times(count), torch.arange(count)),
    ),
    "faces": (
        lambda: FaceUNet(FaceUNetConfig(32, (1, 2), 1, (1,), 16, 32)),
        lambda network, count: network(torch.randn(count, 3, 32, 32), times(count)),
    ),
    "pictures": (
        lambda: UNet((24, 20), classes=3, width=16),
        lambda network, count: network(torch.randn(count, 3, 24, 20), times(count), torch.arange(count) % 4),
    ),
    "latents": (
        lambda: LatentUNet(LatentConfig(width=64, multipliers=(1, 2), blocks=1, attention=(0, 1), context=24)),
        lambda network, count: network(torch.randn(count, 4, 24, 16), times(count).long(), torch.randn(count, 7, 24)),
    ),
    "autoencoder": (
        lambda: VAE(VAEConfig(width=32, multipliers=(1, 2), blocks=1)),
        lambda network, count: network.decode(torch.randn(count, 4, 12, 16)),
    ),
}
WAYS = {
    "fp32": lambda network: network,
    "channels last": lambda network: network.to(memory_format=torch.channels_last),
    "bf16": lambda network: network.to(torch.bfloat16).to(memory_format=torch.channels_last),
    "autocast": lambda network: network,
}


def answered(name, network, count, way):
    torch.manual_seed(count)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "autocast"):
        return NETWORKS[name][1](network, count)


def packed_layers(network):
    return [layer for layer in network.modules() if getattr(vars(layer).get("forward"), "_packed", None) is not None]


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_same_bits_and_the_same_weights_afterwards(name, way):
    if way == "bf16" and name in ("digits", "faces", "pictures"):
        pytest.skip("this network computes in bf16 by autocast alone")
    if way in ("bf16", "autocast") and not packing._HAS_OPERATORS:
        pytest.skip("this PyTorch has no whole bf16")
    network = WAYS[way](awake(NETWORKS[name][0]()))
    before, parameters = copy.deepcopy(network.state_dict()), dict(network.named_parameters())
    plain = {count: answered(name, network, count, way) for count in (1, 2, 5)}
    with packed(network):
        for count in (2, 5, 5, 1, 2):
            again = answered(name, network, count, way)
            assert again.stride() == plain[count].stride()
            assert torch.equal(again, plain[count]), count
        saved = network.state_dict()
    for state in (saved, network.state_dict()):
        assert all(torch.equal(state[key], value) for key, value in before.items())
    assert all(value.stride() == before[key].stride() for key, value in network.state_dict().items())
    assert all(parameter is parameters[key] for key, parameter in network.named_parameters())
    assert not [layer for layer in network.modules() if "forward" in vars(layer) or layer._state_dict_hooks]


@needs_operators
def test_what_is_packed_is_not_held_twice_and_saved_whole():
    network, convolution = awake(nn.Sequential(nn.Conv2d(16, 32, 3), nn.Conv2d(32, 8, 1))), (4, 16, 9, 9)
    x, before = torch.randn(convolution).to(memory_format=torch.channels_last), copy.deepcopy(network.state_dict())
    with packed(network), torch.no_grad():
        assert packed_layers(network) == [], "nothing is packed before it is needed"
        network(x)
        assert packed_layers(network) == [network[0]], "in fp32 a 1x1 convolution is left as it is"
        weight = network[0].weight
        assert weight.isnan().all()
        assert weight.untyped_storage().nbytes() == 4
        assert weight.shape == before["0.weight"].shape
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(network[0].weight, before["0.weight"])


@needs_operators
def test_weights_of_a_mapped_file_stay_what_they_are():
    network, file = awake(nn.Sequential(nn.Linear(64, 32))).to(torch.bfloat16), torch.randn(5000).to(torch.bfloat16)
    network[0].weight.data = file[1000:3048].view(32, 64)
    place = network[0].weight.data_ptr()
    with packed(network), torch.no_grad():
        network(torch.randn(3, 64).to(torch.bfloat16))
        assert packed_layers(network)
        assert network[0].weight.data_ptr() == place
    assert network[0].weight.data_ptr() == place


@needs_operators
def test_what_learns_or_is_shared_or_wants_gradients_is_left_alone():
    x = torch.randn(4, 16, 9, 9).to(memory_format=torch.channels_last)
    learning = nn.Sequential(nn.Conv2d(16, 16, 3))
    shared = awake(nn.Sequential(nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)))
    shared[1].weight = shared[0].weight
    for network in (learning, shared):
        with packed(network), torch.no_grad():
            network(x)
            assert packed_layers(network) == []
    frozen = awake(nn.Sequential(nn.Conv2d(16, 16, 3)))
    wanted = torch.autograd.grad(frozen(x.requires_grad_()).square().sum(), x)[0]
    with packed(frozen):
        with torch.no_grad():
            frozen(x)
        assert packed_layers(frozen)
        assert torch.equal(torch.autograd.grad(frozen(x).square().sum(), x)[0], wanted)


@needs_operators
@pytest.mark.parametrize("wrong", ["other bits", "no such operator"])
def test_operators_that_do_something_else_are_not_used(monkeypatch, wrong):
    def computed(self, x):
        if wrong == "no such operator":
            raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")
        return self._plainly(x).nextafter(torch.tensor(1e9))

    monkeypatch.setattr(packing, "_SAME", {})
    monkeypatch.setattr(packing._Pack, "_computed", computed)
    network = awake(nn.Sequential(nn.Conv2d(16, 32, 3)))
    x = torch.randn(4, 16, 9, 9).to(memory_format=torch.channels_last)
    with torch.no_grad():
        plain = network(x)
        with packed(network):
            assert torch.equal(network(x), plain)
            assert torch.equal(network(x), plain)
            assert packed_layers(network) == []


@needs_operators
def test_weights_are_back_when_the_block_fails():
    network = awake(nn.Sequential(nn.Conv2d(16, 32, 3)))
    before = network[0].weight.clone()

    def interrupted():
        with packed(network), torch.no_grad():
            network(torch.randn(4, 16, 9, 9).to(memory_format=torch.channels_last))
            assert packed_layers(network)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.equal(network[0].weight, before)
