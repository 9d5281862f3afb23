"""Learned words survive every format, both ways."""

import pytest
import torch

from sfumato.checkpoints import FORMATS, Embedding, embedding_files, read_embeddings, write_embedding
from sfumato.concepts.words import shipped_words
from sfumato.converting import ConvertOptions, convert
from sfumato.errors import UserError

VECTORS = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
ENDINGS = [(kind, ending) for kind in FORMATS for ending in (".safetensors", ".pt", ".bin")]


def writable(kind, ending):
    safe = ending == ".safetensors"
    return kind == "diffusers" or safe == (kind in ("sfumato", "emb_params"))


@pytest.mark.parametrize(("kind", "ending"), [pair for pair in ENDINGS if writable(*pair)])
@pytest.mark.parametrize("rows", [1, 3])
def test_what_is_written_is_read_back(tmp_path, kind, ending, rows):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"<dog>{ending}"
    write_embedding(path, Embedding("<dog>", VECTORS[:rows], {"step": "500"}), kind)
    (got,) = read_embeddings(path)
    assert got.token == "<dog>"
    assert torch.equal(got.vectors, VECTORS[:rows])


@pytest.mark.parametrize(("kind", "ending"), [pair for pair in ENDINGS if not writable(*pair)])
def test_other_endings_are_refused(tmp_path, kind, ending):
    for name in (f"a{ending}", "a", "a.txt"):
        with pytest.raises(UserError, match=f"{name}: files of the format {kind} end in"):
            write_embedding(tmp_path / name, Embedding("<a>", VECTORS, {}), kind)


def test_a_full_stop_in_a_token_is_written_where_it_can_be(tmp_path):
    word = Embedding("<v1.5>", VECTORS, {})
    write_embedding(tmp_path / "w.bin", word, "tokens")
    assert [word.token for word in read_embeddings(tmp_path / "w.bin")] == ["<v1.5>"]
    with pytest.raises(UserError, match=r"w.pt: the format compvis has no words with a full stop such as <v1.5>"):
        write_embedding(tmp_path / "w.pt", word, "compvis")
    assert not (tmp_path / "w.pt").exists()


def test_metadata_travel_with_our_own_format(tmp_path):
    pytest.importorskip("safetensors")
    write_embedding(tmp_path / "a.safetensors", Embedding("<a>", VECTORS, {"checkpoint": "abc", "init": "dog"}))
    metadata = read_embeddings(tmp_path / "a.safetensors")[0].metadata
    assert metadata["checkpoint"] == "abc"
    assert metadata["init"] == "dog"


def test_the_forms_that_others_write_are_read(tmp_path):
    forms = {
        "bare one.pt": VECTORS[0],
        "several.bin": {"<a>": VECTORS[0], "<b>": VECTORS[1]},
        "tokens.pt": {"tokens": ["<a>", "<b>"], "token_ids": [1, 2], "embeddings": VECTORS[:2]},
        "a1111.pt": {"string_to_token": {"*": 265}, "string_to_param": {"*": VECTORS}, "name": "ghibli", "step": 7},
        "nameless.pt": {"string_to_token": {"*": 265}, "string_to_param": {"*": VECTORS}, "name": None},
    }
    for name, content in forms.items():
        torch.save(content, str(tmp_path / name))
    read = {name: [(e.token, len(e.vectors)) for e in read_embeddings(tmp_path / name)] for name in forms}
    assert read == {
        "bare one.pt": [("<bare one>", 1)],
        "several.bin": [("<a>", 1), ("<b>", 1)],
        "tokens.pt": [("<a>", 1), ("<b>", 1)],
        "a1111.pt": [("a1111", 3)],
        "nameless.pt": [("nameless", 3)],
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"epoch": 3}, "holds no embedding in a format that is known"),
        ([1], "holds no embedding in a format that is known"),
        (torch.zeros(2, 3, 4), r"has the shape \[2, 3, 4\]"),
        (torch.zeros(2, 4, dtype=torch.int64), "has the shape"),
        (torch.full((1, 4), float("nan")), "holds NaN or infinity"),
    ],
)
def test_what_is_no_embedding_is_refused(tmp_path, content, words):
    torch.save(content, str(tmp_path / "a.pt"))
    with pytest.raises(UserError, match=words):
        read_embeddings(tmp_path / "a.pt")


