"""Textual inversion on a checkpoint small enough for a test."""

import json
import shutil
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import Embedding, LearnedFile, read_embeddings, read_words_alone
from sfumato.concepts.painting import Sampling, encoded, paint
from sfumato.devices import choose_precision
from sfumato.diffusion import make_loss, seed_of, training_loss
from sfumato.errors import UserError
from sfumato.images import note_in, open_picture, read_film, sheet_cells
from sfumato.models.stable_diffusion.tokenizer import Tokenizer
from sfumato.personalisation.beside_options import BesideOptions
from sfumato.personalisation.crops import crops_of
from sfumato.personalisation.first_words import initial_vectors
from sfumato.personalisation.learn import learn
from sfumato.personalisation.learn_options import LearnOptions
from sfumato.personalisation.learning_set import LearningSet, Pool
from sfumato.personalisation.losses import masked_loss
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos
from sfumato.personalisation.previews import best_stage
from sfumato.personalisation.running import RunningOptions
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.RandomState(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.randint(0, 256, (20, 24, 3)).astype(np.uint8)).save(folder / name)
    return folder


def options(photos, out, checkpoint, **more):
    usual = {"init": "dog", "steps": 4, "batch_size": 2, "preview_every": 0, "lr": 0.05, "precision": "fp32"}
    told = {**usual, **more}
    for name in ("token", "init", "kind", "preset", "plain"):
        if isinstance(told.get(name), str):
            told[name] = (told[name],)
    running = {one.name: told.pop(one.name) for one in fields(RunningOptions) if one.name in told}
    return LearnOptions(photos, out, checkpoint=checkpoint, running=RunningOptions(**running), **told)


def test_a_plan_says_what_would_be_done_and_its_last_line_paints(photos, checkpoint, tmp_path, monkeypatch, capsys):
    from shlex import split

    from sfumato.cli import main

    monkeypatch.chdir(tmp_path)
    learn(options(photos, Path("run"), checkpoint, plan=True))
    plan = capsys.readouterr().out
    assert f"2 from {photos}" in plan and "1 vector(s) that begin as 'dog'" in plan and "4 steps, " in plan
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["crops.png"]
    learn(options(photos, Path("run"), checkpoint))
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == plan.splitlines()[-1]
    assert main([*split(said[-1])[1:], "--count", "1", "--steps", "2"]) == 0
    assert len(list((tmp_path / "painted").rglob("*.png"))) == 1


def learned(path):
    (word,) = read_embeddings(path)
    return word


def test_learning_lowers_the_loss_that_it_is_about(photos, checkpoint, tmp_path):
    """Measured with noise and times that the learning never drew."""
    word = learned(learn(options(photos, tmp_path / "run", checkpoint, steps=60, batch_size=4)))
    model = StableDiffusion.load(checkpoint)
    first = initial_vectors(model, "dog", 1)
    model.learn_words([word])
    crops = crops_of(read_photos(photos, PhotoOptions(), None), PhotoOptions(), model.size, model.vae.factor, 0)
    pool = Pool(crops.with_mirrored(), [("a photo of a <new1>",)] * 4, 1.0)
    x0, t, eps, ids, _ = LearningSet(model, [pool]).batches(64, SCHEDULE, seed=99)(0, slice(None))
    losses = []
    for vectors in (first, word.vectors):
        model.words["<new1>"] = vectors
        with torch.no_grad():
            loss = training_loss(model.denoiser(model.states(ids)), x0, t, eps, make_loss("uniform"))
            losses.append(float(loss.mean()))
    assert losses[1] < losses[0] - 1e-4, losses
    assert not torch.equal(first, word.vectors)


