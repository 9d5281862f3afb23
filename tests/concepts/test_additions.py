"""LoRAs as a command is given them: how much of them, what they say of themselves, and what cannot be used."""

import json
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import (
    Embedding,
    LoraFile,
    layer_shapes,
    read_lora,
    read_safetensors,
    trained_words,
    write_embedding,
    write_lora,
    write_safetensors,
)
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.concepts.words import with_words
from sfumato.errors import UserError
from sfumato.images import note_in
from sfumato.runs import file_identity
from sfumato.stable_diffusion import StableDiffusion
from tests.checkpoints.loras import a_lora

LAYERS = ("input_blocks.1.1.transformer_blocks.0.attn2.to_k", "text_model.encoder.layers.0.self_attn.q_proj")


@pytest.fixture(scope="module")
def model(checkpoint):
    return StableDiffusion.load(checkpoint)


@pytest.fixture(scope="module")
def lora(model, tmp_path_factory):
    unet, text = ({name: layer_shapes(network)[name]} for name, network in zip(LAYERS, (model.unet, model.text)))
    path = tmp_path_factory.mktemp("lora") / "dog.safetensors"
    told = {"modelspec.trigger_phrase": "sks dog, a beagle"}
    write_lora(path, LoraFile(a_lora(unet, 2, 2.0), a_lora(text, 2, 2.0), (), told), layer_shapes(model.unet))
    return path


@pytest.fixture(scope="module")
def unet_only(lora, tmp_path_factory):
    path = tmp_path_factory.mktemp("lora") / "unet.safetensors"
    tensors, _ = read_safetensors(lora)
    write_safetensors(path, {key: 2 * v for key, v in tensors.items() if key.startswith("lora_unet_")}, {})
    return path


def weights(model):
    return [network.get_parameter(f"{name}.weight") for name, network in zip(LAYERS, (model.unet, model.text))]


@pytest.mark.parametrize(
    ("amount", "unet", "text", "told"),
    [
        ("", 1.0, 1.0, "1"),
        (":-0.3", -0.3, -0.3, "-0.3"),
        (":unet=0.8,text=0.3", 0.8, 0.3, "unet=0.8,text=0.3"),
        (":text=0, unet=2", 2.0, 0.0, "unet=2,text=0"),
        (":text=0.5", 1.0, 0.5, "unet=1,text=0.5"),
        (":unet=0.5,text=0.5", 0.5, 0.5, "0.5"),
    ],
)
def test_each_network_gets_as_much_as_is_asked(checkpoint, model, lora, amount, unet, text, told):
    added, _ = with_words(checkpoint, torch.float32, [], [f"{lora}{amount}"])
    tensors, _ = read_safetensors(lora)
    for own, there, scale in zip(weights(model), weights(added), (unet, text)):
        begin = "lora_unet" if there is weights(added)[0] else "lora_te"
        down, up = (
            next(v.float() for key, v in tensors.items() if key.startswith(begin) and f"lora_{part}." in key)
            for part in ("down", "up")
        )
        torch.testing.assert_close(there, own + scale * up @ down, rtol=1e-5, atol=1e-6)
    assert [str(one.amount) for one in added.added.values()] == [told]


def test_a_lora_says_what_triggers_it_and_its_pictures_say_how_much(checkpoint, lora, tmp_path, capsys):
    asked = {"checkpoint": checkpoint, "count": 1, "sampling": Sampling(steps=1)}
    generate(GenerateOptions(tmp_path / "a", lora=(f"{lora}:unet=0.8,text=0.3",), prompt=("A Beagle runs",), **asked))
    assert f"adding unet=0.8,text=0.3 of {lora}; what triggers it: sks dog, a beagle\n" in capsys.readouterr().out
    (added,) = note_in(tmp_path / "a" / "0" / "000.png")["added"]
    assert added == {**file_identity(lora), "amount": "unet=0.8,text=0.3"}
    generate(GenerateOptions(tmp_path / "b", lora=(f"{lora}:0.8",), prompt=("a cat",), **asked))
    said = capsys.readouterr().out
    assert f"adding 0.8 of {lora}; what triggers it: sks dog, a beagle, which no prompt says\n" in said
    assert note_in(tmp_path / "b" / "0" / "000.png")["added"] == [{**file_identity(lora), "amount": 0.8}]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, ""),
        ({"modelspec.trigger_phrase": " sks dog ", "ss_tag_frequency": '{"1_a": {"b": 1}}'}, "sks dog"),
        ({"ss_tag_frequency": json.dumps({"10_a": {"b": 2, "c ": 3}, "5_d": {"b": 2, "e": 1}})}, "b, c, e"),
        ({"ss_tag_frequency": json.dumps({"10_a": {str(n): n + 1 for n in range(9)}})}, "8, 7, 6, 5, 4"),
        ({"ss_tag_frequency": json.dumps({"10_sks dog": {}})}, "sks dog"),
        ({"ss_tag_frequency": "no JSON"}, ""),
        ({"ss_tag_frequency": "[1]"}, ""),
        ({"ss_tag_frequency": '{"10_a": {"b": "many", "c": 1}, "f": 3}'}, "c, b"),
        ({"modelspec.trigger_phrase": "a\x1b[2Jb"}, "a?[2Jb"),
    ],
)
def test_what_a_file_tells_of_its_captions(metadata, words):
    assert trained_words(metadata) == words


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("LORA:", "give FILE, FILE:0.8"),
        (":0.8", "names no file"),
        ("LORA:nan", "the amount must be between -100 and 100"),
        ("LORA:unet=inf,text=1", "the amount must be between -100 and 100"),
        ("LORA:unet=0.8,unet=0.3", "give FILE, FILE:0.8"),
        ("LORA:unet=0.8,vae=0.3", "give FILE, FILE:0.8"),
        ("LORA:unet=a", "give FILE, FILE:0.8"),
        ("UNET:text=0.5", "changes no layer of the text encoder; leave out text="),
    ],
)
def test_an_amount_that_cannot_be_is_one_line(checkpoint, lora, unet_only, given, line):
    given = given.replace("LORA", str(lora)).replace("UNET", str(unet_only))
    with pytest.raises(UserError, match=line):
        with_words(checkpoint, torch.float32, [], [given])


