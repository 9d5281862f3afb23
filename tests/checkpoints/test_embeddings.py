"""Words as old and other programs write them, and what is none; the formats that are written too: test_words.py."""

import collections
import sys
import types

import pytest
import torch

from sfumato.checkpoints import read_embeddings, write_safetensors
from sfumato.errors import UserError
from sfumato.models.stable_diffusion.tokenizer import VOCABULARY

ROWS = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))


def saved(path, content, zipped=True):
    torch.save(content, str(path), _use_new_zipfile_serialization=zipped)
    return path


def found(path):
    return {word.token: word.vectors.tolist() for word in read_embeddings(path)}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_parameter_dict_of_any_pytorch_is_several_words(tmp_path, monkeypatch, zipped):
    new = torch.nn.ParameterDict({"<new1>": torch.nn.Parameter(ROWS[:1]), "<new2>": torch.nn.Parameter(ROWS[1:])})
    expected = {"<new1>": ROWS[:1].tolist(), "<new2>": ROWS[1:].tolist()}
    assert found(saved(tmp_path / "new.pt", new, zipped)) == expected

    # As versions before 1.12 wrote it: the state alone, without a table of keys.
    class ParameterDict:
        def __init__(self):
            parameters = {key: torch.nn.Parameter(value.detach()) for key, value in new.items()}
            self.__dict__.update({"training": True, "_parameters": collections.OrderedDict(parameters)})

    module = types.ModuleType("old_container")
    ParameterDict.__module__, ParameterDict.__qualname__ = module.__name__, "ParameterDict"
    module.ParameterDict = ParameterDict
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert found(saved(tmp_path / "old.pt", ParameterDict(), zipped)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ROWS[0], {"<w>": 1}),
        (ROWS[None], {"<w>": 3}),
        (ROWS[None, None], {"<w>": 3}),
        ([ROWS[0]], {"<w>": 1}),
        ((ROWS[0], ROWS[1:]), {"<w-1>": 1, "<w-2>": 2}),
        (torch.nn.ParameterList([torch.nn.Parameter(ROWS), torch.nn.Parameter(ROWS[0])]), {"<w-1>": 3, "<w-2>": 1}),
        ({"<a>": ROWS[0], "b c": ROWS, "step": 7, "loss": torch.tensor(0.1)}, {"<a>": 1, "b c": 3}),
        ({"token": "<a>", "embedding": ROWS}, {"<a>": 3}),
        ({"name": "<a>", "emb_params": ROWS}, {"<a>": 3}),
        ({"embedding": ROWS}, {"<w>": 3}),
        ({"clip_l": ROWS}, {"<w>": 3}),
        ({"state_dict": {"<a>": ROWS}}, {"<a>": 3}),
        ({"tokens": "<a>", "embeddings": ROWS}, {"<a>": 3}),
        ({"tokens": ["<a>", "<b>", "<c>"], "embeddings": ROWS[None]}, {"<a>": 1, "<b>": 1, "<c>": 1}),
        ({"string_to_param": {"<a>": ROWS[:1], "<b>": ROWS[1:]}}, {"<a>": 1, "<b>": 2}),
        ({"<a>": ROWS.numpy()}, {"<a>": 3}),
        ({"<a>": ROWS.half()}, {"<a>": 3}),
        ({"<a>": ROWS.bfloat16()}, {"<a>": 3}),
        ({"<a>": ROWS.double().requires_grad_()}, {"<a>": 3}),
    ],
)
def test_every_shape_is_read_and_named(tmp_path, content, expected):
    words = read_embeddings(saved(tmp_path / "w.PT", content))
    assert {word.token: len(word.vectors) for word in words} == expected
    for word in words:
        assert word.vectors.dtype == torch.float32 and not word.vectors.requires_grad
        assert len(word.vectors) != 3 or torch.allclose(word.vectors, ROWS, atol=0.02)