def test_nothing_but_the_word_has_a_gradient_or_changes(photos, checkpoint, tmp_path, monkeypatch):
    kept = {}

    def remembered(path, dtype=torch.float32, vae=None):
        kept["model"] = original(path, dtype, vae)
        kept["before"] = {
            f"{name}.{key}": value.clone()
            for name in ("unet", "vae", "text")
            for key, value in getattr(kept["model"], name).state_dict().items()
        }
        return kept["model"]

    original = StableDiffusion.load
    monkeypatch.setattr(StableDiffusion, "load", remembered)
    learn(options(photos, tmp_path / "run", checkpoint))
    for name in ("unet", "vae", "text"):
        network = getattr(kept["model"], name)
        assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())
        for key, value in network.state_dict().items():
            assert torch.equal(value, kept["before"][f"{name}.{key}"]), key


def test_an_interrupted_run_ends_with_the_same_word(photos, checkpoint, tmp_path):
    whole = learned(learn(options(photos, tmp_path / "whole", checkpoint, steps=6, save_every=2)))
    learn(options(photos, tmp_path / "halves", checkpoint, steps=6, save_every=2))
    states = sorted((tmp_path / "halves").glob("state-*.safetensors"))
    states[-1].unlink()
    (tmp_path / "halves" / "word.safetensors").unlink()
    resumed = learned(learn(options(photos, tmp_path / "halves", checkpoint, steps=6, save_every=2)))
    assert torch.equal(whole.vectors, resumed.vectors)
    with pytest.raises(UserError, match=r"holds a run with loop\.seed = 0, not 1"):
        learn(options(photos, tmp_path / "halves", checkpoint, steps=6, save_every=2, seed=1))


def test_a_run_does_not_go_on_with_other_photos(photos, checkpoint, tmp_path):
    mine = shutil.copytree(photos, tmp_path / "photos")
    learn(options(mine, tmp_path / "run", checkpoint))
    Image.new("RGB", (20, 24)).save(mine / "a.png")
    with pytest.raises(UserError, match=r"holds a run with photos\.a\.png = "):
        learn(options(mine, tmp_path / "run", checkpoint))


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("preview", ("a {} at sea",), "preview = "),
        ("preview_count", 3, "preview_count = 2, not 3"),
        ("preview_every", 1, "preview_every = 2, not 1"),
        ("plain", "a corgi", "plain = dog, not a corgi"),
        ("clip", "CLIP", "clip = None, not "),
        ("precision", "bf16", "precision = fp32, not bf16"),
        ("lr", 0.06, "lr = 0.05, not 0.06"),
    ],
)
def test_what_decides_the_word_that_is_kept_is_a_setting(
    photos, checkpoint, clip_folder, tmp_path, setting, value, told
):
    """Also of a run that was killed before its first state: its note tells."""
    chosen = {"preview_every": 2, "steps": 2}
    learn(options(photos, tmp_path / "run", checkpoint, **chosen))
    for state in (tmp_path / "run").glob("state-*"):
        state.unlink()
    chosen[setting] = str(clip_folder) if value == "CLIP" else value
    with pytest.raises(UserError, match=f"holds a run with {told}"):
        learn(options(photos, tmp_path / "run", checkpoint, **chosen))


def test_the_precision_is_recorded_as_it_was_chosen(photos, checkpoint, tmp_path):
    learn(options(photos, tmp_path / "run", checkpoint, precision="auto", steps=1))
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert settings["precision"] == choose_precision(torch.device("cpu"))


def test_two_processes_learn_as_one(photos, checkpoint, tmp_path, on_two_processes):
    """Under torchrun one log and one word are written, and the word is that of one process but for rounding."""
    alone = learned(learn(options(photos, tmp_path / "alone", checkpoint)))
    said = on_two_processes("-m", "tests.personalisation.test_learn", photos, tmp_path / "two", checkpoint)
    assert said.count("wrote ") == 1
    torch.testing.assert_close(
        learned(tmp_path / "two" / "word.safetensors").vectors, alone.vectors, atol=1e-5, rtol=1e-4
    )
    lines = [(tmp_path / run / "log.jsonl").read_text().count("\n") for run in ("alone", "two")]
    assert lines[0] == lines[1] > 0