def test_a_folder_gives_its_files_and_an_empty_one_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds no \.safetensors"):
        embedding_files([tmp_path])
    for name in ("b.pt", "a.bin", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in embedding_files([tmp_path, tmp_path / "b.pt"])] == ["a.bin", "b.pt", "b.pt"]


def test_no_word_ships_for_an_unknown_checkpoint():
    assert shipped_words("0" * 16) == []


def test_the_command_converts_words_and_renames_them(tmp_path):
    torch.save({"<a>": VECTORS[0]}, str(tmp_path / "learned_embeds.bin"))
    out = convert(ConvertOptions(tmp_path / "learned_embeds.bin", tmp_path / "new.pt", "a1111", rename="<new1>"))
    (word,) = read_embeddings(out)
    assert "<new1>" in (word.token, *word.also), (
        "A1111's words are called as their files are; ours keep their token too"
    )
    back = convert(ConvertOptions(out, tmp_path / "back.bin", "diffusers"))
    assert [word.token for word in read_embeddings(back)] == ["<new1>"]
    with pytest.raises(UserError, match="unknown word 'lora'"):
        convert(ConvertOptions(tmp_path / "learned_embeds.bin", tmp_path / "new.pt", "lora"))
    torch.save({"<a>": VECTORS[0], "<b>": VECTORS[1]}, str(tmp_path / "two.bin"))
    with pytest.raises(UserError, match=r"holds several words \(<a>, <b>\); take one with --pick, or give a folder"):
        convert(ConvertOptions(tmp_path / "two.bin", tmp_path / "new.pt", "bare"))
    with pytest.raises(UserError, match=r"--precision: does nothing for .* which is a learned word"):
        convert(ConvertOptions(tmp_path / "learned_embeds.bin", tmp_path / "new.pt", "bare", precision="fp16"))


def several(path):
    torch.save({"<a>": VECTORS[0], "b/c": VECTORS[1:], "b.c": VECTORS[2]}, str(path))
    return path


def test_one_of_several_words_is_picked_or_each_gets_a_file(tmp_path):
    source = several(tmp_path / "several.bin")
    convert(ConvertOptions(source, tmp_path / "one.pt", "diffusers", pick="b/c", rename="<bc>"))
    (word,) = read_embeddings(tmp_path / "one.pt")
    assert word.token == "<bc>" and torch.equal(word.vectors, VECTORS[1:])
    with pytest.raises(UserError, match=r"several.bin: has no word <c>; pick one of <a>, b/c, b.c"):
        convert(ConvertOptions(source, tmp_path / "none.pt", "diffusers", pick="<c>"))
    (tmp_path / "each").mkdir()
    with pytest.raises(UserError, match="only one can be renamed, take it with --pick"):
        convert(ConvertOptions(source, tmp_path / "each", "tokens", rename="<x>"))
    assert not list((tmp_path / "each").iterdir())
    convert(ConvertOptions(source, tmp_path / "each", "tokens"))
    found = {path.name: [word.token for word in read_embeddings(path)] for path in (tmp_path / "each").iterdir()}
    assert found == {"a.pt": ["<a>"], "b_c.pt": ["b/c"], "b_c1.pt": ["b.c"]}, "what names may not have is replaced"


