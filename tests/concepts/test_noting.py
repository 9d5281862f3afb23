"""What a painted prompt says of itself to us and to others."""

import hashlib
import json

import pytest
import torch
from PIL import Image

from sfumato.checkpoints import layer_shapes, write_safetensors
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.noting import SAMPLER_NAMES, SPACING_NAMES
from sfumato.concepts.painting import Sampling
from sfumato.diffusion import SAMPLERS, seed_of
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion

QUERY = "input_blocks.1.1.transformer_blocks.0.attn2.to_q"


def write_lora(path, checkpoint, amount=0.5):
    """A LoRA of one layer, as kohya's scripts name it."""
    pytest.importorskip("safetensors")
    out, width = layer_shapes(StableDiffusion.load(checkpoint).unet)[QUERY]
    name = f"lora_unet_{QUERY.replace('.', '_')}"
    parts = {"lora_down.weight": torch.ones(2, width), "lora_up.weight": torch.full((out, 2), amount)}
    tensors = {f"{name}.{part}": tensor for part, tensor in parts.items()}
    write_safetensors(path, {**tensors, f"{name}.alpha": torch.tensor(2.0)}, {"ss_output_name": "chalk"})
    return path


@pytest.fixture
def painted(checkpoint, tmp_path):
    """A picture from a word and a LoRA, and where its files are."""
    word, folder = tmp_path / "secret" / "mine.pt", tmp_path / "out"
    word.parent.mkdir()
    torch.save({"<new1>": torch.ones(2, 64)}, str(word))
    lora = write_lora(tmp_path / "secret" / "chalk.safetensors", checkpoint)
    sampling = Sampling(steps=2, negative_prompt="blurred, dark", spacing="karras", guidance_scale=3.5)
    files = {"checkpoint": checkpoint, "embeddings": (word,), "lora": (f"{lora}:0.8",)}
    generate(GenerateOptions(folder, prompt=("a <new1>",), count=3, batch_size=2, sampling=sampling, **files))
    return folder / "0" / "001.png", checkpoint, word, lora


def test_others_read_how_it_was_painted(painted):
    picture, checkpoint, word, lora = painted
    sha = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (checkpoint, word)}
    raw = lora.read_bytes()
    tensors = hashlib.sha256(raw[8 + int.from_bytes(raw[:8], "little") :]).hexdigest()
    with Image.open(picture) as image:
        text, ours = image.text["parameters"], image.text["sfumato"]
    seed = seed_of(0, "a <new1>", 1)
    prompt, negative, settings = text.split("\n")
    assert (prompt, negative) == ("a <new1> <lora:chalk:0.8>", "Negative prompt: blurred, dark")
    assert settings.startswith(
        f"Steps: 2, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 3.5, Seed: {seed}, Size: 16x16, "
        f'Model hash: {sha[checkpoint][:10]}, Model: model, Lora hashes: "chalk: {tensors[:12]}", '
        f'TI hashes: "<new1>: {sha[word][:10]}", RNG: CPU, Version: sfumato '
    )
    told = json.loads(ours)
    assert told["batch"] == [1, 2] and told["command"] == "concepts generate"
    assert told["weights"] == {"name": "model.ckpt", "contents": sha[checkpoint][:16]}
    assert told["words"]["<new1>"]["contents"] == sha[word][:16]
    assert "secret" not in text + ours and str(checkpoint.parent) not in text + ours, "no path of the machine"


def test_a_reader_of_prompts_finds_all_of_it(painted):
    """Asked where the package is installed; the test above holds the text that it was asked about."""
    parsers = pytest.importorskip("sd_parsers")
    picture, checkpoint, _, _ = painted
    (sampler,) = parsers.ParserManager().parse(picture).samplers
    assert [prompt.value for prompt in sampler.prompts] == ["a <new1> <lora:chalk:0.8>"]
    assert [prompt.value for prompt in sampler.negative_prompts] == ["blurred, dark"]
    seed = str(seed_of(0, "a <new1>", 1))
    assert sampler.parameters == {"scheduler": "Karras", "cfg_scale": "3.5", "seed": seed, "steps": "2"}
    assert sampler.name == "DPM++ 2M"
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:10]
    assert (sampler.model.name, sampler.model.hash) == ("model", digest)


def test_every_sampler_and_spacing_has_a_name_of_its_own():
    assert set(SAMPLER_NAMES) == set(SAMPLERS)
    assert len(set(SAMPLER_NAMES.values())) == len(SAMPLERS)
    for spacing in SPACING_NAMES:
        Sampling(spacing=spacing).check(SCHEDULE)
    assert len(set(SPACING_NAMES.values())) == len(SPACING_NAMES) == 4
