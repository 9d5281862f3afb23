"""The model as one noun: what it learns, samples, saves and loads."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

pytest.importorskip("safetensors")

from sfumato.checkpoints import write_safetensors
from sfumato.diffusion import (
    SCHEDULES,
    CosineSchedule,
    EDMSchedule,
    FlowSchedule,
    LinearSchedule,
    NetworkDenoiser,
    TableSchedule,
    make_loss,
    make_schedule,
    stratified_times,
    training_loss,
)
from sfumato.errors import UserError
from sfumato.model import Diffusion
from sfumato.models.digit_unet import DigitUNet, DigitUNetConfig
from sfumato.models.unet import UNet

TINY = DigitUNetConfig(classes=3, width=8, inner_width=8, blocks=1, inner_blocks=1, embedding=8)


class Known(nn.Module):
    """Answers the velocity that leads to each label's own grey; the null label leads to black."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule, self.weight = schedule, nn.Parameter(torch.ones(1))

    def forward(self, x, t, label):
        time = t.double() / 1000
        signal, noise = self.schedule.signal_noise(time, x)
        x0 = torch.tensor([-0.5, 0.1, 0.6, -1.0])[label].to(x)[:, None, None, None] * self.weight
        return (x - signal * x0) / noise - x0


@pytest.fixture
def flow():
    return Diffusion(Known(FlowSchedule()), FlowSchedule(), "velocity", shape=(1, 2, 2), classes=("a", "b", "c"))


class KnownPair(Known):
    """Grey by the first label and by the second; both left open are black."""

    def forward(self, x, t, kind, colour):
        time = t.double() / 1000
        signal, noise = self.schedule.signal_noise(time, x)
        grey = torch.tensor([0.0, 0.4, -0.5])[kind] + torch.tensor([0.1, 0.2, 0.3, -0.5])[colour]
        return (x - signal * grey.to(x)[:, None, None, None]) / noise - grey.to(x)[:, None, None, None]


@pytest.fixture
def pair():
    classes = (("a", "b"), ("red", "green", "blue"))
    return Diffusion(KnownPair(FlowSchedule()), FlowSchedule(), "velocity", shape=(1, 2, 2), classes=classes)


def tiny(schedule=None, predicts="v", **told):
    torch.manual_seed(0)
    network = DigitUNet(TINY)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    told = {"shape": (3, 28, 28), "classes": ("a", "b", "c"), **told}
    return Diffusion(network, schedule or CosineSchedule(), predicts, **told)


def test_its_forward_is_the_loss_of_each_picture():
    model = tiny(loss="min-snr")
    x0, eps, label = torch.randn(4, 3, 28, 28), torch.randn(4, 3, 28, 28), torch.tensor([0, 1, 2, 3])
    t = stratified_times(model.schedule, 4)
    wanted = training_loss(
        NetworkDenoiser(model.network, model.schedule, "v", (label,)), x0, t, eps, make_loss("min-snr")
    )
    assert torch.equal(model(x0, t, eps, label), wanted)
    assert wanted.shape == (4,)


def test_it_paints_what_a_label_says_by_name_and_by_number(flow):
    for label, grey in (("c", 0.6), (1, 0.1), (None, -1.0)):
        assert torch.allclose(flow.sample(2, label, steps=3), torch.full((2, 1, 2, 2), grey), atol=1e-5)
    each = flow.sample(3, ["a", 2, "b"], steps=2)
    assert torch.allclose(each[:, 0, 0, 0], torch.tensor([-0.5, 0.6, 0.1]), atol=1e-5)


def test_guidance_leads_away_from_the_null_label_and_from_a_weaker_model(flow):
    """x0 = c + (s - 1) (c - u) + (w - 1) (c - weak), here of known greys; nothing is clamped away."""
    weak = Diffusion(Known(FlowSchedule()), FlowSchedule(), "velocity", shape=(1, 2, 2), classes=("a", "b", "c"))
    weak.network.weight.data.fill_(0.5)
    flow.clamp = False
    guided = flow.sample(1, "b", steps=2, guidance_scale=1.5)
    assert float(guided.mean()) == pytest.approx(0.1 + 0.5 * (0.1 + 1.0), abs=1e-5)
    both = flow.sample(1, "b", steps=2, guidance_scale=1.5, weak=weak, weak_scale=3.0)
    assert float(both.mean()) == pytest.approx(0.65 + 2 * (0.1 - 0.05), abs=1e-5)


