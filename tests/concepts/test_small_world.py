"""The Stable Diffusion that ships: it paints what prompts name, and its words are its own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.additions import FEW_PASSES, read_given
from sfumato.checkpoints import Embedding, write_embedding
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling, encoded, paint
from sfumato.concepts.telling import SMALL
from sfumato.concepts.words import shipped_words
from sfumato.converting import ConvertOptions, convert
from sfumato.personalisation.files import write_learned
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion
from sfumato.world.evaluate import Asked, judged
from sfumato.world.judge import SceneJudge
from sfumato.world.scenes import LOOKS, UNNAMED_DIGIT, UNNAMED_LOOK
from tests.course.scripts import run_script

QUICK = Sampling(steps=12)


@pytest.fixture(scope="module")
def model():
    found = StableDiffusion.load(SMALL_WORLD)
    found.learn_words(shipped_words(found.name))
    return found


def painted(model, asked, count):
    """Pictures of a prompt, read by the judge, which has seen real digits only."""
    with torch.no_grad():
        states = encoded(model, [asked.prompt]).expand(count, -1, -1, -1)
        pixels = paint(model, states, encoded(model, [""])[:, 0], list(range(count)), QUICK)
    found = judged(SceneJudge(), pixels, [asked] * count)
    return {name: float(right.double().mean()) for name, right in found.items()}


@pytest.mark.parametrize(
    ("prompt", "digit", "look"), [("a chalk seven", 7, "chalk"), ("a colourful three", 3, "colour")]
)
def test_prompts_are_painted_as_they_say(model, prompt, digit, look):
    found = painted(model, Asked(prompt, (digit,), (LOOKS.index(look),)), 12)
    assert found["look right"] >= 10 / 12
    assert found["digit right"] >= 9 / 12


def test_the_shipped_words_mean_what_no_caption_named(model):
    assert {"<new1>", "<new2>"} <= set(model.words)
    found = painted(model, Asked("a chalk <new1>", (UNNAMED_DIGIT,), (LOOKS.index("chalk"),)), 12)
    assert found["digit right"] >= 9 / 12
    found = painted(model, Asked("a seven in the style of <new2>", (7,), (UNNAMED_LOOK,)), 12)
    assert found["look right"] >= 9 / 12


def test_the_lora_that_ships_paints_in_four_passes(tmp_path, recwarn):
    few = Sampling(sampler="ddim", steps=4, guidance_scale=1.0)
    asked = GenerateOptions(tmp_path / "out", prompt=("a chalk seven",), count=12, sampling=few, lora=("small",))
    pictures = [Image.open(path) for path in sorted((generate(asked) / "0").glob("*.png"))]
    pixels = torch.stack([torch.from_numpy(np.array(one)) for one in pictures])
    found = judged(SceneJudge(), pixels, [Asked("", (7,), (LOOKS.index("chalk"),))] * len(pictures))
    assert float(found["both right"].double().mean()) >= 9 / 12
    assert not list(recwarn), "it is for this model and for these steps"


def test_the_words_are_chosen_by_the_checkpoint_and_by_nothing_else(model):
    told = [word.metadata for word in shipped_words(model.name)]
    assert all(one["checkpoint"] == model.name for one in told)
    assert all(len(json.loads(one["photos"])) == 5 for one in told), "each was learned from five pictures"
    assert shipped_words("0123456789abcdef") == []


@pytest.mark.parametrize(("learned_for", "warned"), [("0123456789abcdef", True), (SMALL, False), ("", False)])
def test_what_was_learned_for_another_small_model_is_warned_of(model, tmp_path, recwarn, learned_for, warned):
    """A LoRA and a word of the small model of before have the sizes of today's, and mean nothing to it."""
    pytest.importorskip("safetensors")
    told = {"checkpoint": learned_for} if learned_for else {}
    word, lora = tmp_path / "word.safetensors", tmp_path / "lora.safetensors"
    write_embedding(word, Embedding("<mine>", torch.randn(1, model.text.config.width), told))
    few = read_given("--lora", FEW_PASSES, model)
    write_learned(lora, "lora", few._replace(metadata={**told, "distilled": ""}), model)
    asked = GenerateOptions(tmp_path / "out", prompt=("a <mine>",), count=1, sampling=Sampling(steps=1))
    generate(replace(asked, embeddings=(word,), lora=(str(lora),)))
    found = [str(one.message) for one in recwarn if "learned for another model" in str(one.message)]
    assert [line.partition(": learned")[0] for line in found] == ([f"{lora}, {word}"] if warned else [])


def test_generate_needs_no_checkpoint(tmp_path):
    out = generate(GenerateOptions(tmp_path / "out", prompt=("a <new1>",), count=2, sampling=QUICK))
    assert len(list(out.rglob("*.png"))) == 2


def test_hw2_3_runs_whole_with_the_small_world_as_model_ckpt(tmp_path):
    convert(ConvertOptions(Path("small"), tmp_path / "model.ckpt"))
    prompts = {"0": ("<new1>", "a chalk <new1>"), "1": ("<new2>", "a two in the style of <new2>")}
    sources = {key: {"token_name": token, "prompt": [prompt]} for key, (token, prompt) in prompts.items()}
    (tmp_path / "input.json").write_text(json.dumps(sources))
    done = run_script("hw2_3.sh", "input.json", "out", "model.ckpt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "1" / "0").iterdir()) == sorted(
        f"source1_prompt0_{number}.png" for number in range(25)
    )
