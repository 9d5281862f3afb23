"""The encoder that a training is aligned to: what it learns, where it lies, and that a run goes on with it."""

import json
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate")
pytest.importorskip("tyro")

from sfumato import Diffusion, FlowSchedule, Pictures, UNet, train
from sfumato.checkpoints import read_safetensors, read_tensors
from sfumato.cli import main
from sfumato.models.picture_encoder import EncoderConfig, PictureEncoder
from sfumato.pictures.encoders import PictureAlignment, _spread_and_overlap, _views_loss
from sfumato.pictures.train_classifier import BATCH
from tests.pictures.test_train import FEW, small

ALIGNED = {**FEW, "align": 0.5, "encoder_steps": 3}


@pytest.fixture
def pictures(flowers):
    return Pictures(flowers, 8)


@pytest.mark.parametrize(
    ("size", "places"),
    [((8, 8), (4, 4)), ((12, 12), (6, 6)), ((28, 28), (7, 7)), ((64, 48), (8, 6)), ((31, 9), (8, 3))],
)
def test_the_map_has_at_most_eight_places_a_side(size, places):
    encoder = PictureEncoder(EncoderConfig(3, size, (4,))).eval()
    assert encoder.features(torch.zeros(2, 3, *size)).shape == (2, 128, *places)
    assert encoder(torch.zeros(2, 3, *size)).shape == (2, 4)


def alignment(tmp_path, drawn, classes, steps=30):
    config = EncoderConfig(3, (8, 8), classes)
    return PictureAlignment("network.enter", tmp_path / "encoder.safetensors", config, drawn, steps, 0)


def sides(source):
    """Two labels each: which half is bright, and of which colour."""
    side, colour = torch.randint(2, (2, BATCH), generator=source)
    x = 0.1 * torch.randn(BATCH, 3, 8, 8, generator=source) - 0.5
    for row in range(BATCH):
        x[row, int(colour[row]), :, 4 * int(side[row]) : 4 * int(side[row]) + 4] += 1
    return x, [side, colour]


def test_with_labels_it_tells_them_apart_and_its_map_is_about_nothing_in_the_mean(tmp_path):
    made = alignment(tmp_path, sides, (2, 2))
    encoder, worth = made.train("fp32")
    assert worth["encoder/accuracy"] > 0.95
    made.write(encoder)
    features = made.read().features(sides(torch.Generator().manual_seed(99))[0])
    plain = features + made.read().centre[:, None, None]
    assert float(features.mean(dim=(0, 2, 3)).abs().max()) < 0.3 * float(plain.mean(dim=(0, 2, 3)).abs().max())
    assert "told apart by their labels" in read_tensors(made.path).metadata["note"]


def test_without_labels_views_of_one_picture_come_nearer_than_those_of_two(tmp_path):
    torch.manual_seed(0)
    kinds = torch.nn.functional.interpolate(torch.randn(16, 3, 3, 3), (8, 8), mode="bilinear")

    def drawn(source):
        return kinds[torch.randint(16, (BATCH,), generator=source)].clone(), []

    made = alignment(tmp_path, drawn, (), steps=40)
    encoder, worth = made.train("fp32")
    assert worth == {}
    one, other = (encoder.eval()(view) for view in made._views(7777, slice(None)))
    order = torch.cdist(one, other)
    own, others = float(order.diagonal().mean()), float(order.mean())
    assert own < 0.7 * others


def test_grey_pictures_without_labels_are_learned_from_too(flowers, tmp_path):
    grey = Pictures(flowers, 8, labels="none", channels=1)
    network = UNet(8, (), 1, width=16, blocks=1)
    model = train(Diffusion(network, FlowSchedule(), "velocity"), grey, tmp_path / "run", **ALIGNED)
    assert "known as one" in read_tensors(tmp_path / "run" / "encoder.safetensors").metadata["note"]
    assert model.sample(1, steps=2).shape == (1, 1, 8, 8)


def test_the_loss_of_views_is_the_papers():
    """By hand, for two numbers each of three pictures."""
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0]])
    narrow, overlap = _spread_and_overlap(z)
    # Deviations 1 and sqrt(3), covariance of 0 between them: means 0 and 1, products 0 * -1 each and 0 * 2.
    assert float(narrow) == pytest.approx((1 - (1 + 1e-4) ** 0.5) * 0.0, abs=1e-6)
    assert float(overlap) == pytest.approx(0, abs=1e-6)
    flat = torch.tensor([[0.1, 0.1], [-0.1, -0.1], [0.0, 0.0]])
    narrow, overlap = _spread_and_overlap(flat)
    assert float(narrow) == pytest.approx(1 - (0.01 + 1e-4) ** 0.5, abs=1e-6)
    assert float(overlap) == pytest.approx(2 * 0.01**2 / 2, abs=1e-9)
    shifted = _views_loss(torch.nn.Flatten(), [z[:, :, None, None], (z + 2)[:, :, None, None]])
    assert shifted.shape == (3,)
    assert float(shifted[0]) == pytest.approx(25 * 4, abs=1e-4)


