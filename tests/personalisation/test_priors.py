"""Prior pictures: painted, gone on with, read back with their prompts, and refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.concepts.painting import Sampling, encoded, paint
from sfumato.concepts.telling import WORDS
from sfumato.diffusion import seed_of
from sfumato.errors import UserError
from sfumato.images import note_in
from sfumato.models.stable_diffusion.tokenizer import Tokenizer
from sfumato.personalisation.priors import (
    SMALL_PROMPTS,
    Priors,
    paint_priors,
    prior_hashes,
    prior_prompts,
    read_priors,
)
from sfumato.stable_diffusion import StableDiffusion
from tests.concepts.conftest import checkpoint, state

__all__ = ["checkpoint", "state"]

FEW = Sampling(steps=2)
PROMPTS = ("a photo of a dog", "a red house", "there is a tree")


@pytest.fixture(scope="module")
def model(checkpoint):
    return StableDiffusion.load(checkpoint)


@pytest.fixture(scope="module")
def painted(model, tmp_path_factory):
    """(folder, what came of it): seven pictures of three prompts."""
    folder = tmp_path_factory.mktemp("run") / "prior"
    return folder, paint_priors(model, PROMPTS, folder, 7, seed=5, sampling=FEW, batch_size=3)


def pixels(priors):
    return [np.asarray(picture) for picture in priors.pictures]


def test_each_picture_is_what_the_model_paints_for_its_prompt_and_seed(model, painted):
    folder, priors = painted
    assert priors.prompts == (*PROMPTS, *PROMPTS, PROMPTS[0])
    for number, (prompt, picture) in enumerate(zip(priors.prompts, pixels(priors))):
        seeds = [seed_of(5, "prior", prompt, number // 3)]
        alone = paint(model, encoded(model, [prompt]), encoded(model, [""])[:, 0], seeds, FEW)[0].numpy()
        assert abs(alone.astype(int) - picture).max() <= 1
        note = note_in(folder / f"{number:04d}.png")
        assert (note["prompt"], note["seed"], note["checkpoint"]) == (prompt, seeds[0], model.name)


def test_an_interrupted_painting_goes_on_to_the_same_bytes(model, painted, tmp_path):
    folder, priors = painted
    there = tmp_path / "prior"
    shutil.copytree(folder, there)
    times = {}
    for number in range(7):
        path = there / f"{number:04d}.png"
        if number in (2, 6):
            path.unlink()
        else:
            times[path] = path.stat().st_mtime_ns
    again = paint_priors(model, PROMPTS, there, 7, seed=5, sampling=FEW, batch_size=1)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert all(abs(one.astype(int) - other).max() <= 1 for one, other in zip(pixels(again), pixels(priors)))
    assert again.prompts == priors.prompts


def test_more_pictures_begin_with_those_that_are_there_and_fewer_leave_the_others_out(model, painted, tmp_path):
    folder, priors = painted
    there = tmp_path / "prior"
    shutil.copytree(folder, there)
    before = {path: path.stat().st_mtime_ns for path in there.glob("*.png")}
    more = paint_priors(model, PROMPTS, there, 8, seed=5, sampling=FEW)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert all(map(np.array_equal, pixels(more), pixels(priors))) and more.prompts[7] == PROMPTS[1]
    fewer = paint_priors(model, PROMPTS, there, 3, seed=5, sampling=FEW)
    assert all(map(np.array_equal, pixels(fewer), pixels(priors))) and len(fewer.pictures) == 3


def test_what_other_settings_made_is_not_mixed_in(model, painted):
    folder, _ = painted
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for prompts, seed in ((PROMPTS[:2], 5), (PROMPTS, 6)):
        with pytest.raises(UserError, match="another"):
            paint_priors(model, prompts, folder, 7, seed=seed, sampling=FEW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_nothing_that_was_learned_is_in_a_prior_picture(model, tmp_path):
    words = dict(model.words)
    model.words["<dog>"] = torch.zeros(1, 64)
    try:
        for prompt in ("a <dog> in a house", "a <cat> in a house"):
            with pytest.raises(UserError, match=f"{prompt.split()[1]} is no plain word"):
                paint_priors(model, (prompt,), tmp_path / "prior", 1, sampling=FEW)
        assert not (tmp_path / "prior").exists()
    finally:
        model.words = words


def test_a_prompt_without_pictures_is_refused_before_any_is_painted(model, tmp_path):
    with pytest.raises(UserError, match=r"1 prior prompt\(s\) without a picture, such as 'there is a tree'"):
        paint_priors(model, PROMPTS, tmp_path / "prior", 2, sampling=FEW)
    assert not (tmp_path / "prior").exists()


def test_painted_pictures_are_read_back_from_a_folder_to_the_bit(painted):
    folder, priors = painted
    read = read_priors(folder, prompts=PROMPTS)
    assert all(map(np.array_equal, pixels(read), pixels(priors))) and read.prompts == priors.prompts
    assert prior_hashes(read) == prior_hashes(priors)
    assert prior_hashes(Priors(read.pictures[::-1], read.prompts[::-1])) != prior_hashes(read)
    assert prior_hashes(Priors(read.pictures, ("a cat", *read.prompts[1:]))) != prior_hashes(read)
    crops = read.crops(16)
    assert crops.dtype == torch.uint8
    assert all(np.array_equal(crop.permute(1, 2, 0).numpy(), one) for crop, one in zip(crops, pixels(read)))


def own_folder(folder):
    (folder / "more").mkdir(parents=True)
    for name, level in (("a.png", 10), ("b.jpg", 200), ("more/c.png", 90)):
        Image.new("RGB", (24, 20), (level,) * 3).save(folder / name)
    return folder


def test_a_users_own_pictures_take_the_place_of_painted_ones(tmp_path):
    folder = own_folder(tmp_path / "own")
    captions = {folder / "a.png": "a dog", folder / "b.jpg": "a cat", folder / "more" / "c.png": "a dog"}
    read = read_priors(folder, captions, ("a dog", "a cat"))
    assert dict(zip(read.prompts, (int(one[0, 0, 0]) // 10 * 10 for one in pixels(read)))) == {
        "a dog": 90,
        "a cat": 200,
    }
    assert read.prompts == ("a dog", "a cat", "a dog")
    assert read.crops(10).shape == (3, 3, 10, 10) and read.crops(10)[:, 0, 5, 5].tolist()[::2] == [10, 90]


@pytest.mark.parametrize(
    ("captions", "prompts", "words"),
    [
        (["a.png", "b.jpg"], (), "nothing says what more/c.png shows"),
        (
            ["a.png", "b.jpg", "more/c.png"],
            ("a dog", "a cow"),
            r"1 prior prompt\(s\) without a picture, such as 'a cow'",
        ),
    ],
)
def test_a_picture_without_caption_and_a_prompt_without_pictures_are_refused(tmp_path, captions, prompts, words):
    folder = own_folder(tmp_path / "own")
    with pytest.raises(UserError, match=words) as refused:
        read_priors(folder, {folder / name: "a dog" for name in captions}, prompts)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_priors(tmp_path / "none")
    with pytest.raises(UserError, match="holds no prior picture"):
        read_priors(tmp_path)


def test_prompts_are_the_users_or_the_templates_with_plain_words_or_the_small_worlds():
    templates = ("a photo of a {}", "a {}", "a photo of a {}")
    assert prior_prompts((), templates, "dog", small=False) == ("a photo of a dog", "a dog")
    assert prior_prompts((), templates, "digit", small=True) == SMALL_PROMPTS
    assert prior_prompts(("a cat", "a cat"), templates, "dog", small=True) == ("a cat",)
    for empty in ("", "  ", "a \0"):
        with pytest.raises(UserError, match="is no prompt"):
            prior_prompts((empty,), templates, "dog", small=False)


def test_the_small_worlds_prompts_say_every_digit_and_look_once_alone_and_once_at_each_side():
    alone, pairs = SMALL_PROMPTS[:27], SMALL_PROMPTS[27:]
    kinds = {prompt.split(" ", 1)[1] for prompt in alone}
    assert len(kinds) == 27 and len(set(pairs)) == 27
    for side in range(2):
        assert {pair.split(" next to ")[side].split(" ", 1)[1] for pair in pairs} == kinds
    mixed = [len({half.split()[1] for half in pair.split(" next to ")}) > 1 for pair in pairs]
    assert sum(mixed) == 18
    assert {word for prompt in SMALL_PROMPTS for word in prompt.split()} <= WORDS
    assert all(not Tokenizer(length=32)(prompt).cut for prompt in SMALL_PROMPTS)


def test_the_note_says_what_decides_the_pictures(painted, model):
    note = json.loads((painted[0] / "run.json").read_text())
    assert note["settings"]["prompts"] == list(PROMPTS) and note["settings"]["checkpoint"] == model.name
