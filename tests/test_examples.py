"""The examples run, are short, and show what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run_example(name, cwd, *arguments):
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    # Of the caller's settings only how many threads: more than there are cores free wait for each other spinning.
    threads = {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **threads}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_at_most_46_lines_and_says_how_to_run_it(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 46
    assert f"python examples/{path.name}" in text


def test_gaussian(tmp_path):
    rows = run_example("gaussian.py", tmp_path).splitlines()
    accurate = [row for row in rows if re.search(r"(heun|unipc|dpmpp-2m) +25 steps", row)]
    assert len(accurate) == 9, "three samplers on three schedules"
    for row in accurate:
        mean, std = (float(number) for number in re.findall(r"(?:mean|std) ([\d.]+)", row))
        assert abs(mean - 0.4) < 0.02
        assert abs(std - 0.5) < 0.02


def test_paint_a_number(tmp_path):
    from PIL import Image

    run_example("paint_a_number.py", tmp_path, "2024", "number.png")
    with Image.open(tmp_path / "number.png") as picture:
        assert picture.size == (2 + 4 * 114, 116)


def test_watch_it_appear(tmp_path):
    assert run_example("watch_it_appear.py", tmp_path).splitlines()[-1] == "decided"


def test_your_own_sampler(tmp_path):
    std = float(re.findall(r"std ([\d.]+)", run_example("your_own_sampler.py", tmp_path))[0])
    assert abs(std - 1.0) < 0.03


def test_network_of_your_own(tmp_path):
    """After a sixth of its steps the colours are the labels', and it paints with what it has read from the file."""
    pytest.importorskip("accelerate", minversion="1.0")
    from PIL import Image

    said = run_example("network_of_your_own.py", tmp_path, "250").splitlines()
    assert said[-2].startswith("in Python: Diffusion.load('own/model.safetensors', network)")
    with Image.open(tmp_path / "own.png") as picture:
        cells = np.asarray(picture.convert("RGBA")).astype(float)[1:-1].reshape(6, -1, 4)
    rows = [row[row[:, 3] == 255, :3].mean(axis=0) for row in cells]
    for gold, red, blue in (rows[:3], rows[3:]):
        assert gold[1] > red[1] + 10 and gold[0] > blue[0] + 10
        assert red[0] > blue[0] + 10 and blue[2] > red[2] + 10


def test_two_prompts(tmp_path):
    from PIL import Image

    run_example("two_prompts.py", tmp_path, "a chalk seven next to a two", "a digit next to a colourful two", "two.png")
    with Image.open(tmp_path / "two.png") as picture:
        assert picture.size == (4 * 48 + 4, 4 * 48 + 4)
        pixels = np.asarray(picture).astype(int)
    left, right = pixels[:, :96], pixels[:, 100:]
    colourful = [half.std(axis=2).mean() for half in (left, right)]
    assert colourful[1] > colourful[0], "chalk at the left, colours at the right"


def test_flow_against_ddpm(tmp_path):
    """More steps end nearer to the moons; the flow's path is straighter: two steps lead it nearer than the table."""
    rows = run_example("flow_against_ddpm.py", tmp_path, "moons.png").splitlines()
    far = [float(re.search(r"end ([\d.]+) from", row).group(1)) for row in rows]
    assert len(far) == 6
    assert far[0] > far[1] > far[2] and far[3] > far[4] > far[5]
    assert far[0] < far[3] and max(far[2], far[5]) < 0.12
    assert (tmp_path / "moons.png").stat().st_size > 10_000
