"""What a walk is told of its guidance, and what of that its notes tell."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

pytest.importorskip("safetensors")

from sfumato.diffusion import CosineSchedule, LinearSchedule
from sfumato.digits.painting import Sampling as DigitSampling
from sfumato.errors import UserError
from sfumato.faces.painting import Sampling as FaceSampling
from sfumato.model import Diffusion
from sfumato.models.unet import UNet
from sfumato.pictures.generate import Sampling as PictureSampling
from sfumato.pictures.guided import Guided

PLAIN = {"sampler": "unipc", "eta": 0.0, "variance": None, "churn": None, "lower_order_final": None}
FACES = {"to_clean": False, "clamp": True, "recompute_eps": False}


@pytest.mark.parametrize(
    ("sampling", "told"),
    [
        (DigitSampling(), {"steps": 9, "spacing": "", "guidance_scale": 3.5, "guide_from": 150.0, "guide_to": 800.0}),
        (PictureSampling(), {"steps": 12, "spacing": "", "guidance_scale": 2.0}),
        (FaceSampling(), {"sampler": "ddim", "steps": 50, "spacing": "leading", **FACES}),
    ],
)
def test_notes_are_as_they_were_where_no_weak_network_guides(sampling, told):
    """To the order: pictures that lie in folders go on, and have the same bytes."""
    expected = list({**PLAIN, **told}.items())
    assert list(sampling.told().items()) == expected
    for unused in ({"weak_scale": 1.0}, {"weak_from": 20.0, "weak_to": 30.0}):
        assert list(type(sampling)(**unused).told().items()) == expected


def test_notes_tell_a_weak_network_by_what_is_in_its_file(tmp_path):
    told = [Guided(weak_scale=1.5, weak_from=3.0).told()]
    for name, content in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).write_bytes(content)
        told.append(Guided(weak_scale=1.5, weak=tmp_path / name).told())
    assert {**told[0]} == {**told[0], "weak_scale": 1.5, "weak_from": 3.0, "weak_to": None, "weak": None}
    assert told[1]["weak"]["name"] == "a" and told[1]["weak"]["contents"] != told[2]["weak"]["contents"]


class Counted(nn.Module):
    """Predicts nothing, and knows how many rows it was asked for at each time."""

    shape, classes = (1, 2, 2), ("a", "b")

    def __init__(self):
        super().__init__()
        self.none, self.asked = nn.Parameter(torch.zeros(1)), {}

    def forward(self, x, t, *label):
        for time in t.tolist():
            self.asked[time] = self.asked.get(time, 0) + 1
        return x * self.none


def test_each_guidance_costs_its_passes_in_its_own_times_alone():
    model = Diffusion(Counted(), CosineSchedule(), "v").with_weak(Diffusion(Counted(), CosineSchedule(), "v"))
    told = {"guidance_scale": 3.0, "guide_from": 300, "guide_to": 600, "weak_scale": 2.0, "weak_from": 500}
    sampling = Guided(sampler="ddim", steps=10, spacing="linspace", **told)
    label, device = torch.tensor([1]), torch.device("cpu")
    list(sampling.begun(model, (label,), [0], device))
    times = [round(time) for time in sampling.times(model.schedule)[:-1]]
    assert len(times) == 10
    assert model.network.asked == {time: 1 + (300 <= time <= 600) for time in times}
    assert model.weak.network.asked == {time: 1 for time in times if time >= 500}


def test_a_scale_that_is_not_asked_for_is_the_jobs_own_where_there_is_a_weak_network():
    class Eager(Guided):
        unasked = 1.5

    model = Diffusion(Counted(), CosineSchedule(), "v")
    assert Eager().of(model, Path("m")).weak_scale == 1.0 and Eager().guidance(model)["weak_scale"] == 1.0
    model.with_weak(Diffusion(Counted(), CosineSchedule(), "v"))
    assert Eager().of(model, Path("m")).weak_scale == 1.5 and Eager().guidance(model)["weak_scale"] == 1.5
    assert Guided().of(model, Path("m")).weak_scale == 1.0 and Eager(weak_scale=1.0).guidance(model)["weak_scale"] == 1
    assert Guided(weak_from=3).guidance(model)["weak_interval"] == (3, math.inf)


def test_a_file_of_another_model_is_no_weak_network(tmp_path):
    torch.manual_seed(0)
    model = Diffusion(UNet(8, width=8, blocks=1), LinearSchedule(), "eps")
    other = Diffusion(UNet(16, width=8, blocks=1), LinearSchedule(), "eps")
    other.save(tmp_path / "other.safetensors")
    asked = Guided(weak_scale=2.0, weak=tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other.safetensors: a weak network must have the shape of the model, \(3, 8"):
        asked.of(model, Path("m"))
    assert model.weak is None
