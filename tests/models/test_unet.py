"""The U-Net for pictures of any size."""

import pytest
import torch

from sfumato.models.registry import NETWORKS, name_of
from sfumato.models.unet import UNet, UNetConfig


def awake(network):
    """The layers that begin at zero let nothing through; a test needs them open."""
    for parameter in network.parameters():
        if not bool(parameter.any()):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize(
    ("size", "levels"),
    [*((size, None) for size in (8, 9, 28, 32, 40, 64, (24, 32), (96, 64))), ((33, 17), 1), (100, 1)],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_it_takes_pictures_of_any_size_and_answers_in_theirs(size, levels, channels):
    """Of such as cannot be halved too, if one level is asked for."""
    network = UNet(size, channels=channels, width=8, blocks=1, levels=levels)
    x = torch.randn(2, *network.shape)
    assert network(x, torch.tensor([1.0, 500.0])).shape == x.shape
    assert network.shape == (channels, *((size, size) if isinstance(size, int) else size))


@pytest.mark.parametrize(
    ("size", "patch", "levels"), [(8, 1, 1), (16, 1, 2), (28, 2, 2), (32, 2, 2), (64, 2, 3), (128, 4, 3), (256, 4, 4)]
)
def test_by_default_it_halves_down_to_eight_positions(size, patch, levels):
    config = UNet(size, width=8).config
    assert (config.patch, len(config.multipliers)) == (patch, levels)


@pytest.mark.parametrize(
    ("classes", "counts", "names"),
    [
        (3, (3,), ()),
        (["a", "b"], (2,), ("a", "b")),
        ((4, 2), (4, 2), ()),
        ((), (), ()),
        ([["a", "b"], ("c", "d", "e")], (2, 3), (("a", "b"), ("c", "d", "e"))),
        ([["a", "b"]], (2,), ("a", "b")),
        ((["a", "b"], 3), (2, 3), ()),
    ],
)
def test_labels_of_every_condition_count(classes, counts, names):
    torch.manual_seed(0)
    network = awake(UNet(8, classes, width=8))
    assert network.config.classes == counts and network.classes == names
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([500.0])
    none = [torch.tensor([count]) for count in counts]
    plain = network(x, t, *none)
    for place, count in enumerate(counts):
        for label in range(count):
            told = [*none[:place], torch.tensor([label]), *none[place + 1 :]]
            assert not torch.allclose(network(x, t, *told), plain), (place, label)
    with pytest.raises(ValueError, match=f"has {len(counts)} conditions, and was given {len(counts) + 1}"):
        network(x, t, *none, torch.tensor([0]))


def test_every_weight_learns():
    torch.manual_seed(0)
    network = awake(UNet(32, 2, width=8, blocks=2))
    network(torch.randn(2, 3, 32, 32), torch.tensor([3.0, 700.0]), torch.tensor([0, 2])).square().mean().backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None or not bool(value.grad.any())]
    assert idle == []


def test_every_size_that_is_taken_has_a_level_where_places_see_each_other():
    """Others are refused by a multiple that is taken."""
    for side in range(8, 257):
        try:
            config = UNet(side, width=8, blocks=1).config
        except ValueError as error:
            side = int(str(error).split("such as ")[1])
            config = UNet(side, width=8, blocks=1).config
        assert side / config.patch / 2 ** (len(config.multipliers) - 1) <= config.attention, side


def test_it_is_made_again_from_its_config():
    network = UNet((16, 24), ["a", "b"], channels=1, width=16, levels=2)
    assert name_of(network) == "unet"
    again = NETWORKS["unet"].make(network.config)
    again.load_state_dict(network.state_dict())
    x, t, label = torch.randn(1, 1, 16, 24), torch.tensor([9.0]), torch.tensor([1])
    assert torch.equal(again(x, t, label), network(x, t, label))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: UNet(66, levels=3), "66x66 cannot be halved as often as 3 levels and patches of 2 need"),
        (lambda: UNet(66, patch=2, levels=3), "sides must be multiples of 8, such as 64"),
        (lambda: UNet((40, 68), patch=2, levels=3), "such as 40 or 64"),
        (lambda: UNet(50), "50x50 cannot be halved as often as 2 levels and patches of 2 need: .* of 4, such as 48"),
        (lambda: UNet(17), "sides must be multiples of 2, such as 16"),
        (lambda: UNet((64, 66)), "sides must be multiples of 8, such as 64"),
        (lambda: UNet(255), "sides must be multiples of 16, such as 256"),
        (lambda: UNet(7), "size must be at least 8 and at most 256, got 7"),
        (lambda: UNet(257), "size must be at least 8 and at most 256, got 257"),
        (lambda: UNet(8, width=12), "width must be a multiple of 8, got 12"),
        (lambda: UNet(8, blocks=0), "blocks must be at least 1"),
        (lambda: UNet(8, 0), "classes must be at least 1"),
        (lambda: UNet(8, (["a"], [])), "classes must be at least 1"),
        (lambda: UNet(8, ("a", 3)), "classes must be names, or for each of several"),
        (lambda: UNetConfig((8, 8), multipliers=()), "multipliers must be at least one"),
    ],
)
def test_shapes_that_cannot_be_are_refused(made, words):
    with pytest.raises(ValueError, match=words):
        made()