def test_saving_memory_changes_nothing(photos, checkpoint, tmp_path):
    plain = learned(learn(options(photos, tmp_path / "plain", checkpoint)))
    saved = learned(learn(options(photos, tmp_path / "saved", checkpoint, save_memory=True)))
    torch.testing.assert_close(plain.vectors, saved.vectors, atol=1e-6, rtol=1e-5)


def test_accumulated_parts_are_one_batch(photos, checkpoint, tmp_path):
    whole = learned(learn(options(photos, tmp_path / "whole", checkpoint, batch_size=4)))
    parts = learned(learn(options(photos, tmp_path / "parts", checkpoint, batch_size=4, accumulate=2)))
    torch.testing.assert_close(whole.vectors, parts.vectors, atol=1e-5, rtol=1e-4)


def test_the_best_preview_is_kept_and_the_file_says_where_it_came_from(
    photos, checkpoint, clip_folder, tmp_path, capsys
):
    run = tmp_path / "run"
    word = learned(learn(options(photos, run, checkpoint, preview_every=2, clip=str(clip_folder), vectors=2)))
    told = [learned(path).metadata for path in sorted((run / "words").glob("*.safetensors"))]
    best = max(told, key=lambda one: float(one["score"]))
    assert word.metadata == {**best, "kept_by": "clip"} and word.vectors.shape == (2, 64)
    assert word.metadata["checkpoint"] == StableDiffusion.load(checkpoint).name
    assert len(set(json.loads(word.metadata["photos"]))) == 2 and ".png" not in word.metadata["photos"]
    shown = capsys.readouterr().out
    assert "step 2: image" in shown and "step 4: image" in shown and shown.count("<- kept") == 1
    with Image.open(run / "preview-000004.png") as sheet:
        assert sheet.size == (2 * 18 + 2, 2 * 18 + 2), "two prompts, two pictures each"


def test_the_stage_that_is_kept_is_the_best_by_what_was_asked_for():
    measured = {"2": (60.0, 0.3), "4": (70.0, 0.2), "6": (65.0, 0.1), "8": (62.0, 0.15)}
    stages = [
        LearnedFile([], {}, {"step": step, "score": str(score), "loss_fixed": str(loss)})
        for step, (score, loss) in measured.items()
    ]
    assert [best_stage(stages, by).metadata["step"] for by in ("clip", "loss", "last")] == ["4", "6", "8"]


@pytest.mark.parametrize("method", ["word", "lora"])
def test_the_kept_file_is_that_stage_and_says_why(photos, checkpoint, tmp_path, method):
    chosen = {"method": method, "preview_every": 2, "steps": 4, "beside": BesideOptions(prior_share=0.0)}
    for by in ("last", "loss"):
        run = tmp_path / by
        kept = read_words_alone(learn(options(photos, run, checkpoint, **chosen, keep=by)))
        stages = [read_words_alone(path) for path in sorted(run.glob("*/step-*.safetensors"))]
        stage = best_stage(stages, by)
        assert kept.metadata == {**stage.metadata, "kept_by": by}
        assert torch.equal(kept.words[0].vectors, stage.words[0].vectors)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"keep": "loss", "preview_every": 0}, "--preview-every 0 makes none"),
        ({"keep": "clip"}, "no CLIP is known for this checkpoint"),
        ({"keep": "best"}, "best"),
    ],
)
def test_a_stage_that_cannot_be_chosen_is_refused(photos, checkpoint, tmp_path, more, told):
    with pytest.raises(UserError, match=told):
        learn(options(photos, tmp_path / "run", checkpoint, **{"preview_every": 2, **more}))
    assert not (tmp_path / "run").exists()


def test_previews_do_not_disturb_the_learning(photos, checkpoint, tmp_path):
    plain = learned(learn(options(photos, tmp_path / "plain", checkpoint)))
    shown = learned(learn(options(photos, tmp_path / "shown", checkpoint, preview_every=1)))
    assert torch.equal(plain.vectors, shown.vectors)


def drawn_by(run):
    """Name -> bytes of all pictures and films of a run."""
    return {path.name: path.read_bytes() for path in run.iterdir() if path.suffix in (".png", ".webp")}