def test_labels_of_several_conditions_are_told_together_and_each_may_be_left_open(pair):
    for label, grey in ((("b", "red"), 0.5), ((1, 2), 0.7), (("a", None), -0.5), ((None, "blue"), -0.2), (None, -1.0)):
        assert torch.allclose(pair.sample(2, label, steps=3), torch.full((2, 1, 2, 2), grey), atol=1e-5)
    each = pair.sample(2, [("a", "red"), ("b", "blue")], steps=2, batch_size=1)
    assert torch.allclose(each[:, 0, 0, 0], torch.tensor([0.1, 0.7]), atol=1e-5)
    # x0 = c + (s - 1) (c - u), where u has both left open.
    guided = pair.sample(1, ("a", "green"), steps=2, guidance_scale=1.5)
    assert float(guided.mean()) == pytest.approx(0.2 + 0.5 * (0.2 + 1.0), abs=1e-5)


def test_a_picture_is_the_same_in_any_batch():
    model = tiny()
    together = model.sample(5, "b", steps=4, guidance_scale=2.0, seed=7)
    parts = model.sample(5, "b", steps=4, guidance_scale=2.0, seed=7, batch_size=2)
    assert (together - parts).abs().max() < 1 / 255
    assert not torch.equal(together[:1], model.sample(1, "b", steps=4, guidance_scale=2.0, seed=8))


def test_sampling_leaves_the_model_as_it_was_and_keeps_no_graph():
    model = tiny().train()
    assert not model.sample(1, "a", steps=2).requires_grad
    assert model.network.training


@pytest.mark.parametrize(
    ("schedule", "predicts"),
    [
        *[(make_schedule(name), "velocity") for name in SCHEDULES],
        (EDMSchedule(0.01, 50.0), "edm"),
        (TableSchedule(LinearSchedule().alpha_bar[::2]), "eps"),
    ],
)
def test_it_is_saved_with_all_that_makes_it_paint(tmp_path, schedule, predicts):
    model = tiny(schedule, predicts, null=2, sigma_data=0.7, loss="edm", clamp=False)
    model.save(tmp_path / "m.safetensors", dtype=torch.float32, note="by a test")
    got = Diffusion.load(tmp_path / "m.safetensors")
    names = ("schedule", "predicts", "shape", "classes", "null", "sigma_data", "loss", "clamp")
    assert all(getattr(got, name) == getattr(model, name) for name in names)
    assert not any(one.requires_grad for one in got.parameters())
    assert torch.equal(got.sample(1, "a", steps=3), model.sample(1, "a", steps=3))


def test_several_conditions_are_saved_with_their_names(tmp_path, pair):
    classes = (("a", "b"), ("red", "green", "blue"))
    torch.manual_seed(0)
    model = Diffusion(UNet(8, classes, width=8, blocks=1), FlowSchedule(), "velocity")
    assert model.classes == classes and model.null == (2, 3)
    model.save(tmp_path / "m.safetensors", dtype=torch.float32)
    got = Diffusion.load(tmp_path / "m.safetensors")
    assert got.classes == classes and got.null == (2, 3) and got.network.config.classes == (2, 3)
    label = ("b", "green")
    assert torch.equal(got.sample(1, label, 3, 2.0), model.sample(1, label, 3, 2.0))
    pair.save(tmp_path / "own.safetensors", dtype=torch.float32)
    got = Diffusion.load(tmp_path / "own.safetensors", KnownPair(FlowSchedule()))
    assert torch.equal(got.sample(1, label, steps=2), pair.sample(1, label, steps=2))


def test_a_network_of_ones_own_takes_its_weights_back(tmp_path, flow):
    flow.network.weight.data.fill_(0.25)
    flow.save(tmp_path / "own.safetensors", dtype=torch.float32)
    with pytest.raises(UserError, match=r"own.safetensors: holds weights of a network of one's own"):
        Diffusion.load(tmp_path / "own.safetensors")
    got = Diffusion.load(tmp_path / "own.safetensors", Known(FlowSchedule()))
    assert torch.equal(got.sample(1, "c", steps=2), flow.sample(1, "c", steps=2))


def weaker(schedule=None, predicts="v", **told):
    """A model of the same pictures with other weights, in a smaller network."""
    torch.manual_seed(1)
    network = DigitUNet(DigitUNetConfig(classes=3, width=8, inner_width=8, blocks=1, inner_blocks=1, embedding=16))
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    told = {"shape": (3, 28, 28), "classes": ("a", "b", "c"), **told}
    return Diffusion(network, schedule or CosineSchedule(), predicts, **told)


