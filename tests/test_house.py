"""The arrows of the house point one way."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sfumato"

SHARED = {
    *(
        "additions",
        "bars",
        "clip",
        "conditions",
        "errors",
        "extras",
        "devices",
        "images",
        "keeping",
        "model",
        "options",
        "outputs",
        "runs",
        "sampling",
    ),
    "stable_diffusion",
}
"""What all tasks use."""

MAY_IMPORT = {
    "diffusion": {"diffusion"},
    "models": {"models", "diffusion", "options"},
    "checkpoints": {"checkpoints", "models", "diffusion", "errors"},
    "training": {"training", "checkpoints", "models", "diffusion", *SHARED},
    "pictures": {"pictures", "training", "checkpoints", "models", "diffusion", *SHARED},
    "digits": {"digits", "pictures", "training", "checkpoints", "models", "diffusion", *SHARED},
    "concepts": {"concepts", "pictures", "training", "checkpoints", "models", "diffusion", *SHARED},
    "personalisation": {
        "personalisation",
        "concepts",
        "pictures",
        "training",
        "checkpoints",
        "models",
        "diffusion",
        *SHARED,
    },
    "world": {"world", "concepts", "digits", "pictures", "training", "checkpoints", "models", "diffusion", *SHARED},
    "report": {"report", "checkpoints", "models", *SHARED},
    "faces": {"faces", "pictures", "training", "checkpoints", "models", "diffusion", *SHARED},
    "course": {"course", "program", "digits", "faces", "concepts", "checkpoints", "models", *SHARED},
    "homework": {
        *(
            "homework",
            "course",
            "report",
            "zero_shot",
            "digits",
            "faces",
            "concepts",
            "personalisation",
            "pictures",
            "training",
            "checkpoints",
        ),
        *("diffusion", "models", *SHARED),
    },
    "again": {
        *("again", "digits", "faces", "concepts", "pictures", "checkpoints", "models", "diffusion"),
        *SHARED,
    },
    "grid": {
        *("grid", "flags", "digits", "faces", "concepts", "pictures", "checkpoints"),
        *SHARED,
    },
    "studio": {
        *("studio", "again", "classify", "cli", "digits", "faces", "concepts", "personalisation", "pictures"),
        *("checkpoints", "models", "diffusion", *SHARED),
    },
    "doctor.py": {"devices", "errors", "models"},
    "presets.py": {"errors"},
    "info.py": {"checkpoints", "errors", "images", "runs"},
    "model.py": {"conditions", "keeping", "model_files", "diffusion"},
    "conditions.py": set(),
    "model_files.py": {"checkpoints", "models", "diffusion", "errors"},
    "stable_diffusion.py": {"checkpoints", "devices", "keeping", "models", "diffusion", "errors"},
    "sampling.py": {"diffusion", "errors", "options"},
    "by_names.py": {"bars", "clip", "errors", "images"},
    "zero_shot.py": {"by_names", "checkpoints", *SHARED},
    "classify.py": {"by_names", *SHARED},
    "additions.py": {"checkpoints", "errors", "models", "runs", "stable_diffusion"},
    "converting.py": {
        "additions",
        "checkpoints",
        "converting_additions",
        "devices",
        "errors",
        "models",
        "options",
        "outputs",
        "stable_diffusion",
    },
    "converting_additions.py": {
        "additions",
        "checkpoints",
        "personalisation",
        "errors",
        "models",
        "stable_diffusion",
    },
    "commands.py": set(),
    "cli.py": {"commands", "errors", "extras", "flags", "options", "program", "runs"},
    "flags.py": {"errors", "options"},
    "program.py": {"errors", "extras"},
    "extras.py": {"errors"},
    "bars.py": set(),
    "keeping.py": set(),
    "errors.py": set(),
    "options.py": {"errors"},
    "devices.py": {"errors"},
    "images": {"images", "checkpoints", "errors"},
    "clip.py": {"checkpoints", "clip_pixels", "models", "errors", "devices"},
    "clip_pixels.py": {"checkpoints", "errors"},
    "outputs.py": {"errors"},
    "runs.py": {"checkpoints", "devices", "errors", "images", "keeping", "outputs"},
}
"""Folder or file -> the parts of the package that it may import."""


def imported_parts(path):
    inside = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*inside[: -node.level], *(node.module or "").split(".")]
            if len(target) > 1 and target[1]:
                yield target[1]
            elif len(target) == 2:
                yield from (alias.name for alias in node.names if not alias.name.startswith("__"))


@pytest.mark.parametrize("name", list(MAY_IMPORT))
def test_nothing_imports_what_stands_above_it(name):
    files = [PACKAGE / name] if name.endswith(".py") else sorted((PACKAGE / name).rglob("*.py"))
    assert files
    for path in files:
        assert set(imported_parts(path)) <= MAY_IMPORT[name], path


def test_every_part_of_the_package_has_its_place():
    there = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__.py", "__main__.py"} == set(MAY_IMPORT)


ONE_PLACE = {
    "Image.open(": {"images/opening.py", "images/saving.py"},
    "zipfile.ZipFile(": set(),
    "np.load(": set(),
    ".rglob(": set(),
    ".extractall(": set(),
    "rmtree(": {"checkpoints/files.py"},
}
"""What only these files may do: each is safe in one place, and that place is tested."""


@pytest.mark.parametrize("words", list(ONE_PLACE))
def test_what_can_do_harm_is_done_in_one_place(words):
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if words in path.read_text()}
    assert found == ONE_PLACE[words]


SCRIPTS = ("hw2_1.sh", "hw2_2.sh", "hw2_3.sh", "hw2_download_ckpt.sh", "get_dataset.sh")


def test_no_window_is_opened_nor_looks_as_if_it_were():
    """The course forbids the very words imshow and show, and what looks for them looks at the text."""
    paths = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / name for name in SCRIPTS)]
    assert [path.name for path in paths if "show(" in path.read_text(encoding="utf-8")] == []


def test_no_test_changes_torch_for_the_others():
    """An import that sets the number of threads changes the rounding of whichever test comes after it."""
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        assert not [line for line in path.read_text().splitlines() if line.startswith("torch.set_")], path