def test_a_run_leaves_the_model_alone_and_its_encoder_beside_it(pictures, tmp_path):
    train(small(pictures), pictures, tmp_path / "plain", **FEW)
    model = train(small(pictures), pictures, tmp_path / "run", **ALIGNED)
    plain, got = (read_safetensors(tmp_path / name / "model.safetensors")[0] for name in ("plain", "run"))
    assert set(plain) == set(got) and any(not torch.equal(value, got[key]) for key, value in plain.items())
    assert not [name for name, _ in model.named_modules() if "projection" in name]
    assert model.network.down[0][0]._forward_hooks == {} and model.weak is None
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[0]["step"] == 0 and set(lines[0]) == {"step", "seconds", "encoder/accuracy"}
    assert all(line["seconds"] >= lines[0]["seconds"] > 0 for line in lines[1:])


def test_the_weak_network_of_an_aligned_run_is_a_model_as_the_finished_one_is(pictures, tmp_path):
    model = train(small(pictures), pictures, tmp_path / "run", **ALIGNED, weak_at=6)
    state = read_safetensors(tmp_path / "run" / "state-00000024.safetensors")[0]
    for one, prefix in ((model, "ema.model."), (model.weak, "kept.model.")):
        assert one.network.down[0][0]._forward_hooks == {}
        for key, value in one.network.state_dict().items():
            assert torch.equal(value, state[f"{prefix}network.{key}"]), key


def test_an_encoder_that_is_given_is_used_as_it_is(pictures, tmp_path):
    first = train(small(pictures), pictures, tmp_path / "one", **ALIGNED)
    kept = tmp_path / "one" / "encoder.safetensors"
    other = train(small(pictures), pictures, tmp_path / "two", **{**ALIGNED, "encoder_steps": 99}, encoder=kept)
    for key, value in first.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
    assert not (tmp_path / "two" / "encoder.safetensors").exists()


@pytest.mark.parametrize("interrupted", ["encoder", "steps"])
def test_interrupted_it_ends_with_the_same_bits(pictures, tmp_path, monkeypatch, interrupted):
    whole = train(small(pictures), pictures, tmp_path / "whole", **ALIGNED)
    run = tmp_path / "run"
    if interrupted == "encoder":
        with monkeypatch.context() as broken:

            def stop(self, encoder):
                raise KeyboardInterrupt

            broken.setattr(PictureAlignment, "write", stop)
            with pytest.raises(KeyboardInterrupt):
                train(small(pictures), pictures, run, **ALIGNED)
    else:
        train(small(pictures), pictures, run, **ALIGNED)
        for name in ("model.safetensors", "state-00000024.safetensors"):
            (run / name).unlink()
    again = train(small(pictures), pictures, run, **ALIGNED)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_what_would_do_nothing_is_refused(flowers, tmp_path, capsys):
    typed = ["pictures", "train", str(flowers), str(tmp_path / "run"), "--size", "8"]
    for more in (["--encoder", "file"], ["--align-block", "enter"]):
        assert main([*typed, *more]) == 2
        assert f"{' '.join(more)}: does nothing without alignment" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_aligned_is_refused_in_one_line(pictures, flowers, tmp_path, capsys):
    typed = ["pictures", "train", str(flowers), str(tmp_path / "run"), "--size", "8", "--width", "8", "--align", "0.5"]
    typed += ["--steps", "2", "--batch-size", "2", "--encoder-steps", "1", "--precision", "fp32"]
    assert main([*typed, "--align-block", "nowhere"]) == 2
    assert "--align-block: there is no block 'nowhere' in the network; there are time," in capsys.readouterr().err
    assert main([*typed, "--encoder", str(flowers)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    torch.manual_seed(0)
    wrong = PictureAlignment("", tmp_path / "other.safetensors", EncoderConfig(1, (8, 8)), None, 1, 0)
    wrong.write(PictureEncoder(wrong.config))
    assert main([*typed, "--encoder", str(wrong.path)]) == 2
    assert "is of pictures {'channels': 1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_two_processes_train_one_encoder_and_are_both_aligned_to_it(pictures, flowers, tmp_path, on_two_processes):
    """One process that is given the encoder that they left comes to their weights, but for rounding."""
    on_two_processes("-m", "tests.pictures.test_encoders", flowers, tmp_path / "shared")
    kept = tmp_path / "shared" / "encoder.safetensors"
    train(small(pictures), pictures, tmp_path / "alone", **ALIGNED, encoder=kept)
    shared, alone = (read_safetensors(tmp_path / name / "model.safetensors")[0] for name in ("shared", "alone"))
    for key, value in alone.items():
        assert torch.allclose(value.float(), shared[key].float(), atol=0.02), key


if __name__ == "__main__":
    train(small(Pictures(sys.argv[1], 8)), Pictures(sys.argv[1], 8), Path(sys.argv[2]), **ALIGNED)
