"""Which of the given words are taken, what they are called, and what is said of them."""

import warnings
from pathlib import Path

import numpy
import pytest
import torch

from sfumato.checkpoints import Embedding, given_words, read_embeddings, write_embedding
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.concepts.words import with_words
from sfumato.errors import UserError
from sfumato.models.stable_diffusion.tokenizer import VOCABULARY, Tokenizer

QUICK = Sampling(steps=1)


def a1111(name, value=1.0, step=1, key="*"):
    vectors = torch.full((2, 64), value)
    return {"string_to_token": {"*": 265}, "string_to_param": {key: vectors}, "name": name, "step": step}


def word(token, value=1.0):
    return {token: torch.full((64,), float(value))}


def tokens_in(path, content):
    torch.save(content, str(path))
    return [(one.token, len(one.vectors)) for one in read_embeddings(path)]


def test_the_formats_seen_in_the_wild(tmp_path):
    table = torch.zeros(VOCABULARY + 2, 4)
    table[-2:] = torch.tensor([[1.0], [2.0]])
    parameters = torch.nn.ParameterDict(
        {"<new1>": torch.nn.Parameter(torch.ones(1, 4)), "<b>": torch.nn.Parameter(torch.zeros(2, 4))}
    )
    assert sorted(tokens_in(tmp_path / "dict.pt", parameters)) == [("<b>", 2), ("<new1>", 1)]
    assert tokens_in(tmp_path / "deep.PTH", torch.ones(1, 1, 4)) == [("<deep>", 1)]
    assert tokens_in(tmp_path / "named.bin", {"token": "<dog>", "embedding": torch.ones(4)}) == [("<dog>", 1)]
    assert tokens_in(tmp_path / "grad.ckpt", {"<a>": torch.ones(4, requires_grad=True)}) == [("<a>", 1)]
    assert tokens_in(tmp_path / "one.pt", table[:-1]) == [("<one>", 1)]
    assert tokens_in(tmp_path / "two.pt", {"weight": table}) == [("<two-1>", 1), ("<two-2>", 1)]
    assert [float(one.vectors[0, 0]) for one in read_embeddings(tmp_path / "two.pt")] == [1.0, 2.0]
    assert tokens_in(tmp_path / "list.pt", [torch.ones(4)]) == [("<list>", 1)]


def test_an_npy_is_a_word(tmp_path):
    import numpy as np

    np.save(tmp_path / "cat.npy", np.ones((2, 4), np.float16))
    (found,) = read_embeddings(tmp_path / "cat.npy")
    assert (found.token, found.vectors.tolist()) == ("<cat>", [[1.0] * 4] * 2)
    np.save(tmp_path / "cat.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"cat.npy: is no array of numbers"):
        read_embeddings(tmp_path / "cat.npy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"clip_l": torch.ones(1, 768), "clip_g": torch.ones(1, 1280)}, "Stable Diffusion XL"),
        ({"<a>": torch.ones(1, 1024)}, "Stable Diffusion 2"),
        ({"<a>": torch.ones(200, 64)}, "200 vectors"),
        ({"<a>": torch.full((64,), float("inf"))}, "NaN or infinity"),
        ({"lora_unet_x.lora_down.weight": torch.ones(4, 64)}, "is a LoRA"),
    ],
)
def test_other_models_words_are_named(tmp_path, content, words):
    torch.save(content, str(tmp_path / "a.pt"))
    with pytest.raises(UserError, match=words):
        read_embeddings(tmp_path / "a.pt")


def test_a1111s_words_are_called_as_their_files_in_any_case(tmp_path):
    torch.save(a1111("art"), str(tmp_path / "Art-by-Me.pt"))
    (found,) = read_embeddings(tmp_path / "Art-by-Me.pt")
    assert (found.token, found.any_case) == ("Art-by-Me", True)
    tokenizer = Tokenizer({"Art-by-Me": 2}, any_case={"Art-by-Me"})
    for prompt in ("a seven art-by-me", "a seven <ART-BY-ME>, big", "a seven Art-by-Me"):
        assert tokenizer.words(prompt) == ["Art-by-Me"]
        assert VOCABULARY in tokenizer(prompt).ids and VOCABULARY + 1 in tokenizer(prompt).ids
    assert tokenizer.words("a party smart-by-men") == []


def test_other_words_keep_their_case(tmp_path):
    tokenizer = Tokenizer({"<Dog>": 1})
    assert tokenizer.words("a <Dog>") == ["<Dog>"]
    assert tokenizer.words("a <dog>") == []


def test_of_several_stages_the_newest_is_taken(tmp_path):
    for step in (500, 1000, 90):
        torch.save(word("<new1>", step), str(tmp_path / f"word-{step}.pt"))
    (found,) = given_words([tmp_path])
    assert (found.file.name, found.stages) == ("word-1000.pt", 3)
    assert float(found.word.vectors[0, 0]) == 1000


