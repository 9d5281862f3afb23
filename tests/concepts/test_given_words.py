"""Which of the given words are taken, what they are called, and what is said of them."""

import warnings

import pytest
import torch

from sfumato.checkpoints import read_embeddings
from sfumato.concepts.generate import GenerateOptions, generate
from sfumato.concepts.painting import Sampling
from sfumato.concepts.words import given_words
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
