"""Pictures stay what they were: commands of today against pictures that were painted before the code was moved.

tests/reference/README.md says with which code and commands. In fp32 the largest difference is one grey level.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tyro")

from sfumato.cli import main

PROMPTS = (
    "a chalk seven",
    "a colourful two next to a street eight",
    "a <new1> in the style of <new2>",
    "a street <new1>",
)


def pixels(folder):
    found = {path.relative_to(folder): Image.open(path) for path in sorted(Path(folder).rglob("*.png"))}
    return {path: np.asarray(image).astype(int) for path, image in found.items()}


def assert_same(painted, expected):
    ours, theirs = pixels(painted), pixels(expected)
    assert ours.keys() == theirs.keys()
    assert theirs
    for path in theirs:
        assert np.abs(ours[path] - theirs[path]).max() <= 1, path


@pytest.fixture
def before(reference):
    return reference / "painted"


def test_digits(before, tmp_path):
    assert main(["digits", "generate", str(tmp_path / "out"), "--count", "1", "--precision", "fp32"]) == 0
    assert_same(tmp_path / "out", before / "digits")


@pytest.mark.parametrize("eta", ["0", "0.5"])
def test_faces(before, tmp_path, eta):
    noise, out = str(tmp_path / "noise"), str(tmp_path / "out")
    assert main(["faces", "noise", noise, "--count", "4"]) == 0
    assert main(["faces", "generate", noise, out, "shipped", "--eta", eta, "--precision", "fp32"]) == 0
    assert_same(out, before / f"faces-eta-{eta}")


def test_prompts(before, tmp_path):
    out = str(tmp_path / "out")
    command = ["concepts", "generate", out, "--count", "1", "--precision", "fp32", "--prompt", *PROMPTS]
    assert main(command) == 0
    assert_same(out, before / "prompts")