def test_the_same_lora_twice_is_refused_in_any_naming(checkpoint, model, lora, tmp_path):
    with pytest.raises(UserError, match="is given twice; give it once, with the sum of its amounts"):
        with_words(checkpoint, torch.float32, [], [f"{lora}:0.5", str(lora)])
    other = tmp_path / "diffusers.safetensors"
    tensors, _ = read_safetensors(lora)
    layers = layer_shapes(model.unet), layer_shapes(model.text)
    write_lora(other, read_lora(lora, *layers), layers[0], "diffusers")
    assert set(read_safetensors(other)[0]).isdisjoint(tensors)
    with pytest.raises(UserError, match=r"is given twice, for .*dog\.safetensors holds the same"):
        with_words(checkpoint, torch.float32, [], [str(lora), str(other)])


def bad_file(tensors, change):
    """A LoRA's tensors, changed as a case says."""
    one = next(key for key in sorted(tensors) if key.endswith("lora_down.weight"))
    if change == "wider":
        return {key: torch.cat([v, v], 1) if key == one else v for key, v in tensors.items()}
    if change == "misspelt":
        return {key.replace("lora_down", "lora_donw") if key == one else key: v for key, v in tensors.items()}
    if change == "NaN":
        return {key: v * float("nan") if key == one else v for key, v in tensors.items()}
    if change == "whole numbers":
        return {key: v.to(torch.int32) if key == one else v for key, v in tensors.items()}
    if change == "another model's":
        return {key.replace("transformer_blocks_0", "transformer_blocks_7"): v for key, v in tensors.items()}
    return {"fc1.weight": torch.ones(2, 2), "fc2.weight": torch.ones(2, 3)}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("wider", "do not fit it; it was made for another model"),
        ("misspelt", "no lora_down of .*; unknown is lora_.*lora_donw"),
        ("NaN", "holds NaN or infinity in lora_"),
        ("whole numbers", "torch.int32 where the numbers of lora_"),
        ("another model's", "is a LoRA for Stable Diffusion XL"),
        ("none", "holds no LoRA"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(lora, checkpoint, tmp_path, capsys, change, line):
    pytest.importorskip("tyro")
    from sfumato.cli import main

    path = tmp_path / "bad.safetensors"
    write = write_safetensors if change != "NaN" else save_plainly
    write(path, bad_file(read_safetensors(lora)[0], change), {})
    words = ["concepts", "generate", str(tmp_path / "out"), "--checkpoint", str(checkpoint), "--prompt", "a"]
    assert main([*words, "--lora", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(path) in said and re.search(line, said), said
    assert not (tmp_path / "out").exists()


def save_plainly(path, tensors, metadata):
    from safetensors.torch import save_file

    save_file({key: value.contiguous() for key, value in tensors.items()}, str(path))


def test_a_word_is_called_otherwise_beside_a_lora(checkpoint, model, lora, tmp_path, capsys):
    word = tmp_path / "word.safetensors"
    write_embedding(word, Embedding("<new1>", torch.randn(1, model.text.config.width), {}))
    asked = {"checkpoint": checkpoint, "count": 1, "sampling": Sampling(steps=1)}
    given = (Path(f"{word}=<dog>"),)
    generate(GenerateOptions(tmp_path / "a", lora=(str(lora),), embeddings=given, prompt=("a <dog>",), **asked))
    assert "using <dog> from" in capsys.readouterr().out