def test_the_weak_network_lies_in_the_same_file_and_guides_when_it_is_asked_to(tmp_path):
    """Of another shape and prediction than the model's; the weights under the model's names are the model's."""
    model, path = tiny(), tmp_path / "m.safetensors"
    model.with_weak(weaker(predicts="eps", clamp=False)).save(path, dtype=torch.float32)
    got = Diffusion.load(path)
    assert (got.weak.predicts, got.weak.network.config.embedding, got.predicts) == ("eps", 16, "v")
    assert not got.training and not got.weak.training and not any(one.requires_grad for one in got.parameters())
    for mine, theirs in ((model, got), (model.weak, got.weak)):
        expected, found = mine.network.state_dict(), theirs.network.state_dict()
        assert list(expected) == list(found) and all(torch.equal(expected[key], found[key]) for key in expected)
    asked = {"steps": 3, "guidance_scale": 2.0, "weak_scale": 1.5, "weak_interval": (100, 800)}
    guided = got.sample(2, "a", **asked)
    assert torch.equal(guided, model.sample(2, "a", **asked))
    assert torch.equal(guided, tiny().sample(2, "a", weak=weaker(predicts="eps"), **asked))
    unguided = got.sample(2, "a", steps=3, guidance_scale=2.0)
    assert torch.equal(unguided, tiny().sample(2, "a", steps=3, guidance_scale=2.0))
    assert not torch.equal(unguided, guided)
    got.save(tmp_path / "again.safetensors", dtype=torch.float32)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    got.with_weak(None).save(tmp_path / "alone.safetensors", dtype=torch.float32)
    tiny().save(tmp_path / "never.safetensors", dtype=torch.float32)
    assert (tmp_path / "alone.safetensors").read_bytes() == (tmp_path / "never.safetensors").read_bytes()


def test_a_weak_network_of_ones_own_takes_its_weights_back_too(tmp_path, flow):
    weak = Diffusion(Known(FlowSchedule()), FlowSchedule(), "velocity", shape=(1, 2, 2), classes=("a", "b", "c"))
    weak.network.weight.data.fill_(0.5)
    flow.with_weak(weak).save(tmp_path / "own.safetensors", dtype=torch.float32)
    got = Diffusion.load(tmp_path / "own.safetensors", Known(FlowSchedule()))
    assert float(got.network.weight) == 1.0 and float(got.weak.network.weight) == 0.5


class Clash(Known):
    """A network with a part called weak."""

    def __init__(self, schedule):
        super().__init__(schedule)
        self.weak = nn.Linear(1, 1)


def test_a_network_whose_own_weights_are_called_weak_is_saved_alone_and_not_with_a_weak_one(tmp_path):
    told = {"shape": (1, 2, 2), "classes": ("a", "b", "c")}
    model = Diffusion(Clash(FlowSchedule()), FlowSchedule(), "velocity", **told)
    model.save(tmp_path / "m.safetensors")
    assert "weak.weight" in Diffusion.load(tmp_path / "m.safetensors", Clash(FlowSchedule())).network.state_dict()
    model.with_weak(Diffusion(Known(FlowSchedule()), FlowSchedule(), "velocity", **told))
    with pytest.raises(ValueError, match=r"weights called weak.weight cannot be saved with a weak one"):
        model.save(tmp_path / "m.safetensors")


def test_files_whose_weak_network_cannot_be_used_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    tiny().with_weak(weaker()).save(path)
    from sfumato.checkpoints import read_safetensors

    tensors, metadata = read_safetensors(path)
    told = json.loads(metadata["weak"])
    lost = next(key for key in tensors if key.startswith("weak."))
    some = {key: value for key, value in tensors.items() if key != lost}
    for kept, weak, words in (
        (tensors, "{", "its description of the model is damaged"),
        (tensors, json.dumps({**told, "schedule": {"name": "flow"}}), "v is defined where"),
        (tensors, json.dumps({**told, "predicts": "eps", "schedule": {"name": "linear"}}), "must have the schedule"),
        (tensors, json.dumps({**told, "classes": ["a", "b", "d"]}), "must have the classes"),
        (tensors, json.dumps({**told, "network": ""}), "a network of one's own"),
        (tensors, json.dumps({**told, "config": {**told["config"], "blocks": 10**9}}), "far larger than the weights"),
        (some, json.dumps(told), "is not the weak network of the diffusion model: it lacks"),
        ({**tensors, "weak.umber": torch.zeros(1)}, json.dumps(told), "it has the unknown umber"),
    ):
        write_safetensors(path, kept, {**metadata, "weak": weak})
        with pytest.raises(UserError, match=f"^{path}: .*{words}"):
            Diffusion.load(path)
    # Without a description they are no part of the model.
    write_safetensors(path, tensors, {key: value for key, value in metadata.items() if key != "weak"})
    with pytest.raises(UserError, match="it has the unknown weak"):
        Diffusion.load(path)


