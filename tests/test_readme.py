"""Every command of the README runs, in order, in one folder, as a newcomer would type it."""

import io
import re
import shlex
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

pytest.importorskip("tyro")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState

from sfumato.cli import main
from tests.concepts.conftest import tiny_state
from tests.digits.conftest import draw_digits

README = Path(__file__).parents[1] / "README.md"


def commands():
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_readme_has_commands_of_known_kinds():
    kinds = {words[0] for words in commands()}
    assert kinds <= {"make", "bash", "sfumato", "echo"}
    assert "sfumato" in kinds


def test_make_targets_and_scripts_exist():
    makefile = (README.parent / "Makefile").read_text()
    for words in commands():
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
        if words[0] == "bash":
            assert (README.parent / words[1]).exists(), words


SHORTENED = {
    "digits train": ["--steps", "4", "--encoder-steps", "2", "--look-every", "0"],
    "digits train-judge": ["--steps", "2"],
    "faces train": ["--steps", "2", "--batch-size", "4", "--held-out", "2", "--look-every", "0"],
    "pictures train": ["--minutes", "0.01", "--width", "8", "--blocks", "1", "--batch-size", "2", "--look-every", "0"],
    "pictures generate": ["--steps", "2"],
    "faces invert": ["--steps", "4", "8"],
    "concepts learn": ["--steps", "4", "--preview-every", "2", "--batch-size", "2"],
    "report shipped": ["--quick", "--no-pdf"],
    "report page": ["--no-pdf"],
    "world evaluate": ["--count", "2", "--steps", "4"],
}
"""An hour's training is shown; its first steps are tested."""


def files_of_a_user(folder):
    """What the README's reader has: the course's data, faces, a checkpoint, an input.json, a learned word."""
    for seed, name in enumerate(("mnistm", "svhn")):
        draw_digits(folder / "hw2_data" / "digits" / name, seed=seed)
    with zipfile.ZipFile(folder / "faces64.zip", "w") as archive:
        for number in range(12):
            buffer = io.BytesIO()
            Image.new("RGB", (64, 64), (20 * number, 90, 120)).save(buffer, format="PNG")
            archive.writestr(f"{number}.png", buffer.getvalue())
    torch.save({"state_dict": tiny_state()}, folder / "model.ckpt")
    (folder / "input.json").write_text('{"0": {"token_name": "<new1>", "prompt": ["a <new1>", "two <new1>"]}}')
    for number in range(12):
        kind = folder / "flowers" / ("tulip" if number % 2 else "rose")
        kind.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90, 70), (20 * number, 90, 120)).save(kind / f"{number}.jpg")
    (folder / "photos" / "0").mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (30, 40), (40 * number, 90, 120)).save(folder / "photos" / "0" / f"{number}.jpg")
    (folder / "embeddings").mkdir()
    torch.save({"<new1>": torch.ones(64)}, folder / "embeddings" / "new1.pt")


def test_every_sfumato_command_runs(tmp_path, monkeypatch):
    files_of_a_user(tmp_path)
    monkeypatch.chdir(tmp_path)
    for words in commands():
        if words[0] == "echo":
            _, text, to, name = words
            assert to == ">"
            Path(name).write_text(text)
        if words[0] == "sfumato":
            shortened = SHORTENED.get(" ".join(words[1:3]), SHORTENED.get(words[1], []))
            assert main([*words[1:], *shortened]) == 0, words
            # A user's commands are processes of their own; Accelerate keeps one state a process.
            AcceleratorState._reset_state(reset_partial_state=True)


def test_the_library_examples_run(tmp_path, monkeypatch, capsys):
    core, own = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(core, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 20

    files_of_a_user(tmp_path)
    monkeypatch.chdir(tmp_path)
    smaller = own.replace("classes)", "classes, width=8, blocks=1)").replace("20_000", "2, batch_size=2")
    assert smaller.count("width=8") == smaller.count("batch_size=2") == 1
    names = {}
    exec(compile(smaller, "README.md", "exec"), names)
    assert names["x"].shape == (64, 3, 64, 64)