def test_the_newest_stage_is_known_by_what_the_files_tell_or_by_their_names(tmp_path):
    pytest.importorskip("safetensors")
    for name, step in (("a", 900), ("b", 1000), ("c", 20)):
        vectors = torch.full((1, 64), float(step))
        write_embedding(tmp_path / f"{name}.safetensors", Embedding("<new1>", vectors, {"step": str(step)}))
    write_embedding(tmp_path / "word.safetensors", Embedding("<new1>", torch.full((1, 64), 900.0), {"step": "900"}))
    (found,) = given_words([tmp_path])
    assert (found.file.name, found.stages) == ("b.safetensors", 3), "the same vectors twice are one stage"
    torch.save(word("<new1>", 7), str(tmp_path / "odd.pt"))
    with pytest.raises(UserError, match="its word <new1> comes from"):
        given_words([tmp_path])


def test_a1111s_stages_keep_their_own_names_and_the_newest_the_common_one(tmp_path):
    for step in (1000, 500):
        torch.save(a1111("<dog>", float(step), step), str(tmp_path / f"w-{step}.PT"))
    found = {one.word.token: one.word.also for one in given_words([tmp_path])}
    assert found == {"w-1000": ("<dog>",), "w-500": ()}
    torch.save(a1111("x", 3.0, 500), str(tmp_path / "W-500.bin"))
    with pytest.raises(UserError, match=r"w-500 comes from .*w-500.PT too|w-500 comes from .*W-500.bin too"):
        given_words([tmp_path])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("two.pt=<dog>", r"two.pt: holds several words"),
        ("one.pt=", "one.pt=: a file and what its word is to be called"),
        ("=<dog>", "=<dog>: a file and what its word is to be called"),
        ("none.pt=<dog>", r"none.pt: cannot be read"),
        ("one.pt=<a b\n>", "which no prompt can say"),
        ("none=x.pt", r"none=x.pt: cannot be read"),
    ],
)
def test_names_that_cannot_be_given_are_refused(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    torch.save({**word("<a>"), **word("<b>", 2)}, "two.pt")
    torch.save(word("<a>"), "one.pt")
    with pytest.raises(UserError, match=words):
        given_words([Path(given)])


def test_files_of_any_ending_and_case_are_found_and_hidden_ones_are_not(tmp_path):
    for number, name in enumerate(("a.PT", "b.Pth", "c.ckpt", "d.BIN", "._a.PT", "e.txt")):
        torch.save(word(f"<{name[0]}>", number), str(tmp_path / name))
    numpy.save(tmp_path / "f.NPY.npy", numpy.ones(64, numpy.float32))
    assert [one.word.token for one in given_words([tmp_path])] == ["<a>", "<b>", "<c>", "<d>", "<f.NPY>"]


def test_a_word_that_does_not_fit_is_named_with_its_file(checkpoint, tmp_path):
    torch.save({"<a>": torch.ones(32)}, str(tmp_path / "narrow.pt"))
    with pytest.raises(UserError, match=r"narrow.pt: <a>: its vectors are 32 wide, the checkpoint's 64"):
        with_words(checkpoint, torch.float32, given_words([tmp_path / "narrow.pt"]))


def test_a1111s_word_may_be_one_of_the_vocabulary_and_others_may_not(checkpoint, tmp_path):
    torch.save(a1111("x"), str(tmp_path / "art.pt"))
    model, _ = with_words(checkpoint, torch.float32, given_words([tmp_path / "art.pt"]))
    assert model.tokenizer()("Art").ids[1:3] == [VOCABULARY, VOCABULARY + 1]
    assert model.tokenizer()("a party").ids == Tokenizer()("a party").ids
    torch.save(word("art"), str(tmp_path / "other.pt"))
    with pytest.raises(UserError, match=r"other.pt: art: is in the vocabulary already"):
        with_words(checkpoint, torch.float32, given_words([tmp_path / "other.pt"]))
    # A given word takes the place of what answered to its token before.
    model.learn_words([read_embeddings(tmp_path / "art.pt", token="<art>")[0]._replace(also=("art",))])
    assert (set(model.words), model.any_case, model.also) == ({"<art>"}, set(), {"art": "<art>"})


def test_a_token_from_two_files_is_refused_with_the_way_out(tmp_path):
    one, other = tmp_path / "one.pt", tmp_path / "other.pt"
    torch.save(word("<new1>", 1), str(one))
    torch.save(word("<new1>", 2), str(other))
    with pytest.raises(UserError, match=r"other.pt: its word <new1> comes from .*one.pt too; .*other.pt=<dog>"):
        given_words([one, other])
    found = given_words([one, tmp_path / "other.pt=<dog>"])
    assert [given.word.token for given in found] == ["<new1>", "<dog>"]
    assert len(given_words([one, one])) == 1, "the same file twice is no clash"
    (tmp_path / "a=b.pt").write_bytes(one.read_bytes())
    assert [given.word.token for given in given_words([tmp_path / "a=b.pt"])] == ["<new1>"]


def test_a_given_word_takes_the_place_of_one_beside(tmp_path):
    for folder, value in (("scripts", 1), ("checkpoint", 2), ("given", 3)):
        (tmp_path / folder).mkdir()
        torch.save(word("<new1>", value), str(tmp_path / folder / "w.pt"))
    beside = [tmp_path / "scripts", tmp_path / "checkpoint", tmp_path / "nowhere"]
    assert [float(one.word.vectors[0, 0]) for one in given_words([], beside)] == [2]
    assert [float(one.word.vectors[0, 0]) for one in given_words([tmp_path / "given"], beside)] == [3]
    (tmp_path / "empty").mkdir()
    assert [float(one.word.vectors[0, 0]) for one in given_words([], [*beside, tmp_path / "empty"])] == [2]


def test_what_cannot_be_used_beside_is_left_out_aloud_and_refused_where_it_was_given(checkpoint, tmp_path):
    torch.save(word("<a>"), str(tmp_path / "a.pt"))
    torch.save({"<b>": torch.ones(32)}, str(tmp_path / "b.pt"))
    (tmp_path / "c.ckpt").write_text("no tensors")
    with pytest.warns(UserWarning, match=r"c.ckpt: is no file of tensors .*; it is left out"):
        beside = given_words([], [tmp_path])
    assert [one.word.token for one in beside] == ["<a>", "<b>"]
    with pytest.warns(UserWarning, match=r"b.pt: <b>: its vectors are 32 wide, the checkpoint's 64.*; it is left out"):
        model, _ = with_words(checkpoint, torch.float32, beside)
    assert set(model.words) == {"<a>"}
    with pytest.raises(UserError, match=r"c.ckpt: is no file of tensors"):
        given_words([tmp_path])


def said(checkpoint, tmp_path, capsys, **told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        generate(GenerateOptions(tmp_path / "out", checkpoint, count=1, overwrite=True, **told))
    return capsys.readouterr().out + "\n".join(str(one.message) for one in caught)


def test_words_that_are_used_or_have_no_effect_are_told(checkpoint, tmp_path, capsys):
    torch.save(a1111("EasyNegative"), str(tmp_path / "EasyNegative.pt"))
    torch.save(word("<new1>"), str(tmp_path / "new.pt"))
    files = (tmp_path / "EasyNegative.pt", tmp_path / "new.pt")
    told = said(
        checkpoint,
        tmp_path,
        capsys,
        prompt=("a seven",),
        embeddings=files,
        sampling=Sampling(steps=1, negative_prompt="easynegative, <nosuch>"),
    )
    assert f"using EasyNegative from {files[0]} (2 vectors)" in told
    assert f"no prompt uses <new1> ({files[1]})" in told
    assert "nobody has learned <nosuch> in the negative prompt" in told


def test_the_line_on_a_word_says_what_it_takes_the_place_of_and_how_new_it_is(checkpoint, tmp_path, capsys):
    torch.save(a1111("x"), str(tmp_path / "art.pt"))
    (tmp_path / "stages").mkdir()
    for step in (1, 20):
        torch.save(word("<s>", step), str(tmp_path / "stages" / f"s-{step}.pt"))
    files = (tmp_path / "art.pt", tmp_path / "stages")
    told = said(checkpoint, tmp_path, capsys, prompt=("ART of <s>",), embeddings=files, sampling=QUICK)
    assert f"using art from {files[0]} (2 vectors), in place of the word that the vocabulary has\n" in told
    assert f"using <s> from {files[1] / 's-20.pt'} (1 vector), the newest of 2 stages\n" in told
    assert "no prompt uses" not in told


def test_of_folders_that_the_user_did_not_name_only_what_is_used_is_told(checkpoint, tmp_path, capsys):
    for token in ("<a>", "<b>"):
        torch.save(word(token, len(token)), str(tmp_path / f"{token}.pt"))
    generate(GenerateOptions(tmp_path / "out", checkpoint, ("an <a>",), count=1, sampling=QUICK), [tmp_path])
    lines = [line for line in capsys.readouterr().out.splitlines() if "using" in line]
    assert lines == [f"using <a> from {tmp_path / '<a>.pt'} (1 vector)"]


def test_prompts_of_an_input_json_without_their_own_word_are_told(checkpoint, tmp_path, capsys):
    torch.save(word("<new1>"), str(tmp_path / "new.pt"))
    (tmp_path / "input.json").write_text('{"0": {"token_name": "<new1>", "prompt": ["a chalk new1", "a <new1>"]}}')
    told = said(
        checkpoint, tmp_path, capsys, input=tmp_path / "input.json", embeddings=(tmp_path / "new.pt",), sampling=QUICK
    )
    assert "source '0': 'a chalk new1' has no <new1> in it" in told
    assert "'a <new1>'" not in told


def test_half_an_emoji_is_refused_and_a_billion_pictures_begin_at_once(checkpoint, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="prompt"):
        generate(GenerateOptions(tmp_path / "out", checkpoint, prompt=("a \ud83d",), sampling=QUICK))

    class FirstBatch(Exception):
        """Painting began."""

    def begins(*_, **__):
        raise FirstBatch

    monkeypatch.setattr("sfumato.concepts.generate.paint", begins)
    with pytest.raises(FirstBatch):
        generate(GenerateOptions(tmp_path / "many", checkpoint, prompt=("a",), count=10**9, sampling=QUICK))
