"""Our scores are the course's grader's, in every environment."""

import json

import pytest
import transformers

import sfumato.concepts.evaluate
import sfumato.images.listing
from sfumato.clip import SHIPPED
from sfumato.clip_pixels import Preparation
from sfumato.concepts.evaluate import EvaluateOptions, evaluate
from sfumato.images import open_picture
from tests.concepts.grader import graded
from tests.reference.graded_cases import PHOTOS, write_course

CLOSE = 0.01


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def kept(reference):
    """What the grader said in the course's environment, prompt by prompt."""
    return [one for prompts in json.loads((reference / "graded.json").read_text()).values() for one in prompts]


def ours(course, to):
    with pytest.warns(UserWarning, match="left out not-read.webp"):
        return evaluate(EvaluateOptions(course[0], PHOTOS, course[1], json=to / "scores.json"))


def apart(found, wanted):
    """The largest difference of a score."""
    pairs = [(one.image - told["image"], one.text - told["text"]) for one, told in zip(found, wanted)]
    return max(abs(number) for pair in pairs for number in pair)


def test_ours_are_the_graders_numbers(course, kept, tmp_path):
    found = ours(course, tmp_path)
    assert len(found) == len(kept) == 3
    assert apart(found, kept) < CLOSE
    assert [one.best for one in found] == [told["best"] for told in kept]
    assert [one.passed for one in found] == [told["passed"] for told in kept]
    assert len({one.passed for one in found}) == 2


@pytest.mark.skipif(transformers.__version__ != "4.19.2", reason="the course's environment alone")
def test_the_grader_says_today_what_was_kept(course, kept):
    said = [one for prompts in graded(*course, PHOTOS, SHIPPED).values() for one in prompts]
    for one, told in zip(said, kept):
        assert (one["best"], one["passed"]) == (told["best"], told["passed"])
        assert one["image"] == pytest.approx(told["image"], abs=CLOSE / 10)
        assert one["text"] == pytest.approx(told["text"], abs=CLOSE / 10)


def one_pixel_beside(preparation, picture):
    height, width = preparation.crop
    top, left = (picture.height - height) // 2, (picture.width - width) // 2
    return picture.crop((left, top, left + width, top + height))


@pytest.mark.parametrize(
    ("place", "name", "other"),
    [
        (Preparation, "_cropped", one_pixel_beside),
        (sfumato.concepts.evaluate, "graders_picture", open_picture),
        (sfumato.images.listing, "_GRADED", (".png", ".jpg", ".jpeg", ".bmp", ".webp")),
    ],
    ids=["later crops", "turned and on white", "other files"],
)
def test_what_the_grader_does_otherwise_would_show(course, kept, tmp_path, monkeypatch, place, name, other):
    monkeypatch.setattr(place, name, other)
    with pytest.warns(UserWarning, match="left out"):
        found = evaluate(EvaluateOptions(course[0], PHOTOS, course[1], json=tmp_path / "scores.json"))
    assert apart(found, kept) > 10 * CLOSE
