"""An encoder of one's own: it is looked at, never changed, and a run goes on with no other."""

import copy
import json

import pytest
import torch
from torch import nn

pytest.importorskip("accelerate")
pytest.importorskip("tyro")

from accelerate import Accelerator

from sfumato import Pictures, train
from sfumato.checkpoints import read_safetensors
from sfumato.diffusion import seed_of
from sfumato.errors import UserError
from sfumato.pictures.given_encoder import GivenAlignment, encoder_identity
from sfumato.pictures.train import PictureWork
from sfumato.pictures.training import Training
from sfumato.training import AlignedLoop, Trainer
from sfumato.training.alignment import aligned, aligned_loss, distance
from tests.pictures.test_train import FEW, small

ALIGNED = {**FEW, "align": 0.5}


@pytest.fixture
def pictures(flowers):
    return Pictures(flowers, 8)


def own(seed=0, outputs=5):
    """With what would change if it were trained: running means, and dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(6, outputs, 1)
    )


def same(one, other):
    assert set(one) == set(other)
    return all(torch.equal(value, other[key]) for key, value in one.items())


def test_the_block_learns_from_it_and_it_learns_nothing(pictures, tmp_path):
    encoder = own()
    before = copy.deepcopy(encoder.state_dict())
    plain = train(small(pictures), pictures, tmp_path / "plain", **FEW)
    model = train(small(pictures), pictures, tmp_path / "run", **ALIGNED, encoder=encoder)
    other = train(small(pictures), pictures, tmp_path / "other", **ALIGNED, encoder=own(1))
    assert not same(plain.state_dict(), model.state_dict()) and not same(other.state_dict(), model.state_dict())
    assert same(encoder.state_dict(), before)
    assert not any(part.training for part in encoder.modules())
    assert all(one.grad is None and one.requires_grad for one in encoder.parameters())
    assert not (tmp_path / "run" / "encoder.safetensors").exists()
    assert model.network.down[0][0]._forward_hooks == {}


def test_the_alignments_gradient_reaches_the_block_and_not_the_encoder(pictures, tmp_path):
    """The loss is the model's and 0.5 of the distance to the encoder's map less its mean; nothing else."""
    encoder, training = own(), Training(AlignedLoop(steps=4, batch_size=8, align=0.5))
    work = PictureWork(small(pictures), pictures, tmp_path, training, encoder=encoder)
    assert isinstance(work.alignment, GivenAlignment) and work.alignment.channels == 5
    batch = work.batches()(0, slice(None))
    network = aligned(work.network, work.alignment, batch, training.loop)
    run = Trainer(network, lambda one: [torch.optim.SGD(one.parameters(), 0.1)], training.loop, Accelerator(cpu=True))
    rows = aligned_loss(work.loss, work.alignment, run, tmp_path)(network.train(), batch)
    network.eval()
    hidden = []
    block = dict(network.named_modules())[f"model.{work.alignment.block}"]
    block.register_forward_hook(lambda module, inputs, output: hidden.append(output))
    plain = work.network(*batch)
    sources = [work._clean(32), work.alignment._seed]

    with torch.no_grad():
        seen = [
            encoder(sources[0](torch.Generator().manual_seed(seed_of(sources[1], "centre", k)))[0]) for k in range(8)
        ]
        features = encoder(batch[0]) - torch.cat(seen).mean(dim=(0, 2, 3))[:, None, None]
    extra = distance(network.projection(hidden[0]), features)
    torch.testing.assert_close(rows, plain + 0.5 * extra)
    gradient = torch.autograd.grad(extra.sum(), list(block.parameters()), allow_unused=True)
    assert any(one is not None and float(one.abs().max()) > 0 for one in gradient)
    rows.sum().backward()
    assert all(one.grad is None for one in encoder.parameters())


def test_interrupted_it_ends_with_the_same_bits_and_another_encoder_is_refused(pictures, tmp_path):
    whole = train(small(pictures), pictures, tmp_path / "whole", **ALIGNED, encoder=own())
    run = tmp_path / "run"
    train(small(pictures), pictures, run, **ALIGNED, encoder=own())
    for name in ("model.safetensors", "state-00000024.safetensors"):
        (run / name).unlink()
    with pytest.raises(UserError, match="encoder"):
        train(small(pictures), pictures, run, **ALIGNED, encoder=own(1))
    with pytest.raises(UserError, match="encoder"):
        train(small(pictures), pictures, run, **ALIGNED)
    again = train(small(pictures), pictures, run, **ALIGNED, encoder=own())
    assert same(whole.state_dict(), again.state_dict())
    note = json.loads((run / "run.json").read_text())["settings"]["encoder"]
    assert note == encoder_identity(own()) and note["name"] == "Sequential" and len(note["contents"]) == 16
    told = json.loads(read_safetensors(run / "model.safetensors")[1]["note"])
    assert told["encoder"] == note


def test_its_name_is_its_class_and_every_number_of_its_weights():
    one, other = own(), own()
    assert encoder_identity(one) == encoder_identity(other)
    with torch.no_grad():
        other[0].weight[3, 2, 1, 1] += 1e-6
    assert encoder_identity(one)["contents"] != encoder_identity(other)["contents"]


def test_what_cannot_be_aligned_to_is_refused_before_the_first_step(pictures, tmp_path):
    flat = nn.Sequential(own(), nn.Flatten())
    for encoder, line in (
        (flat, r"encoder: Sequential answers \(1, 80\) of one picture; give a module that answers a map"),
        (nn.Conv2d(1, 4, 1), r"encoder: Conv2d cannot see pictures of \(3, 8, 8\): "),
    ):
        with pytest.raises(UserError, match=line) as error:
            train(small(pictures), pictures, tmp_path / "run", **ALIGNED, encoder=encoder)
        assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match="encoder: does nothing without alignment; give align too"):
        train(small(pictures), pictures, tmp_path / "run", **FEW, encoder=own())
    assert not (tmp_path / "run").exists()


def test_an_encoders_file_may_be_given_as_text(pictures, tmp_path):
    settings = {**ALIGNED, "encoder_steps": 3}
    first = train(small(pictures), pictures, tmp_path / "one", **settings)
    kept = str(tmp_path / "one" / "encoder.safetensors")
    assert same(
        first.state_dict(), train(small(pictures), pictures, tmp_path / "two", **settings, encoder=kept).state_dict()
    )