def test_files_that_this_version_does_not_know_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    tiny().save(path)
    from sfumato.checkpoints import read_safetensors

    tensors, metadata = read_safetensors(path)
    told = json.loads(metadata["model"])
    for change, words in (
        ({"schedule": {"name": "sigmoid"}}, "unknown schedule 'sigmoid'"),
        ({"predicts": "score"}, "unknown prediction 'score'"),
        ({"loss": "p2"}, "unknown loss 'p2'"),
        ({"later": 1}, "does not know"),
        ({"classes": [["a", "b"], []]}, "does not know"),
        ({"classes": [[["a"]], ["b"]]}, "does not know"),
        ({"classes": ["a", ["b", "c"]]}, "does not know"),
        ({"classes": [["a", "b"], ["c"]], "null": 2}, "2 conditions have as many nulls"),
        ({"classes": 3}, "does not know"),
        ({"config": {**told["config"], "blocks": 10**9}}, "far larger than the weights in it"),
        ({"config": {"width": "x"}}, "its description of the diffusion model is damaged"),
        ({"config": 3}, "its description of the model is damaged"),
    ):
        write_safetensors(path, tensors, {**metadata, "model": json.dumps({**told, **change})})
        with pytest.raises(UserError, match=words):
            Diffusion.load(path)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.sample(1, "d"), "unknown label 'd'; choose one of a, b, c"),
        (lambda m: m.sample(1, 3), "unknown label 3"),
        (lambda m: m.sample(2, ["a"]), "2 pictures need one label, or 2; got 1"),
        (lambda m: m.sample(0, "a"), "count and batch_size must be at least 1"),
        (lambda m: m.sample(1, "a", sampler="unipcc"), "did you mean 'unipc'"),
        (lambda m: m.sample(1, "a", sampler="dpm-2m"), "divides by the signal"),
        (lambda m: m.sample(1, "a", spacing="trailing"), "unknown spacing"),
        (lambda m: m.sample(1, "a", churn=3.0), "churn belongs to edm"),
        (lambda m: Diffusion(m.network, FlowSchedule(), "v"), "v is defined where"),
        (lambda m: Diffusion(m.network, FlowSchedule(), "velocity", loss="p2"), "unknown loss 'p2'"),
        (lambda m: Diffusion(m.network, FlowSchedule(), "velocity").sample(1), "does not know its pictures' shape"),
        (
            lambda m: Diffusion(m.network, FlowSchedule(), "velocity", shape=(1, 2, 2)).sample(1, guidance_scale=2.0),
            "guidance needs one label a picture",
        ),
        (lambda m: m.denoiser(torch.zeros(1).long(), weak=tiny()), "different schedules"),
        (lambda m: m.sample(1, "a", weak_scale=2.0), "has no weak network to be guided by"),
        (lambda m: m.with_weak(tiny()), "a weak network must have the schedule of the model"),
        (
            lambda m: m.with_weak(Diffusion(m.network, FlowSchedule(), "velocity", shape=(1, 2, 3))),
            r"must have the shape of the model, \(1, 2, 2\); it has \(1, 2, 3\)",
        ),
        (
            lambda m: m.with_weak(Diffusion(m.network, FlowSchedule(), "velocity", shape=(1, 2, 2), classes=("a",))),
            "must have the classes of the model",
        ),
        (lambda m: Diffusion(m.network, FlowSchedule(), "velocity", shape=(1, 2, 2)).sample(1, "a"), "has no labels"),
    ],
)
def test_what_cannot_be_is_refused(flow, call, words):
    with pytest.raises(ValueError, match=words):
        call(flow)


def test_the_public_names_come_lazily():
    """`import sfumato` imports no torch; every name of the list is there."""
    program = (
        "import sys, sfumato; assert 'torch' not in sys.modules;"
        "names = [n for n in dir(sfumato) if not n.startswith('_')];"
        "assert {'Diffusion', 'FlowSchedule', 'SAMPLERS', 'sample'} <= set(names);"
        "[getattr(sfumato, n) for n in names]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
