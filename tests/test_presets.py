"""The trainings that were done: their commands are commands, and the quick ones reach their scores."""

import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.cli import main
from sfumato.commands import COMMANDS
from sfumato.flags import read_flags
from sfumato.presets import PRESETS, QUICK

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "presets.md").read_text()


@pytest.mark.parametrize("name", list(PRESETS))
def test_its_commands_can_be_typed_and_stand_in_the_docs(name):
    for command in PRESETS[name].commands:
        program, job, verb, *flags = shlex.split(command)
        if program == "python":
            assert (ROOT / job).is_file()
        else:
            told = COMMANDS[f"{job} {verb}"]
            read_flags(f"{job} {verb}", getattr(importlib.import_module(told.module), told.options), flags)
        assert command in DOCS


@pytest.mark.parametrize("name", list(PRESETS))
def test_what_was_reached_is_what_must_be_and_stands_in_the_docs(name):
    preset = PRESETS[name]
    assert preset.holds(preset.reached)
    assert not preset.holds(preset.must * (1.1 if preset.less else 0.9))
    assert all(part in DOCS for part in (preset.data, preset.time, f"{preset.reached:g}", f"{preset.must:g}"))


def test_the_table_can_be_asked_for(capsys):
    assert main(["presets"]) == 0
    said = capsys.readouterr().out
    assert all(command in said for preset in PRESETS.values() for command in preset.commands)
    assert main(["presets", "--name", "shapes"]) == 0
    assert "faces" not in capsys.readouterr().out
    assert main(["presets", "--name", "cats"]) == 2
    assert (
        capsys.readouterr().err == "sfumato: unknown preset 'cats'; choose of shapes, letters, digits, faces, world\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", list(QUICK))
def test_the_quick_ones_reach_their_scores(name, tmp_path):
    preset = QUICK[name]
    for command in preset.commands:
        program, *rest = shlex.split(command)
        typed = [str(ROOT / rest[0]), *rest[1:]] if program == "python" else ["-m", "sfumato", *rest]
        subprocess.run([sys.executable, *typed], check=True, cwd=tmp_path, capture_output=True)
    file, *keys = preset.where
    found = json.loads((tmp_path / file).read_text())
    for key in keys:
        found = found[key]
    assert preset.holds(found), found