@pytest.mark.parametrize(
    "content",
    [
        VECTORS,
        VECTORS[None, :1],
        [VECTORS],
        torch.nn.ParameterDict({"<w>": torch.nn.Parameter(VECTORS)}),
        {"<w>": VECTORS},
        {"w": VECTORS},
        {"token": "<w>", "embedding": VECTORS},
        {"string_to_param": {"*": VECTORS}, "name": "<w>"},
        {"state_dict": {"<w>": VECTORS}},
        {"weight": torch.ones(49_409, 8)},
    ],
)
def test_a_learned_word_is_known_when_it_is_seen(tmp_path, content):
    pytest.importorskip("safetensors")
    torch.save(content, str(tmp_path / "w.ckpt"))
    expected = read_embeddings(tmp_path / "w.ckpt")[0].vectors
    convert(ConvertOptions(tmp_path / "w.ckpt", tmp_path / "out.safetensors"))
    (word,) = read_embeddings(tmp_path / "out.safetensors")
    assert word.token in ("<w>", "w") and torch.equal(word.vectors, expected)
    with pytest.raises(
        UserError, match=r"out.pt: sfumato's own format for .*w.* ends in .safetensors; .* give --word: diff"
    ):
        convert(ConvertOptions(tmp_path / "w.ckpt", tmp_path / "out.pt"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"clip_g": torch.ones(1, 1280)}, "is a word of Stable Diffusion XL"),
        ({"<w>": torch.ones(1, 1024)}, "it was learned for Stable Diffusion 2"),
        ({"fc.weight": torch.ones(10, 64), "fc.bias": torch.ones(10)}, "has no U-Net"),
        ({"encoder.conv_in.weight": torch.ones(4, 3, 3, 3)}, "is an autoencoder"),
        ({"lora_unet_x.lora_down.weight": torch.ones(4, 64)}, "is a LoRA"),
        ({"epoch": 3}, "has no U-Net"),
    ],
)
def test_what_is_no_word_and_no_checkpoint_is_named_as_before(tmp_path, content, words):
    torch.save(content, str(tmp_path / "w.pt"))
    with pytest.raises(UserError, match=f"w.pt: .*{words}"):
        convert(ConvertOptions(tmp_path / "w.pt", tmp_path / "out.safetensors"))
    assert not (tmp_path / "out.safetensors").exists()


def test_the_command_converts_checkpoints(checkpoint, tmp_path):
    pytest.importorskip("safetensors")
    from sfumato.stable_diffusion import StableDiffusion

    out = convert(ConvertOptions(checkpoint, tmp_path / "model.safetensors"))
    expected, got = StableDiffusion.load(checkpoint), StableDiffusion.load(out)
    assert got.name == expected.name
    pickled = StableDiffusion.load(convert(ConvertOptions(out, tmp_path / "back.ckpt")))
    assert (pickled.name, pickled.size) == (expected.name, 16)
    assert got.size == expected.size
    half = convert(ConvertOptions(checkpoint, tmp_path / "half.safetensors", precision="fp16"))
    assert half.stat().st_size < 0.51 * out.stat().st_size
    for options, words in (
        (ConvertOptions(checkpoint, tmp_path / "model.bin"), r"is written as .safetensors or .ckpt"),
        (ConvertOptions(checkpoint, tmp_path / "m.safetensors", precision="fp8"), "unknown precision"),
        (
            ConvertOptions(checkpoint, tmp_path / "m.safetensors", rename="<a>"),
            "--rename: does nothing for .* which is a checkpoint",
        ),
        (
            ConvertOptions(checkpoint, tmp_path / "m.safetensors", pick="<a>"),
            "--pick: does nothing for .* which is a checkpoint",
        ),
        (ConvertOptions(checkpoint, tmp_path / "none" / "m.safetensors"), "there is no such folder"),
    ):
        with pytest.raises(UserError, match=words):
            convert(options)


def test_a_source_that_is_not_there_is_named_before_the_ending_of_what_is_written(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.pt: there is no such file or folder"):
        convert(ConvertOptions(tmp_path / "nothing.pt", tmp_path / "out.pt"))
