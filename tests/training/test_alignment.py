"""Representation alignment: what is added to the loss, for how long, and that nothing else changes."""

import copy

import pytest
import torch
from torch import nn

pytest.importorskip("accelerate")

from accelerate import Accelerator

from sfumato.errors import UserError
from sfumato.training import AlignedLoop, Alignment, Trainer
from sfumato.training.alignment import Aligned, aligned, channels_at, distance, module_of, with_features


def maps(*places):
    """A feature map of one picture, one row of places: [1, C, 1, places]."""
    return torch.tensor(places).float().T[None, :, None]


def test_the_distance_is_one_less_the_mean_cosine_of_the_places():
    one = maps([1, 0], [0, 2], [3, 4])
    assert float(distance(one, 5 * one)) == pytest.approx(0, abs=1e-6)
    assert float(distance(one, -one)) == pytest.approx(2)
    # Right angles at the first two places, 3-4-5 and 4-3-5 at the last: a cosine of 24/25.
    assert float(distance(one, maps([0, 1], [1, 0], [4, 3]))) == pytest.approx(1 - 24 / 25 / 3, abs=1e-6)


def test_maps_of_other_sizes_are_brought_to_the_blocks():
    """Of a map that changes along one line the middle of two places is their mean."""
    fine = torch.stack([torch.arange(8.0).expand(8, 8), torch.ones(8, 8)])[None]
    coarse = torch.stack([torch.tensor([0.5, 2.5, 4.5, 6.5]).expand(4, 4), torch.ones(4, 4)])[None]
    assert float(distance(coarse, fine)) == pytest.approx(0, abs=1e-6)


class Model(nn.Module):
    """Its forward is the loss of each row, as a Diffusion's is."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.block, self.out = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x, target):
        return (self.out(torch.tanh(self.block(x))) - target).square().flatten(1).mean(dim=1)


class Shown(nn.Module):
    """An encoder: the picture and its square, brought to nothing in the mean."""

    def features(self, x):
        both = torch.cat([x, x.square()], dim=1)
        return both - both.mean(dim=(0, 2, 3), keepdim=True)


def draw(step, rows):
    x = torch.randn(8, 1, 5, 5, generator=torch.Generator().manual_seed(step))
    return [x[rows], (x**2)[rows]]


def loss(network, batch):
    return network(*batch)


class ToShown(Alignment):
    block, channels = "block", 2

    def untrained(self):
        return Shown()

    def ready(self, trainer, out):
        return Shown()


def trainer(aligning=True, **changes):
    loop = AlignedLoop(**{"steps": 20, "batch_size": 8, "warmup": 2, "ema": 0.9, "align": 0.5, **changes})
    network = aligned(Model(), ToShown(), draw(0, slice(0, 1)), loop) if aligning else Model()
    return Trainer(network, lambda one: [torch.optim.AdamW(one.parameters(), lr=0.01)], loop, Accelerator(cpu=True))


def steps_of(run):
    return list(run.run(draw, with_features(loss, Shown(), run) if isinstance(run.network, Aligned) else loss))


def test_the_loss_is_the_models_and_the_weighted_distance():
    run = trainer(align=0.25)
    batch = draw(3, slice(None))
    features = Shown().features(batch[0])
    seen = []
    model = copy.deepcopy(run.network.model)
    model.block.register_forward_hook(lambda module, inputs, output: seen.append(output))
    rows = model(*batch) + 0.25 * distance(run.network.projection(seen[0]), features)
    run.network.train()
    assert torch.equal(run.network(features, *batch), rows)
    assert torch.equal(run.network(None, *batch), model(*batch))


def test_it_is_off_after_its_share_and_never_on_without_one():
    """A run of no share learns, to the bit, what a run without an encoder does."""
    plain, never = trainer(aligning=False), trainer(align_share=0.0)
    steps_of(plain)
    steps_of(never)
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, never.network.model.state_dict()[name])
    seen = []

    def counted(network, batch):
        seen.append(batch[0] is not None)
        return loss(network, batch)

    half = trainer(align_share=0.6)
    list(half.run(draw, with_features(counted, Shown(), half)))
    assert seen == [True] * 12 + [False] * 8


def test_it_draws_the_block_to_the_encoder():
    """By a tenth of the run the distance has fallen, and further than without the gradient of the alignment."""

    def apart(run):
        batch = draw(1000, slice(None))
        run.network.train()
        with torch.no_grad():
            both = run.network(Shown().features(batch[0]), *batch) - run.network(None, *batch)
        return float(both.mean()) / run.network.weight

    first = apart(trainer())
    run = trainer(steps=200, align_share=1.0, align=2.0)
    steps_of(run)
    assert apart(run) < 0.3 * first


def test_a_longer_run_is_the_same_until_the_alignment_of_the_shorter_ends():
    assert AlignedLoop(steps=100, align=0.5, align_share=0.3, decay_share=0.5).steady == 30
    assert AlignedLoop(steps=100, align=0.5, align_share=0.9, decay_share=0.5).steady == 51
    assert AlignedLoop(steps=100, align=0.0, align_share=0.3, decay_share=0.5).steady == 51


def test_the_mean_paints_without_keeping_what_its_block_answers():
    run = trainer()
    steps_of(run)
    mean = run.ema.network
    mean.model(*draw(0, slice(None)))
    assert mean._seen is None and run.network._seen is None
    # The copy watches its own block, not the one that it was copied from.
    mean.train()
    mean.model(*draw(0, slice(None)))
    assert mean._seen is not None and run.network._seen is None
    mean.release()
    mean._seen = None
    mean.model(*draw(0, slice(None)))
    assert mean._seen is None


def test_a_block_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(UserError, match=r"no block 'blok' in the network; there are block, out"):
        module_of(Model(), "blok")
    nested = nn.ModuleDict({"inner": nn.ModuleList([nn.Identity(), nn.Identity()])})
    with pytest.raises(UserError, match=r"no block 'inner.7' in the network; 'inner' holds 0, 1"):
        module_of(nested, "inner.7")
    flat = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Flatten())
    with pytest.raises(UserError, match=r"'1' answers \(1, 100\) in a pass; give a block that answers one feature map"):
        channels_at(flat, "1", draw(0, slice(0, 1))[:1])
    assert channels_at(Model(), "block", draw(0, slice(0, 1))) == 4
