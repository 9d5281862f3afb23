"""The arrows of the house point one way."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sfumato"

SHARED = {"clip", "errors", "devices", "pictures", "runs"}
"""Modules beside the folders, which all tasks use."""

MAY_IMPORT = {
    "diffusion": {"diffusion"},
    "models": {"models", "diffusion"},
    "checkpoints": {"checkpoints", "models", "diffusion", "errors"},
    "training": {"training", "checkpoints", "models", "diffusion", *SHARED},
    "digits": {"digits", "training", "checkpoints", "models", "diffusion", *SHARED},
    "concepts": {"concepts", "training", "checkpoints", "models", "diffusion", *SHARED},
    "world": {"world", "concepts", "digits", "training", "checkpoints", "models", "diffusion", *SHARED},
    "report": {"report", "checkpoints", *SHARED},
    "faces": {"faces", "training", "checkpoints", "models", "diffusion", *SHARED},
    "course": {"course", "digits", "faces", "concepts", "checkpoints", "models", *SHARED},
    "doctor.py": {"devices"},
    "zero_shot.py": SHARED,
    "cli.py": {"errors", "runs"},
    "errors.py": set(),
    "devices.py": {"errors"},
    "pictures.py": {"checkpoints", "errors"},
    "clip.py": {"checkpoints", "models", "errors", "devices"},
    "runs.py": {"checkpoints", "devices", "errors", "pictures"},
}
"""Folder or file -> the parts of the package that it may import."""


def imported_parts(path):
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*inside[: -node.level], *(node.module or "").split(".")]
            if len(target) > 1 and target[1]:
                yield target[1]


@pytest.mark.parametrize("name", list(MAY_IMPORT))
def test_nothing_imports_what_stands_above_it(name):
    files = [PACKAGE / name] if name.endswith(".py") else sorted((PACKAGE / name).rglob("*.py"))
    assert files
    for path in files:
        assert set(imported_parts(path)) <= MAY_IMPORT[name], path


def test_every_part_of_the_package_has_its_place():
    there = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__.py", "__main__.py"} == set(MAY_IMPORT)
