"""What is added to a model's weights: it learns, it is painted as it was previewed, and the checkpoint stays."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.additions import read_given
from sfumato.checkpoints import read_learned
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling, encoded, paint
from sfumato.concepts.words import with_words
from sfumato.converting import ConvertOptions, convert
from sfumato.devices import DTYPES
from sfumato.diffusion import seed_of
from sfumato.errors import UserError
from sfumato.images import note_in, open_picture, sheet_cells
from sfumato.models.additions import Addition, Attachment, add, added
from sfumato.personalisation.beside_options import BesideOptions
from sfumato.personalisation.learn import learn
from sfumato.personalisation.learn_options import LearnOptions
from sfumato.personalisation.methods import METHODS, first_additions
from sfumato.stable_diffusion import StableDiffusion

from .test_learn import options, photos

__all__ = ["photos"]


ALONE = BesideOptions(prior_share=0.0)


def random_additions(model, method, scale=0.1):
    """Additions that are not nothing."""
    source = torch.Generator().manual_seed(1)
    return {
        name: one._replace(parts=tuple(scale * torch.randn(part.shape, generator=source) for part in one.parts))
        for name, one in first_additions(model, METHODS[method], 4, 2.0, True, 0).items()
    }


@pytest.mark.parametrize("method", ["custom", "lora"])
def test_beside_the_layers_or_in_their_weights_is_one_network(checkpoint, method):
    model = StableDiffusion.load(checkpoint)
    additions = random_additions(model, method)
    ids = torch.tensor([model.tokenizer()("a dog").ids])
    x, t = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([500])

    def answer():
        with torch.no_grad():
            return model.unet(x, t, model.text(ids))

    plain, attachment = answer(), Attachment(model.networks(), list(additions))
    torch.testing.assert_close(answer(), plain, rtol=0, atol=0)
    attachment.values = additions
    beside = answer()
    attachment.remove()
    with added(model.networks(), additions):
        torch.testing.assert_close(answer(), beside, rtol=1e-4, atol=1e-5)
    assert (beside - plain).abs().max() > 1e-3
    torch.testing.assert_close(answer(), plain, rtol=0, atol=0)


@pytest.mark.parametrize("method", ["custom", "lora"])
def test_each_method_begins_as_nothing_and_has_its_own_layers(checkpoint, method):
    model = StableDiffusion.load(checkpoint)
    additions = first_additions(model, METHODS[method], 4, 4.0, True, 0)
    assert all(not one.delta().any() for one in additions.values())
    blocks = [name for name, module in model.unet.named_modules() if name.endswith("attn2")]
    layers = model.text.config.layers
    assert len(additions) == {"custom": 2 * len(blocks), "lora": 8 * len(blocks) + 4 * layers}[method]


def test_a_convolution_gets_a_thin_addition_too():
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1)
    network, x = torch.nn.Sequential(layer), torch.randn(2, 3, 9, 9)
    addition = Addition((torch.randn(2, 3, 3, 3), torch.randn(6, 2, 1, 1)), 0.5)
    attachment = Attachment(network, ["0"])
    attachment.values = {"0": addition}
    beside = network(x)
    attachment.remove()
    add(network, {"0": addition})
    torch.testing.assert_close(network(x), beside, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"has the shape \[6, 5\], the layer's weight \[6, 3, 3, 3\]"):
        add(network, {"0": Addition((torch.zeros(6, 5),))})


@pytest.mark.parametrize("method", ["custom", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_painted_is_what_was_previewed_and_the_checkpoint_stays(
    photos, checkpoint, tmp_path, method, precision
):
    before, run = Path(checkpoint).read_bytes(), tmp_path / "run"
    told = {
        "method": method,
        "preview_every": 4,
        "weights_lr": 0.1,
        "beside": ALONE,
        "precision": precision,
        "preview": ("a {}",),
    }
    file = learn(options(photos, run, checkpoint, **told))
    assert Path(checkpoint).read_bytes() == before
    prompt, sampling = "a <new1>", Sampling(steps=15)
    kept = sheet_cells(open_picture(run / "preview-000004.png"), 2, 2)
    first = sheet_cells(open_picture(run / "preview-000000.png"), 2, 2)
    assert abs(kept[0].astype(int) - first[0]).max() > 1, "what was learned is seen"
    model, words = with_words(checkpoint, DTYPES[precision], [], **{method: [str(file)]})
    assert [one.word.token for one in words] == ["<new1>"]
    for number in range(2):
        states, nothing = (encoded(model, [text]) for text in (prompt, ""))
        painted = paint(model, states, nothing[:, 0], [seed_of(0, "preview", number)], sampling)
        assert abs(painted[0].numpy().astype(int) - kept[number]).max() <= 1


def both(photos, out, checkpoint, **more):
    """Options of two concepts with what is beside them."""
    usual = {"method": "custom", "also": (photos,), "token": ("<a>", "<b>"), "steps": 2, "preview_every": 2}
    beside = BesideOptions(prior_share=0.25, prior_count=2, mix_share=0.5, mix_count=6, prior=("a dog", "a cat"))
    return options(photos, out, checkpoint, **{**usual, "init": ("dog", "cat"), "beside": beside, **more})


def test_two_concepts_are_learned_together_beside_prior_and_composed_pictures(photos, checkpoint, tmp_path, capsys):
    learned = read_learned(learn(both(photos, tmp_path / "run", checkpoint)))
    assert [word.token for word in learned.words] == ["<a>", "<b>"]
    said = capsys.readouterr().out
    assert "2 prior pictures, painted first: 25% of what is drawn" in said and "6 composed pictures: 50%" in said
    assert sorted(path.name for path in (tmp_path / "run" / "prior").glob("*.png")) == ["0000.png", "0001.png"]
    note = note_in(tmp_path / "run" / "prior" / "0000.png")
    assert note["guidance_scale"] == 1, "guided pictures would make the model surer than it was"
    told = BesideOptions(prior_share=0.25, prior_count=2, mix_share=0.5, mix_count=6, prior=("a dog", "a cat"))
    for change, message in (
        ({"mix_share": 0.25}, r"mix_share = 0\.5, not 0\.25"),
        ({"prior_guidance": 7.5}, r"prior_guidance = 1\.0, not 7\.5"),
    ):
        with pytest.raises(UserError, match=f"holds a run with {message}"):
            learn(both(photos, tmp_path / "run", checkpoint, beside=replace(told, **change)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": ("<a>",)}, r"--token: 1 word\(s\) for .*photos\d+, .*photos\d+; give one word each"),
        ({"token": ("<a>", "<a>")}, "two concepts with one word"),
        ({"init": ("dog", "cat", "cow")}, r"--init: 3 for 2 folder\(s\) of photos"),
        ({"method": "word", "weights_lr": 0.1}, "--weights-lr is for --method custom and lora"),
        ({"method": "word", "word": False}, "--no-word: --method word learns nothing else"),
        ({"word": False, "vectors": 2}, "--lr and --vectors are a word's"),
        ({"rank": 8}, "--rank, --alpha and --text-encoder are a LoRA's"),
        ({"rank": 0, "method": "lora"}, "--rank must be at least 1"),
        ({"rank": 33, "method": "lora"}, r"--rank must be at most 32, which unet\.\S+ has, got 33"),
        ({"beside": BesideOptions(prior_share=0.5, mix_share=0.6)}, "leave at least a tenth for the photos"),
        ({"beside": BesideOptions(prior_share=0.0, mix_share=0.0, prior_count=3)}, "need a --prior-share above 0"),
        ({"beside": BesideOptions(prior_share=0.0, mix_share=0.0, prior_guidance=2.0)}, "need a --prior-share above 0"),
        ({"beside": BesideOptions(prior_pictures=Path("there"), prior_guidance=2.0)}, "takes the place of --prior, "),
        ({"beside": BesideOptions(prior=("a <a>",), prior_count=2)}, "<a> is no plain word"),
    ],
)
def test_what_does_not_belong_together_is_refused(photos, checkpoint, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        learn(both(photos, tmp_path / "run", checkpoint, **change))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_an_interrupted_learning_of_weights_ends_as_an_uninterrupted_one(photos, checkpoint, tmp_path):
    told = {"steps": 4, "save_every": 2, "preview_every": 0}
    whole = learn(both(photos, tmp_path / "whole", checkpoint, **told)).read_bytes()
    again = learn(both(photos, tmp_path / "halves", checkpoint, **told))
    again.unlink()
    sorted((tmp_path / "halves").glob("state-*.safetensors"))[-1].unlink()
    assert learn(both(photos, tmp_path / "halves", checkpoint, **told)).read_bytes() == whole


def test_saving_memory_changes_nothing_of_what_is_added(photos, checkpoint, tmp_path):
    plain, saved = (
        read_learned(learn(both(photos, tmp_path / str(saving), checkpoint, save_memory=saving, steps=3)))
        for saving in (False, True)
    )
    for layer, one in plain.additions.items():
        torch.testing.assert_close(one.delta(), saved.additions[layer].delta(), atol=1e-5, rtol=1e-2)
        assert one.delta().any()


def test_as_much_as_is_asked_of_several_files_is_added(photos, checkpoint, tmp_path):
    lora = learn(options(photos, tmp_path / "lora", checkpoint, method="lora", weights_lr=0.02, word=False, lr=None))
    custom = learn(options(photos, tmp_path / "custom", checkpoint, method="custom", weights_lr=0.02))
    plain = StableDiffusion.load(checkpoint)
    model, words = with_words(checkpoint, torch.float32, [], [f"{lora}:0.5"], [f"{custom}:-0.25"])
    assert [one.word.token for one in words] == ["<new1>"], "the LoRA was learned without a word"
    name = "input_blocks.1.1.transformer_blocks.0.attn2.to_k"
    thin = read_given("--lora", lora, plain).additions[f"unet.{name}"].delta()
    whole = read_given("--custom", custom, plain).additions[f"unet.{name}"].delta()
    assert thin.any() and whole.any()
    wanted = plain.unet.get_parameter(f"{name}.weight") + 0.5 * thin - 0.25 * whole
    torch.testing.assert_close(model.unet.get_parameter(f"{name}.weight"), wanted)
    assert sorted(map(str, (one.amount for one in model.added.values()))) == ["-0.25", "0.5"]


@pytest.mark.parametrize(
    ("flag", "given", "message"),
    [
        ("lora", "CUSTOM", "was learned with --method custom; give it with --custom"),
        ("custom", "LORA", "is a LoRA; give it with --lora"),
        ("lora", "WORD", r"holds a word alone \(<new1>\), which --embeddings takes"),
        ("custom", "WORD", r"holds a word alone \(<new1>\), which --embeddings takes"),
        ("lora", "LORA:much", "give FILE, FILE:0.8"),
        ("lora", "LORA:1e9", "the amount must be between -100 and 100"),
    ],
)
def test_a_file_of_another_kind_is_named(photos, checkpoint, tmp_path, flag, given, message):
    for method in ("word", "custom", "lora"):
        learn(options(photos, tmp_path / method.upper(), checkpoint, method=method, steps=1, beside=ALONE))
    kind, colon, amount = given.partition(":")
    file = tmp_path / kind / f"{kind.lower()}.safetensors"
    with pytest.raises(UserError, match=message):
        with_words(checkpoint, torch.float32, [], **{flag: [f"{file}{colon}{amount}"]})


def test_generate_paints_with_a_lora_and_says_so_in_its_pictures(photos, checkpoint, tmp_path, capsys):
    run = tmp_path / "run"
    file = learn(options(photos, run, checkpoint, method="lora", weights_lr=0.05, beside=ALONE))
    told = {"checkpoint": checkpoint, "prompt": ("a <new1>",), "count": 1, "sampling": Sampling(steps=3)}
    generate(GenerateOptions(tmp_path / "whole", lora=(str(file),), **told))
    assert "using <new1> from" in capsys.readouterr().out
    generate(GenerateOptions(tmp_path / "half", lora=(f"{file}:0.5",), **told))
    notes = [note_in(tmp_path / name / "0" / "000.png") for name in ("whole", "half")]
    assert [(one["name"], one["amount"]) for note in notes for one in note["added"]] == [
        ("lora.safetensors", 1.0),
        ("lora.safetensors", 0.5),
    ]
    whole, half = (np.asarray(open_picture(tmp_path / name / "0" / "000.png")) for name in ("whole", "half"))
    assert (whole != half).any()
    with pytest.raises(UserError, match="holds a run with added"):
        generate(GenerateOptions(tmp_path / "half", lora=(str(file),), **told))


@pytest.mark.parametrize("method", ["word", "custom", "lora"])
def test_a_learning_goes_on_from_a_file(photos, checkpoint, tmp_path, method):
    told = {"method": method, "beside": ALONE, "steps": 3}
    file = learn(options(photos, tmp_path / "first", checkpoint, **told))
    assert b".png" not in file.read_bytes() and b"/" + photos.name.encode() not in file.read_bytes()
    still = {"lr": 1e-3, "weights_lr": 1e-7} if method != "word" else {"lr": 1e-3}
    again = learn(options(photos, tmp_path / "more", checkpoint, start=file, **still, **told))
    model = StableDiffusion.load(checkpoint)
    begun, went_on = (
        read_learned(one) if method == "word" else read_given(f"--{method}", one, model) for one in (file, again)
    )
    torch.testing.assert_close(went_on.words[0].vectors, begun.words[0].vectors, atol=1e-3, rtol=0)
    for layer, one in begun.additions.items():
        torch.testing.assert_close(went_on.additions[layer].delta(), one.delta(), atol=1e-6, rtol=1e-3)
    if method == "lora":
        with pytest.raises(UserError, match="its rank is 8; give --rank 8"):
            learn(options(photos, tmp_path / "rank", checkpoint, start=file, rank=4, **told))
        half = learn(options(photos, tmp_path / "half", checkpoint, start=file, alpha=4.0, **still, **told))
        for layer, one in read_given("--lora", half, model).additions.items():
            torch.testing.assert_close(one.delta(), begun.additions[layer].delta(), atol=1e-5, rtol=1e-2)
            assert one.scale == 0.5


@pytest.mark.parametrize("method", ["word", "custom"])
def test_a_finished_run_goes_on_with_more_steps_as_if_it_had_been_asked_at_the_start(
    photos, checkpoint, tmp_path, method
):
    told = {"method": method, "beside": ALONE, "save_every": 1}
    whole = learn(options(photos, tmp_path / "whole", checkpoint, steps=8, **told)).read_bytes()
    file = learn(options(photos, tmp_path / "run", checkpoint, steps=4, **told))
    assert file.read_bytes() != whole
    assert learn(options(photos, tmp_path / "run", checkpoint, steps=8, **told)).read_bytes() == whole


def test_a_run_that_changed_nothing_says_so(photos, checkpoint, tmp_path, recwarn):
    with pytest.warns(UserWarning, match="nothing was learned: all is as it began"):
        learn(options(photos, tmp_path / "still", checkpoint, lr=1e-12))
    recwarn.clear()
    learn(options(photos, tmp_path / "moved", checkpoint))
    assert not [one for one in recwarn if "nothing was learned" in str(one.message)]


def test_prior_pictures_of_ones_own_have_captions_or_prompts_in_them(photos, checkpoint, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("a", "b"):
        (mine / f"{name}.png").write_bytes((photos / f"{name}.png").read_bytes())
        (mine / f"{name}.txt").write_text(f"a {name}")
    beside = BesideOptions(prior_share=0.5, prior_pictures=mine, mix_share=0.0)
    learn(both(photos, tmp_path / "run", checkpoint, beside=beside))
    assert f"2 prior pictures, from {mine}: 50% of what is drawn" in capsys.readouterr().out
    assert not (tmp_path / "run" / "prior").exists()
    (mine / "b.txt").unlink()
    with pytest.raises(UserError, match=r"nothing says what b\.png shows"):
        learn(both(photos, tmp_path / "other", checkpoint, beside=beside))
    prompts = ("a dog", "a cat")
    painted = generate(GenerateOptions(tmp_path / "painted", checkpoint, prompts, count=1, sampling=Sampling(steps=2)))
    capsys.readouterr()
    learn(
        both(
            photos,
            tmp_path / "more",
            checkpoint,
            beside=BesideOptions(prior_share=0.5, mix_share=0.0, prior_pictures=painted),
        )
    )
    assert "2 prior pictures, from" in capsys.readouterr().out


def test_a_merged_checkpoint_paints_what_the_checkpoint_and_the_file_do(photos, checkpoint, tmp_path, capsys):
    file = learn(options(photos, tmp_path / "run", checkpoint, method="lora", weights_lr=0.05, beside=ALONE))
    before = Path(checkpoint).read_bytes()
    merged = convert(ConvertOptions(checkpoint, tmp_path / "merged.safetensors", merge=(f"{file}:0.5",)))
    assert f"<new1> is not in the checkpoint; paint with --lora {file}:0 to have it" in capsys.readouterr().out
    assert convert(ConvertOptions(checkpoint, tmp_path / "again.safetensors", merge=(f"{file.parent}:0.5",)))
    assert (tmp_path / "again.safetensors").read_bytes() == merged.read_bytes(), "a run's folder is its LoRA"
    assert Path(checkpoint).read_bytes() == before
    added_to, _ = with_words(checkpoint, torch.float32, [], [f"{file.parent}:0.5"])
    plain, whole = StableDiffusion.load(checkpoint), StableDiffusion.load(merged)
    moved = 0
    for name, value in whole.networks().state_dict().items():
        assert torch.equal(value, added_to.networks().state_dict()[name]), name
        moved += not torch.equal(value, plain.networks().state_dict()[name])
    assert moved == 32, "the attentions' layers and no other"
    model, words = with_words(merged, torch.float32, [], [f"{file}:0"])
    assert [one.word.token for one in words] == ["<new1>"]
    assert torch.equal(
        model.unet.state_dict()["input_blocks.0.0.weight"], whole.unet.state_dict()["input_blocks.0.0.weight"]
    )


def test_what_cannot_be_merged_is_refused(photos, checkpoint, tmp_path):
    word = learn(options(photos, tmp_path / "run", checkpoint, steps=1))
    for source, merge, message in (
        (checkpoint, word, r"holds a word alone \(<new1>\)"),
        (word, word, "--merge: does nothing for .*, which is a learned word"),
        (checkpoint, tmp_path / "none", "none"),
    ):
        with pytest.raises(UserError, match=message):
            convert(ConvertOptions(source, tmp_path / "merged.safetensors", merge=(str(merge),)))
    assert not (tmp_path / "merged.safetensors").exists()


def test_two_processes_learn_weights_as_one(photos, checkpoint, tmp_path, on_two_processes):
    """Prior pictures are painted once, and what is added is that of one process but for rounding."""
    alone = read_learned(learn(both(photos, tmp_path / "alone", checkpoint)))
    on_two_processes("-m", "tests.personalisation.test_methods", photos, tmp_path / "two", checkpoint)
    shared = read_learned(tmp_path / "two" / "custom.safetensors")
    assert sorted(path.name for path in (tmp_path / "two" / "prior").glob("*.png")) == ["0000.png", "0001.png"]
    for layer, one in alone.additions.items():
        torch.testing.assert_close(shared.additions[layer].delta(), one.delta(), atol=1e-5, rtol=1e-2)


if __name__ == "__main__":
    learn(both(*map(Path, sys.argv[1:4])))


@pytest.mark.parametrize(
    ("method", "more", "steps"),
    [
        ("word", {}, 400),
        ("custom", {}, 200),
        ("lora", {}, 200),
        ("lora", {"also": (Path("b"),), "token": ("<a>", "<b>")}, 400),
        ("custom", {"steps": 7}, 7),
        ("custom", {"checkpoint": Path("large.ckpt"), "init": ("dog",)}, 2000),
        ("custom", {"checkpoint": Path("own-small-world.safetensors"), "preset": ("small-object",)}, 200),
        ("lora", {"preset": ("course-dog",)}, 2000),
    ],
)
def test_the_preset_decides_for_how_many_steps_a_method_learns(method, more, steps):
    first, *_ = LearnOptions(Path("a"), Path("run"), method=method, **more).concepts()
    assert first.recipe.steps == steps