def test_previews_come_from_the_same_noises_at_every_step_and_the_first_from_the_first_word(
    photos, checkpoint, tmp_path
):
    """A word that hardly moves paints the same at all steps; the first is painted here anew."""
    run = tmp_path / "run"
    with pytest.warns(UserWarning, match="nothing was learned"):
        learn(options(photos, run, checkpoint, preview_every=2, lr=1e-12, preview=("a {}", "my {} at sea")))
    shown = [np.asarray(open_picture(run / f"preview-{step:06d}.png")).astype(int) for step in (0, 2, 4)]
    assert all(abs(shown[0] - one).max() <= 1 for one in shown[1:])
    model = StableDiffusion.load(checkpoint)
    model.learn_words([Embedding("<new1>", initial_vectors(model, "dog", 1), {})])
    cells = sheet_cells(open_picture(run / "preview-000000.png"), 2, 4)
    assert len({cell.tobytes() for cell in cells}) == 4, "each from a noise of its own"
    for number, prompt in enumerate(("a <new1>", "a <new1>", "my <new1> at sea", "my <new1> at sea")):
        states, nothing = (encoded(model, [text]) for text in (prompt, ""))
        painted = paint(model, states, nothing[:, 0], [seed_of(0, "preview", number)], Sampling(steps=15))
        assert abs(painted[0].numpy().astype(int) - cells[number]).max() <= 1, number


@pytest.mark.parametrize("method", ["word", "custom"])
def test_step_0_is_what_was_there_before_anything_was_learned(photos, checkpoint, tmp_path, method):
    """However far the learning has come when it is painted."""
    run = tmp_path / "run"
    beside = BesideOptions(prior_share=0.0)
    told = {"preview_every": 2, "lr": 50.0, "preview": ("a {}",), "method": method, "beside": beside}
    learn(options(photos, run, checkpoint, **told))
    model = StableDiffusion.load(checkpoint)
    model.learn_words([Embedding("<new1>", initial_vectors(model, "dog", 1), {})])
    states, nothing = (encoded(model, [text]) for text in ("a <new1>", ""))
    wanted = paint(model, states, nothing[:, 0], [seed_of(0, "preview", 0)], Sampling(steps=15))[0].numpy().astype(int)
    first, last = (sheet_cells(open_picture(run / f"preview-{step:06d}.png"), 2, 2)[0] for step in (0, 4))
    assert abs(wanted - first).max() <= 1 < abs(wanted - last).max()


def test_a_learning_word_is_seen_from_step_0_on_and_a_resumed_run_leaves_the_same_figures(
    photos, checkpoint, clip_folder, tmp_path
):
    told = {"steps": 6, "save_every": 2, "preview_every": 2, "clip": str(clip_folder)}
    learn(options(photos, tmp_path / "whole", checkpoint, **told))
    whole = drawn_by(tmp_path / "whole")
    steps = (0, 2, 4, 6)
    assert set(whole) == {"crops.png", "word.png", "word.webp", *(f"preview-{step:06d}.png" for step in steps)}
    _, labels = read_film(tmp_path / "whole" / "word.webp")
    scores = [note_in(tmp_path / "whole" / f"preview-{step:06d}.png")["score"] for step in steps]
    assert labels == [f"step {step}, score {score:.1f}" for step, score in zip(steps, scores)]
    words = [learned(path).metadata for path in sorted((tmp_path / "whole" / "words").glob("*.safetensors"))]
    assert [int(one["step"]) for one in words] == [2, 4, 6], "what is not learned yet cannot be kept"
    assert scores[1:] == pytest.approx([float(one["score"]) for one in words], abs=1e-3)
    learn(options(photos, tmp_path / "halves", checkpoint, **told))
    for name in ("state-00000006.safetensors", "word.safetensors", "word.png", "word.webp", "preview-000006.png"):
        (tmp_path / "halves" / name).unlink()
    learn(options(photos, tmp_path / "halves", checkpoint, **told))
    assert drawn_by(tmp_path / "halves") == whole


