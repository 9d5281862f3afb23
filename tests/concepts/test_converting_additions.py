"""`concepts convert` with LoRAs and Custom Diffusion: from one naming to another, and several as one."""

import json

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import (
    Embedding,
    LearnedFile,
    LoraFile,
    Weighted,
    layer_shapes,
    merge_loras,
    read_embeddings,
    read_learned,
    read_lora,
    read_safetensors,
    what_lora,
    write_additions,
    write_embedding,
    write_lora,
)
from sfumato.concepts.words import with_words
from sfumato.converting import ConvertOptions, convert
from sfumato.errors import UserError
from sfumato.models.additions import Addition
from sfumato.stable_diffusion import StableDiffusion
from tests.checkpoints.loras import a_lora
from tests.checkpoints.test_lora_names import version_1

KEY = "middle_block.1.transformer_blocks.0.attn2.to_k"
VALUE = "middle_block.1.transformer_blocks.0.attn2.to_v"
WORD = Embedding("<new1>", torch.full((1, 64), 0.5), {"step": "3", "photos": '{"my.png": "12ab"}'})


@pytest.fixture(scope="module")
def model(checkpoint):
    return StableDiffusion.load(checkpoint)


def shapes(model):
    return layer_shapes(model.unet), layer_shapes(model.text)


@pytest.fixture(scope="module")
def loras(model, tmp_path_factory):
    """Two files, of rank 2 in kohya's names with a word and of rank 3 in diffusers'."""
    folder, (unet, text) = tmp_path_factory.mktemp("loras"), shapes(model)
    told = {"ss_learning_rate": "1e-4", "sfumato.photos": '{"my.png": "12ab"}', "ss_sd_model_name": "/home/me/sd.ckpt"}
    first = LoraFile(a_lora(unet, 2, 3.0), a_lora(text, 2, 1.0), [WORD], told)
    write_lora(folder / "a.safetensors", first, unet, dtype=torch.float32)
    other = {layer: one._replace(down=one.down.flip(0) + 0.5) for layer, one in a_lora(unet, 3, 3.0).items()}
    write_lora(folder / "b.safetensors", LoraFile(other, {}), unet, "diffusers", torch.float32)
    return folder / "a.safetensors", folder / "b.safetensors"


def test_one_naming_becomes_the_other_and_comes_back(checkpoint, model, loras, tmp_path):
    told = {"checkpoint": checkpoint, "precision": "fp32"}
    theirs = convert(ConvertOptions(loras[0], tmp_path / "theirs.safetensors", naming="diffusers", **told))
    assert what_lora(theirs).naming == "diffusers until 0.20"
    back = convert(ConvertOptions(theirs, tmp_path / "back.safetensors", **told))
    assert what_lora(back).naming == "kohya" and what_lora(back).words == ("<new1>",)
    own, again = read_lora(loras[0], *shapes(model)), read_lora(back, *shapes(model))
    for there, here in ((again.unet, own.unet), (again.text, own.text)):
        assert set(there) == set(here)
        for layer, one in here.items():
            torch.testing.assert_close(there[layer].delta(), one.delta(), rtol=1e-5, atol=1e-6)
    half = convert(ConvertOptions(loras[0], tmp_path / "half.safetensors", checkpoint=checkpoint))
    assert half.stat().st_size < 0.6 * loras[0].stat().st_size


def test_metadata_has_no_paths_and_no_names_of_photos_or_is_none(checkpoint, loras, tmp_path):
    out = convert(ConvertOptions(loras[0], tmp_path / "a.safetensors", checkpoint=checkpoint))
    found = read_safetensors(out)[1]
    assert found["ss_learning_rate"] == "1e-4" and found["sfumato.photos"] == '["12ab"]'
    assert b"my.png" not in out.read_bytes() and b"/home" not in out.read_bytes()
    bare = convert(ConvertOptions(loras[0], tmp_path / "bare.safetensors", checkpoint=checkpoint, metadata=False))
    assert read_safetensors(bare)[1] == {}
    for many in (True, False):
        write_embedding(tmp_path / "w.safetensors", WORD, metadata=many)
        told = read_safetensors(tmp_path / "w.safetensors")[1]
        assert (json.loads(told["photos"]) == ["12ab"] and told["step"] == "3") if many else told == {}
    convert(ConvertOptions(tmp_path / "w.safetensors", tmp_path / "v.safetensors", metadata=False))
    assert read_safetensors(tmp_path / "v.safetensors")[1] == {}
    assert torch.equal(read_embeddings(tmp_path / "v.safetensors")[0].vectors, WORD.vectors)


