"""hw2_3.sh as the graders run it; on a small checkpoint of the large one's key layout."""

import json

import torch
from PIL import Image

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


def test_a_word_that_nobody_learned_is_one_line_and_status_2(tmp_path):
    prepare(tmp_path)
    done = run_script("hw2_3.sh", "input.json", "out", "model.ckpt", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("hw2_3.sh:")]
    assert "nobody has learned <new1> for this checkpoint; known are: none" in line
    assert "sfumato concepts learn hw2_data/textual_inversion/0 runs/0 --token '<new1>' --preset course-dog" in line
    assert "ten minutes on a GPU" in line
    assert not (tmp_path / "out").exists()
