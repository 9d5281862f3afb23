"""Every command of the README runs, in order, in one folder, as a newcomer would type it."""

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("tyro")
pytest.importorskip("accelerate")

from sfumato.cli import main
from tests.digits.conftest import draw_digits

README = Path(__file__).parents[1] / "README.md"


def commands():
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_readme_has_commands_of_known_kinds():
    kinds = {words[0] for words in commands()}
    assert kinds <= {"make", "bash", "sfumato", "git", "cd"}
    assert "sfumato" in kinds


def test_make_targets_and_scripts_exist():
    makefile = (README.parent / "Makefile").read_text()
    for words in commands():
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
        if words[0] == "bash":
            assert (README.parent / words[1]).exists(), words


def test_every_sfumato_command_runs(tmp_path, monkeypatch):
    for seed, name in enumerate(("mnistm", "svhn")):
        draw_digits(tmp_path / "hw2_data" / "digits" / name, seed=seed)
    monkeypatch.chdir(tmp_path)
    for words in commands():
        if words[0] == "sfumato":
            arguments = words[1:]
            # An hour's training is shown; its first steps are tested.
            shortened = {"train": ["--steps", "4", "--look-every", "0"], "train-judge": ["--steps", "2"]}
            arguments += shortened.get(words[2], [])
            assert main(arguments) == 0, words


def test_the_library_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 20