def test_several_become_one_that_adds_what_they_add(checkpoint, model, loras, tmp_path, capsys):
    first, second = f"{loras[0]}:unet=0.7,text=-2", f"{loras[1]}:0.4"
    told = {"merge": (second,), "checkpoint": checkpoint, "precision": "fp32"}
    merged = convert(ConvertOptions(first, tmp_path / "m.safetensors", **told))
    assert "rank 5: nothing is left out\n" in capsys.readouterr().out
    wanted, _ = with_words(checkpoint, torch.float32, [], [first, second])
    found, words = with_words(checkpoint, torch.float32, [], [str(merged)])
    assert [one.word.token for one in words] == ["<new1>"]
    moved = 0
    for name, value in wanted.networks().state_dict().items():
        torch.testing.assert_close(found.networks().state_dict()[name], value, rtol=1e-4, atol=1e-4)
        moved += not torch.equal(value, model.networks().state_dict()[name])
    assert moved == sum(map(len, shapes(model)))
    convert(ConvertOptions(first, tmp_path / "one.safetensors", rank=1, **told))
    read = [read_lora(file, *shapes(model)) for file in loras]
    error = merge_loras([Weighted(read[0], 0.7, -2), Weighted(read[1], 0.4, 0.4)], 1).error
    assert f"rank 1: {error:.2%} of what is added is left out" in capsys.readouterr().out and error > 0.1
    assert what_lora(tmp_path / "one.safetensors").ranks == {1: moved}


def test_the_rank_of_one_is_lowered_and_its_amount_is_written(checkpoint, model, loras, tmp_path):
    out = tmp_path / "o.safetensors"
    convert(ConvertOptions(f"{loras[1]}:-0.5", out, checkpoint=checkpoint, precision="fp32"))
    own, half = read_lora(loras[1], *shapes(model)), read_lora(out, *shapes(model))
    for layer, one in own.unet.items():
        torch.testing.assert_close(half.unet[layer].delta(), -0.5 * one.delta(), rtol=1e-5, atol=1e-5)


def test_a_lora_of_version_1_needs_no_checkpoint(reference, tmp_path):
    unet, text = version_1(reference)
    some = {layer: unet[layer] for layer in list(unet)[::40]}
    some[KEY] = unet[KEY]
    write_lora(tmp_path / "v1.safetensors", LoraFile(a_lora(some, 1, 1.0), a_lora(text, 1, 1.0)), unet)
    out = convert(ConvertOptions(tmp_path / "v1.safetensors", tmp_path / "out.safetensors", naming="diffusers"))
    info = what_lora(out)
    assert (info.unet, info.text, info.architecture) == (len(some), len(text), "Stable Diffusion 1")


@pytest.fixture
def ours(model, tmp_path):
    """Custom Diffusion as `concepts learn --method custom` writes it."""
    own = shapes(model)[0]
    generator = torch.Generator().manual_seed(0)
    parts = {layer: Addition((0.1 * torch.randn(own[layer], generator=generator),)) for layer in (KEY, VALUE)}
    learned = LearnedFile([WORD], {f"unet.{layer}": one for layer, one in parts.items()}, {"step": "3"})
    write_additions(tmp_path / "custom.safetensors", learned)
    return tmp_path / "custom.safetensors"


