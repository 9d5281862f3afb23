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
}
"""Folder -> the parts of the package that its files may import."""


def imported_parts(path):
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*inside[: -node.level], *(node.module or "").split(".")]
            if len(target) > 1 and target[1]:
                yield target[1]


@pytest.mark.parametrize("folder", list(MAY_IMPORT))
def test_a_folder_imports_only_what_lies_below_it(folder):
    files = sorted((PACKAGE / folder).rglob("*.py"))
    assert files
    for path in files:
        assert set(imported_parts(path)) <= MAY_IMPORT[folder], path