@pytest.mark.parametrize("key", ["weight", "text_model.embeddings.token_embedding.weight", "emb_params", "<new1>"])
@pytest.mark.parametrize("new", [1, 2])
def test_of_a_whole_vocabulary_the_rows_beyond_it_are_words(tmp_path, key, new):
    table = torch.zeros(VOCABULARY + new, 4)
    table[VOCABULARY:] = torch.arange(1.0, new + 1)[:, None]
    name = "new1" if key == "<new1>" else "w"
    tokens = [f"<{name}>"] if new == 1 else [f"<{name}-1>", f"<{name}-2>"]
    others = {"text_model.final_layer_norm.weight": torch.ones(4)} if "." in key else {}
    words = found(saved(tmp_path / "w.pt", {key: table, **others}))
    assert words == {token: [[number] * 4] for number, token in enumerate(tokens, 1)}
    if "." not in key:
        assert found(saved(tmp_path / "w.pt", {"string_to_param": {key: table}, "step": 1})) == words
    told = {"tokens": [f"<t{n}>" for n in range(new)], "embeddings": table}
    assert list(found(saved(tmp_path / "w.pt", told))) == told["tokens"]
    assert list(found(saved(tmp_path / "w.pt", table))) == [token.replace("new1", "w") for token in tokens]


def test_a1111s_words_keep_their_step_and_what_stands_inside_in_brackets(tmp_path):
    content = {"string_to_token": {"*": 265}, "string_to_param": {"*": ROWS}, "name": "<cat>", "step": 300}
    (word,) = read_embeddings(saved(tmp_path / "Tabby.pt", content))
    assert word[0] == "Tabby" and word.any_case and word.also == ("<cat>",) and word.metadata == {"step": "300"}
    (word,) = read_embeddings(saved(tmp_path / "<dog>.pt", content))
    assert word.token == "<dog>" and not word.any_case, "brackets are spelled as they are"
    (word,) = read_embeddings(tmp_path / "Tabby.pt", token="<mine>")
    assert (word.token, word.any_case, word.also) == ("<mine>", False, ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"clip_g": ROWS}, "is a word of Stable Diffusion XL, for two text encoders"),
        (torch.zeros(1, 1280), "<w> is 1280 wide: it was learned for Stable Diffusion XL, not version 1"),
        (torch.zeros(VOCABULARY + 1001, 1), "holds 1,001 tensors where words are looked for"),
        ({str(n) + "x": ROWS[0] for n in range(1001)}, "holds 1,001 tensors where words are looked for"),
        (torch.zeros(76, 4), "<w> has 76 vectors; a prompt has room for 75"),
        (torch.full((1, 4), 1e300, dtype=torch.float64), "<w> holds NaN or infinity"),
        ({"tokens": ["<a>", "<b>"], "embeddings": ROWS}, "has 2 tokens for 3 vectors"),
        ({"tokens": [], "embeddings": ROWS}, "has 0 tokens for 3 vectors"),
        ({"<a\nb>": ROWS}, r"its word is called '<a\\nb>', which no prompt can say"),
        ({"<a \ud83d>": ROWS}, r"its word is called '<a \\ud83d>', which no prompt can say"),
        ({"x" * 201: ROWS}, "which no prompt can say"),
        ({"": ROWS}, "which no prompt can say"),
        ({"<a>": torch.nn.Linear(2, 2)}, "has torch.nn.modules.linear.Linear where <a> has its vectors"),
        ([ROWS, 1], "holds no embedding"),
        ([], "holds no embedding"),
        ({}, "holds no embedding"),
    ],
)
def test_what_is_no_word_here_is_one_line(tmp_path, content, words):
    with pytest.raises(UserError, match=f"w.bin: .*{words}") as refused:
        read_embeddings(saved(tmp_path / "w.bin", content))
    assert "\n" not in str(refused.value) and str(refused.value).isprintable()


def test_only_a_single_word_can_be_renamed(tmp_path):
    saved(tmp_path / "two.pt", {"<a>": ROWS, "<b>": ROWS})
    with pytest.raises(UserError, match=r"two.pt: holds several words \(<a>, <b>\)"):
        read_embeddings(tmp_path / "two.pt", token="<c>")


def test_safetensors_of_several_words_and_of_other_models(tmp_path):
    pytest.importorskip("safetensors")
    write_safetensors(tmp_path / "w.SAFETENSORS", {"<a>": ROWS[:1], "<b>": ROWS[1:]}, {"step": "5"})
    assert found(tmp_path / "w.SAFETENSORS") == {"<a>": ROWS[:1].tolist(), "<b>": ROWS[1:].tolist()}
    write_safetensors(tmp_path / "w.pt", {"clip_l": ROWS, "clip_g": ROWS.clone()}, {})
    with pytest.raises(UserError, match="Stable Diffusion XL"):
        read_embeddings(tmp_path / "w.pt")