def test_first_vectors_follow_the_rule(checkpoint):
    model = StableDiffusion.load(checkpoint)
    table = model.text.token_embedding.weight

    def of(text):
        return table[Tokenizer().plain(text)]

    torch.testing.assert_close(initial_vectors(model, "dog", 1), of("dog"))
    torch.testing.assert_close(initial_vectors(model, "big dog", 2), of("big dog"))
    torch.testing.assert_close(initial_vectors(model, "big old dog", 1), of("big old dog").mean(dim=0, keepdim=True))
    groups = torch.stack([of("big old").mean(dim=0), of("dog")[0]])
    torch.testing.assert_close(initial_vectors(model, "big old dog", 2), groups)
    repeated = initial_vectors(model, "dog", 3)
    torch.testing.assert_close(repeated[0], of("dog")[0])
    moved = (repeated[1:] - of("dog")).norm(dim=1) / of("dog").norm()
    assert all(0.003 < float(distance) < 0.03 for distance in moved)
    with pytest.raises(UserError, match="the tokenizer knows nothing in it"):
        initial_vectors(model, " ", 1)


def test_an_exploding_loss_stops_with_advice(photos, checkpoint, tmp_path, monkeypatch):
    import sfumato.personalisation.learned as module

    calls = []

    def exploding(*arguments):
        calls.append(1)
        return masked_loss(*arguments) * (1 if len(calls) <= 50 else 10)

    monkeypatch.setattr(module, "masked_loss", exploding)
    with pytest.raises(UserError, match=r"mean loss of 50 steps rose from .* to .*; lower the learning rate"):
        learn(options(photos, tmp_path / "run", checkpoint, steps=80, lr=1e-4))
    assert 50 < len(calls) < 70

    def broken(*arguments):
        return masked_loss(*arguments) * float("nan")

    monkeypatch.setattr(module, "masked_loss", broken)
    with pytest.raises(UserError, match="the loss is nan at step 1"):
        learn(options(photos, tmp_path / "nan", checkpoint))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": "dog"}, "dog: is in the vocabulary already"),
        ({"token": "<|endoftext|>"}, "is in the vocabulary already"),
        ({"token": "new1"}, "has no angle brackets"),
        ({"token": "<my dog>"}, "has no angle brackets"),
        ({"init": " "}, "give --init"),
        ({"init": "like <new2>"}, "a learned word cannot be the beginning"),
        ({"kind": "dog"}, "unknown kind 'dog'"),
        ({"preset": "cat"}, "unknown preset 'cat'"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"reading": PhotoOptions(crops=0)}, "crops must be at least 1"),
        ({"lr": 0.0}, "lr must be above 0"),
        ({"batch_size": 3, "accumulate": 2}, "cannot be shared evenly"),
        ({"precision": "int8"}, "unknown precision 'int8'"),
        ({"vectors": 80}, "is longer than 77 tokens"),
    ],
)
def test_what_cannot_be_learned_is_refused(photos, checkpoint, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        learn(options(photos, tmp_path / "run", checkpoint, **change))
    assert not (tmp_path / "run" / "word.safetensors").exists()


def test_templates_can_be_ones_own(photos, checkpoint, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("my {} at home\n\nmy {} outside\n")
    learn(options(photos, tmp_path / "run", checkpoint, templates=texts))
    texts.write_text("my {}\nmy dog\n")
    with pytest.raises(UserError, match=r"texts.txt: line 2: each line must have {} once"):
        learn(options(photos, tmp_path / "other", checkpoint, templates=texts))


def test_bad_photos_are_refused_before_anything_is_written(photos, checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no photo"):
        learn(options(tmp_path / "empty", tmp_path / "run", checkpoint))
    shutil.copytree(photos, tmp_path / "bad")
    (tmp_path / "bad" / "c.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(UserError, match=r"c.jpg: cannot be decoded"):
        learn(options(tmp_path / "bad", tmp_path / "run", checkpoint))
    assert not (tmp_path / "run").exists()


if __name__ == "__main__":
    learn(options(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
