"""What `sfumato course` hands in, copied to another place: its scripts run there, and paint what they paint here."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.checkpoints import Embedding, write_embedding
from sfumato.faces.noises import NoiseOptions, noise
from sfumato.homework.handing_in import hand_in
from sfumato.stable_diffusion import SMALL_WORLD
from tests.course.scripts import ROOT, run_script


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """OUT with a word of its own, copied after it was made; nothing of the repository is beside it."""
    made, copied = tmp_path_factory.mktemp("made") / "out", tmp_path_factory.mktemp("copied") / "a copy: of it"
    hand_in(made)
    (made / "embeddings").mkdir()
    vectors = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    write_embedding(made / "embeddings" / "mine.pt", Embedding("<mine>", vectors, {}), "diffusers")
    shutil.copytree(made, copied)
    shutil.rmtree(made)
    return copied


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def both(handed_in, tmp_path, script, arguments):
    """What the script paints from the copy and from the repository."""
    found = []
    for name, root in (("there", handed_in), ("here", ROOT)):
        done = run_script(script, *[part.format(out=name) for part in arguments], cwd=tmp_path, root=root)
        assert done.returncode == 0, done.stderr
        found.append(files(tmp_path / name))
    return found


def test_hw2_1_paints_the_same_and_within_a_grey_level_of_the_newest_environment(handed_in, tmp_path, reference):
    there, here = both(handed_in, tmp_path, "hw2_1.sh", ["{out}"])
    assert there == here and len(there) == 1000
    for path in sorted((reference / "painted" / "digits").rglob("*.png")):
        mine = tmp_path / "there" / path.relative_to(reference / "painted" / "digits")
        one, other = (np.asarray(Image.open(each)).astype(int) for each in (mine, path))
        assert np.abs(one - other).max() <= 1, mine


def test_hw2_2_paints_the_same(handed_in, tmp_path):
    noise(NoiseOptions(tmp_path / "noise", count=1))
    there, here = both(handed_in, tmp_path, "hw2_2.sh", ["noise", "{out}", "shipped"])
    assert there == here and len(there) == 1


def test_hw2_3_paints_the_same_with_the_word_that_is_handed_in(handed_in, tmp_path):
    told = {"0": {"token_name": "<mine>", "prompt": ["a chalk <mine>"]}}
    (tmp_path / "input.json").write_text(json.dumps(told))
    # From the repository the word is found beside the checkpoint.
    shutil.copytree(handed_in / "embeddings", tmp_path / "embeddings")
    shutil.copy(SMALL_WORLD, tmp_path / "model.ckpt")
    there, here = both(handed_in, tmp_path, "hw2_3.sh", ["input.json", "{out}", "model.ckpt"])
    assert there == here and len(there) == 25