@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_custom_diffusion_goes_to_diffusers_form_and_back(checkpoint, model, ours, tmp_path, ending):
    folder = tmp_path / "theirs"
    folder.mkdir()
    name = f"pytorch_custom_diffusion_weights.{ending}"
    told = {"checkpoint": checkpoint, "precision": "fp32"}
    convert(ConvertOptions(ours, folder / name, naming="diffusers", **told))
    assert sorted(path.name for path in folder.iterdir()) == sorted(["<new1>." + ending, name])
    (word,) = read_embeddings(folder / f"<new1>.{ending}")
    assert word.token == "<new1>" and torch.equal(word.vectors, WORD.vectors)
    added = read_learned(ours).additions
    if ending == "bin":
        table = torch.load(folder / name)
        begin = "mid_block.attentions.0.transformer_blocks.0.attn2.processor"
        assert set(table[f"{begin}.to_k_custom_diffusion.weight"].shape) == {64}
        whole = model.unet.get_parameter(f"{KEY}.weight") + added[f"unet.{KEY}"].delta()
        assert torch.equal(table[f"{begin}.to_k_custom_diffusion.weight"], whole)
        assert table["mid_block.attentions.0.transformer_blocks.0.attn1.processor"] == {}
    else:
        assert read_safetensors(folder / name)[1] == {"format": "pt", "sfumato.step": "3"}
    again = convert(ConvertOptions(folder / name, tmp_path / "a.safetensors", naming="sfumato", checkpoint=checkpoint))
    back = read_learned(again)
    assert set(back.additions) == set(added) and not back.words
    for layer, one in added.items():
        torch.testing.assert_close(back.additions[layer].delta(), one.delta(), rtol=2e-3, atol=1e-4)
    other = "safetensors" if ending == "bin" else "bin"
    moved = convert(ConvertOptions(folder / name, tmp_path / f"moved.{other}", metadata=False, **told))
    third = convert(ConvertOptions(moved, tmp_path / "c.safetensors", naming="sfumato", checkpoint=checkpoint))
    for layer, one in back.additions.items():
        assert torch.equal(read_learned(third).additions[layer].delta(), one.delta())


@pytest.mark.parametrize(
    ("source", "out", "more", "line"),
    [
        ("A", "o.pt", {}, "a LoRA is written as .safetensors"),
        ("A", "o.safetensors", {"naming": "sfumato"}, "is of Custom Diffusion; a LoRA is written in kohya's"),
        ("A", "o.safetensors", {"word": "a1111"}, "--word: does nothing for .* which is a LoRA"),
        ("A", "o.safetensors", {"vae": "A"}, "--vae: does nothing for .* which is a LoRA"),
        ("A", "o.safetensors", {"merge": ("A",)}, "is given twice; give it once"),
        ("A", "o.safetensors", {"merge": ("W",)}, "holds no LoRA"),
        ("A", "o.safetensors", {"merge": ("A:much",)}, "--merge .*: give FILE, FILE:0.8"),
        ("A", "o.safetensors", {"rank": 0}, "--rank must be at least 1, got 0"),
        ("A:none", "o.safetensors", {}, "SOURCE .*: give FILE, FILE:0.8"),
        ("C", "o.safetensors", {}, "give others to join it with, by --merge, or another --naming"),
        ("C", "o.safetensors", {"naming": "kohya"}, "is of LoRAs, and .* is Custom Diffusion"),
        ("C", "o.safetensors", {"rank": 4}, "--rank: does nothing for .* which is Custom Diffusion"),
        ("C:0.5", "o.safetensors", {"naming": "diffusers"}, "only a LoRA is written as much of as is asked"),
        ("W", "o.safetensors", {"naming": "kohya"}, "--naming: does nothing for .* which is a learned word"),
        ("CKPT", "o.safetensors", {"metadata": False}, "--no-metadata: does nothing for .* which is a checkpoint"),
        ("CKPT", "o.safetensors", {"rank": 3}, "--rank: does nothing for .* which is a checkpoint"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(checkpoint, loras, ours, tmp_path, source, out, more, line):
    word = tmp_path / "word.safetensors"
    write_embedding(word, WORD)
    names = {"A": loras[0], "B": loras[1], "C": ours, "W": word, "CKPT": checkpoint}

    def named(text):
        name, colon, amount = str(text).partition(":")
        return f"{names[name]}{colon}{amount}" if name in names else text

    more = {key: tuple(map(named, value)) if key == "merge" else named(value) for key, value in more.items()}
    if source in ("A", "C") and "vae" not in more:
        more["checkpoint"] = checkpoint
    with pytest.raises(UserError, match=line):
        convert(ConvertOptions(named(source), tmp_path / out, **more))
    assert not (tmp_path / out).exists()
