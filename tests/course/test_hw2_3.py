"""hw2_3.sh as the graders run it; on a small checkpoint of the large one's key layout."""

import functools
import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.concepts.generate import GenerateOptions
from sfumato.concepts.painting import Sampling
from sfumato.course import hw2_3
from sfumato.models.stable_diffusion.tokenizer import VOCABULARY
from sfumato.stable_diffusion import SMALL_WORLD
from tests.concepts.conftest import lightning_checkpoint, tiny_state
from tests.course.scripts import run_script

INPUT = {
    "0": {"token_name": "<new1>", "prompt": ["A <new1> on a hill.", "A <new1> in a park."]},
    "1": {"token_name": "<new2>", "prompt": ["A street in the style of <new2>."]},
}


def prepare(folder):
    (folder / "input.json").write_text(json.dumps(INPUT))
    torch.save(lightning_checkpoint(tiny_state()), str(folder / "model.ckpt"))


def test_every_prompt_gets_25_pictures_with_the_words_beside_the_checkpoint(tmp_path):
    prepare(tmp_path)
    (tmp_path / "embeddings").mkdir()
    torch.save({"<new1>": torch.ones(64), "<new2>": torch.zeros(2, 64)}, str(tmp_path / "embeddings" / "new.pt"))
    done = run_script("hw2_3.sh", "input.json", "answers/three", "model.ckpt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for source, prompt in (("0", 0), ("0", 1), ("1", 0)):
        folder = tmp_path / "answers" / "three" / source / str(prompt)
        assert {path.name for path in folder.iterdir()} == {f"source{source}_prompt{prompt}_{i}.png" for i in range(25)}
    with Image.open(tmp_path / "answers" / "three" / "1" / "0" / "source1_prompt0_24.png") as picture:
        assert picture.size == (16, 16)


def test_prompts_that_lack_a_word_are_named_and_the_others_painted(tmp_path):
    prepare(tmp_path)
    (tmp_path / "embeddings").mkdir()
    torch.save({"<new2>": torch.zeros(2, 64)}, str(tmp_path / "embeddings" / "new2.PTH"))
    done = run_script("hw2_3.sh", "input.json", "out", "model.ckpt", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("hw2_3.sh:")]
    assert "2 prompts are not painted: nobody has learned <new1> for this checkpoint; known are: <new2>. This" in line
    assert "sfumato concepts learn hw2_data/textual_inversion/0 runs/0 --token '<new1>' --preset course-dog" in line
    assert "ten minutes on a GPU" in line
    assert files_in(tmp_path / "out") == {f"1/0/source1_prompt0_{number}.png" for number in range(25)}


def test_without_any_word_nothing_is_painted_and_each_is_named(tmp_path):
    prepare(tmp_path)
    (tmp_path / "embeddings").mkdir()
    done = run_script("hw2_3.sh", "input.json", "out", "model.ckpt", cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("hw2_3.sh:")]
    assert len(lines) == 2
    assert "<new1>" in lines[0] and "known are: none" in lines[0]
    assert "'A street in the style of <new2>.' is not painted: nobody has learned <new2>" in lines[1]
    assert not (tmp_path / "out").exists()


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def few(monkeypatch):
    """One picture a prompt, in one step."""
    smaller = functools.partial(GenerateOptions, count=1, sampling=Sampling(steps=1))
    monkeypatch.setattr("sfumato.concepts.generate.GenerateOptions", smaller)


def with_prompts(folder, tokens):
    prepare(folder)
    sources = {str(n): {"token_name": token, "prompt": [f"a {token}"]} for n, token in enumerate(tokens)}
    (folder / "input.json").write_text(json.dumps(sources))
    (folder / "embeddings").mkdir()


def paint(folder, out="out", **more):
    return hw2_3.paint(folder / "input.json", folder / out, folder / "model.ckpt", **more)


def table(new):
    """A vocabulary with words of its own behind it."""
    return torch.cat([torch.zeros(VOCABULARY, 64), torch.arange(1.0, new + 1)[:, None].expand(new, 64)])


ROWS = torch.arange(3.0)[:, None].expand(3, 64).clone()
FORMATS = {
    "two.pt": (
        torch.nn.ParameterDict({"<p>": torch.nn.Parameter(ROWS[:1]), "<q>": torch.nn.Parameter(ROWS[1:])}),
        "p q",
    ),
    "list.bin": ([ROWS[0], ROWS[1:]], "list-1 list-2"),
    "axes.PT": (ROWS[None, :1], "axes"),
    "array.npy": (ROWS.numpy(), "array"),
    "named.pth": ({"token": "<named>", "embedding": ROWS}, "named"),
    "one.ckpt": ({"string_to_param": {"<one>": table(1)}}, "one"),
    "full.CKPT": (table(2), "full-1 full-2"),
    "dict.bin": ({"<c>": ROWS[0], "<d>": ROWS[1:]}, "c d"),
    "tokens.pt": ({"tokens": ["<e>"], "token_ids": [1], "embeddings": ROWS}, "e"),
    "webui.pt": ({"string_to_token": {"*": 265}, "string_to_param": {"*": ROWS}, "name": "<f>", "step": 3}, "f"),
    "bare.pt": (ROWS, "bare"),
}
"""File -> what is in it, and its words without their brackets."""


def test_words_come_in_from_files_of_every_format(tmp_path, few):
    with_prompts(tmp_path, [f"<{token}>" for _, tokens in FORMATS.values() for token in tokens.split()])
    for name, (content, _) in FORMATS.items():
        if name.endswith(".npy"):
            np.save(tmp_path / "embeddings" / name, content)
        else:
            torch.save(content, str(tmp_path / "embeddings" / name))
    assert paint(tmp_path) == []
    count = len(json.loads((tmp_path / "input.json").read_text()))
    assert count == 15 and len(files_in(tmp_path / "out")) == count


def test_words_that_ship_are_not_hidden_by_an_empty_folder_and_others_are_looked_for_where_one_says(tmp_path, few):
    with_prompts(tmp_path, ["<new1>"])
    (tmp_path / "model.ckpt").unlink()
    shutil.copy(SMALL_WORLD, tmp_path / "model.ckpt")
    assert paint(tmp_path) == [], "the word that ships with the package"
    picture = tmp_path / "out" / "0" / "0" / "source0_prompt0_0.png"
    before = picture.read_bytes()
    (tmp_path / "mine").mkdir()
    torch.save({"<new1>": torch.ones(64)}, str(tmp_path / "mine" / "w.pt"))
    assert paint(tmp_path, beside=[tmp_path / "mine"]) == []
    assert picture.read_bytes() != before
    (tmp_path / "embeddings" / "README.ckpt").write_text("read me")
    with pytest.warns(UserWarning, match="README.ckpt: is no file of tensors .* it is left out"):
        assert paint(tmp_path) == [], "what cannot be used there and is not needed stops nothing"
    assert picture.read_bytes() == before


def test_every_word_that_a_prompt_lacks_is_named(tmp_path, few):
    with_prompts(tmp_path, ["<a>"])
    sources = {"0": {"token_name": "<a>", "prompt": ["an <a> beside a <b>", "a <b>", "a cat"]}}
    (tmp_path / "input.json").write_text(json.dumps(sources))
    with pytest.warns(UserWarning, match="has no <a> in it"):
        lines = [str(fault) for fault in paint(tmp_path)]
    assert {line.split(" for this")[0] for line in lines} == {
        "'an <a> beside a <b>' is not painted: nobody has learned <a>",
        "2 prompts are not painted: nobody has learned <b>",
    }
    assert files_in(tmp_path / "out") == {"0/2/source0_prompt2_0.png"}
    assert "learn hw2_data/textual_inversion/KEY runs/KEY --token '<b>' --init WORD" in lines[0] + lines[1]


def test_it_goes_on_where_it_was_interrupted_without_a_note(tmp_path, few):
    with_prompts(tmp_path, ["<a>", "<b>"])
    torch.save({"<a>": ROWS[1], "<b>": ROWS[2]}, str(tmp_path / "embeddings" / "w.pt"))
    paint(tmp_path)
    names = ["0/0/source0_prompt0_0.png", "1/0/source1_prompt0_0.png"]
    kept, lost = (tmp_path / "out" / name for name in names)
    whole = lost.read_bytes()
    lost.unlink()
    os.utime(kept, (0, 0))
    paint(tmp_path)
    assert kept.stat().st_mtime == 0 and lost.read_bytes() == whole
    torch.save({"<a>": ROWS[2], "<b>": ROWS[2]}, str(tmp_path / "embeddings" / "w.pt"))
    paint(tmp_path)
    assert kept.stat().st_mtime > 0, "another word of the same name paints another picture"


def test_when_a_word_comes_only_the_prompts_that_lacked_it_are_painted(tmp_path, few):
    with_prompts(tmp_path, ["<a>", "<b>"])
    torch.save({"<a>": ROWS[1]}, str(tmp_path / "embeddings" / "a.pt"))
    assert len(paint(tmp_path)) == 1
    kept = tmp_path / "out" / "0/0/source0_prompt0_0.png"
    os.utime(kept, (0, 0))
    torch.save({"<b>": ROWS[2]}, str(tmp_path / "embeddings" / "b.pt"))
    assert paint(tmp_path) == []
    assert kept.stat().st_mtime == 0 and (tmp_path / "out" / "1/0/source1_prompt0_0.png").exists()
