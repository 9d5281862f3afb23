"""A picture that is dropped on the page sets the form that painted it."""

import json

import pytest

pytest.importorskip("tyro")

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sfumato.cli import main
from sfumato.errors import UserError
from sfumato.images import PARAMETERS, note_in
from sfumato.studio.job import OUT
from sfumato.studio.place import Place
from sfumato.studio.settings import settings_of
from sfumato.studio.tabs import FORMS

DIGITS = {
    **{"digit": "4", "dataset": "svhn", "count": "2", "seed": "11", "steps": "3", "guidance_scale": "1.25"},
    **{"guide_from": "100.5", "guide_to": "700", "sampler": "ddim", "spacing": "linspace", "eta": "0.3"},
    "precision": "fp32",
}
CONCEPTS = {
    **{"prompt": "a chalk <new1>", "negative_prompt": "a street one", "count": "1", "seed": "5", "steps": "1"},
    **{"guidance_scale": "2.5", "sampler": "ddim", "eta": "0.5", "height": "64", "width": "48", "precision": "fp32"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="module")
def digit(place):
    """The second picture that the form painted."""
    out = place.folder / "0001-digits"
    argv = FORMS["digits"].asked(DIGITS, place)
    assert main([word.replace(OUT, str(out)) for word in argv]) == 0
    return out / "svhn" / "4_002.png"


@pytest.fixture(scope="module")
def concept(place):
    out = place.folder / "0002-concepts"
    argv = FORMS["concepts"].asked(CONCEPTS, place)
    assert main([word.replace(OUT, str(out)) for word in argv]) == 0
    return next(out.rglob("*.png"))


def retold(picture, path, **changed):
    """The picture with another note; what is None is not in it."""
    note = {**note_in(picture), **changed}
    info = PngInfo()
    info.add_itxt("sfumato", json.dumps({name: value for name, value in note.items() if value is not None}))
    with Image.open(picture) as image:
        image.save(path, pnginfo=info)
    return path


def alike(values, typed):
    """Whether the form's values are those that were typed, numbers by their value."""
    return {name: _plain(value) for name, value in values.items()} == {
        name: _plain(value) for name, value in typed.items()
    }


def _plain(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def test_a_digit_gives_the_form_back(digit, place):
    found = settings_of(digit, place)
    assert (found["form"], found["missing"]) == ("digits", [])
    assert alike(found["values"], DIGITS)


def test_the_form_paints_the_picture_anew(digit, place, tmp_path):
    argv = FORMS["digits"].asked(settings_of(digit, place)["values"], place)
    assert main([word.replace(OUT, str(tmp_path)) for word in argv]) == 0
    assert (tmp_path / "svhn" / digit.name).read_bytes() == digit.read_bytes()


def test_a_prompt_gives_the_form_back(concept, place, tmp_path):
    found = settings_of(concept, place)
    assert (found["form"], found["missing"]) == ("concepts", [])
    assert {name: found["values"][name] for name in ("checkpoint", "loras")} == {"checkpoint": "", "loras": []}
    assert {**CONCEPTS, "seed": 5, "count": 1}.items() >= {
        name: found["values"][name] for name in ("prompt", "negative_prompt", "sampler", "precision", "seed", "count")
    }.items()
    argv = FORMS["concepts"].asked(found["values"], place)
    assert main([word.replace(OUT, str(tmp_path / "again")) for word in argv]) == 0
    assert next((tmp_path / "again").rglob("*.png")).read_bytes() == concept.read_bytes()


def test_what_a_note_does_not_name_is_left_out(digit, place, tmp_path):
    before = settings_of(digit, place)["values"]
    for name in ("eta", "precision", "spacing", "count"):
        note = note_in(digit)
        inside = note.get("sampling", {})
        if name in inside:
            changed = {"sampling": {one: value for one, value in inside.items() if one != name}}
        else:
            changed = {name: None}
        found = settings_of(retold(digit, tmp_path / f"{name}.png", **changed), place)
        assert found["values"] == {one: value for one, value in before.items() if one != name}, name


def test_what_a_field_does_not_take_is_left_out(digit, place, tmp_path):
    note = note_in(digit)
    for name, value in (("precision", "umber"), ("steps", [3]), ("eta", {"a": 1})):
        where = "sampling" if name in note.get("sampling", {}) else ""
        changed = {"sampling": {**note["sampling"], name: value}} if where else {name: value}
        found = settings_of(retold(digit, tmp_path / f"{name}.png", **changed), place)
        assert name not in found["values"], name


def test_a_picture_of_an_older_version_has_no_seed_of_its_run(digit, place, tmp_path):
    found = settings_of(retold(digit, tmp_path / "old.png", run_seed=None), place)
    assert "seed" not in found["values"] and len(found["missing"]) == 1
    assert found["missing"][0].startswith("the seed of its run")


def test_files_that_are_not_here_are_listed(concept, place, tmp_path):
    changed = {
        "weights": {"name": "other/dreams.safetensors", "contents": "0" * 10},
        "added": [{"name": "styles/ink.safetensors", "amount": 0.5}],
        "words": {"<new1>": {"name": "shipped"}, "<dog>": {"name": "dog.safetensors"}},
    }
    found = settings_of(retold(concept, tmp_path / "a.png", **changed), place)
    assert found["missing"] == ["the checkpoint dreams.safetensors", "the LoRA ink", "the learned word <dog>"]
    assert (found["values"]["checkpoint"], found["values"]["loras"]) == ("", [])


def test_files_that_are_here_are_chosen(concept, place, tmp_path, monkeypatch):
    from sfumato.studio import settings

    there = {
        **{"checkpoints": ["models/xl/dreams.ckpt"], "words": ["<dog>", "<new1>"]},
        "loras": [{"name": "models/ink.safetensors", "kind": "lora", "trigger": ""}],
    }
    monkeypatch.setattr(settings, "listed", lambda place: there)
    changed = {
        "weights": {"name": "other/dreams.safetensors"},
        "added": [{"name": "styles/ink.safetensors", "amount": 0.5}],
        "words": {"<dog>": {"name": "dog.safetensors"}},
    }
    found = settings_of(retold(concept, tmp_path / "a.png", **changed), place)
    assert found["missing"] == [] and found["values"]["checkpoint"] == "models/xl/dreams.ckpt"
    assert found["values"]["loras"] == [{"name": "models/ink.safetensors", "amount": 0.5}]


@pytest.mark.parametrize("rng", ["CPU", "GPU"])
def test_another_program_s_text_is_read_as_far_as_it_is_known(place, tmp_path, rng):
    info = PngInfo()
    text = "a red boat, (at sea:1.2)\nNegative prompt: people\nSteps: 20, Sampler: Euler a, Schedule type: Uniform, "
    info.add_text(PARAMETERS, f"{text}CFG scale: 6.5, Seed: 1234, Size: 512x768, Model: dreams, RNG: {rng}")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    found = settings_of(tmp_path / "a.png", place)
    assert found["form"] == "concepts"
    told = {"negative_prompt": "people", "steps": 20, "guidance_scale": 6.5, "sampler": "ddim", "spacing": "linspace"}
    told.update({"eta": 1.0, "seed": 1234, "height": 768, "width": 512, "checkpoint": "", "loras": []})
    assert {name: found["values"].get(name) for name in told} == told
    assert found["values"]["prompt"].startswith("a red boat,")
    assert "the checkpoint dreams" in found["missing"]
    assert any("RNG" in line for line in found["missing"]) == (rng == "GPU")
    assert not any(str(tmp_path) in line for line in found["missing"])


def test_a_picture_without_a_text_is_refused(place, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    for name in ("a.png", "a.jpg"):
        with pytest.raises(UserError, match="carries no text of how it was painted"):
            settings_of(tmp_path / name, place)


def test_a_text_of_another_kind_is_refused(digit, place, tmp_path):
    info = PngInfo()
    info.add_text(PARAMETERS, "a red boat")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(UserError, match="carries no text of how it was painted"):
        settings_of(tmp_path / "a.png", place)
    with pytest.raises(UserError, match="painted by `sfumato faces generate`, for which the page has no form"):
        settings_of(retold(digit, tmp_path / "b.png", command="faces generate"), place)
