"""What only some commands need is asked for by them alone: the rest works without, and they say in a line what to
do."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from sfumato.commands import COMMANDS
from sfumato.extras import CORE, EXTRAS, missing_line, refuse_missing

ROOT = Path(__file__).parents[1]
OTHERS = ("gdown", "weasyprint", "timm", "detectors", "dlib", "torchvision", "huggingface_hub", "diffusers", "scipy")
"""What is looked for where it is used, with words of its own."""


def hidden(program, folder, packages=(*EXTRAS, *OTHERS)):
    """Run a program in a process in which packages cannot be imported."""
    hide = f"import sys\nfor name in {packages!r}: sys.modules[name] = None\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", hide + program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def test_what_installs_alone_paints(tmp_path):
    """Every job, from noise to its picture and once more, with a film of it, and with nothing of the extras."""
    commands = [
        "digits generate digits --count 1 --digits 3 --datasets svhn --steps 2",
        "faces noise noises --count 1",
        "faces generate noises faces shipped --steps 1 --film film.webp",
        "concepts generate concepts --prompt 'a chalk <new1>' --count 1 --steps 1",
        "again digits/svhn/3_001.png again.png",
        "doctor",
        "presets",
    ]
    program = "import shlex, sfumato\nfrom sfumato.cli import main\nfrom sfumato import Diffusion, UNet, sample\n"
    program += f"assert [main(shlex.split(line)) for line in {commands!r}] == [0] * {len(commands)}\n"
    done = hidden(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "digits" / "svhn" / "3_001.png").read_bytes()
    assert (tmp_path / "concepts" / "0" / "000.png").is_file() and (tmp_path / "film.webp").is_file()


def test_every_command_works_or_names_its_extra(tmp_path):
    """Its --help, which imports all that it imports before it begins."""
    program = f"""
import contextlib, io
from sfumato.cli import main
for name in {list(COMMANDS)!r}:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([*name.split(), '--help'])
        except SystemExit as end:
            status = end.code
    print(f'{{name}}|{{status}}|{{err.getvalue()}}'.strip())
"""
    done = hidden(program, tmp_path)
    assert done.returncode == 0, done.stderr
    said = {name: (int(status), line) for name, status, line in (row.split("|") for row in done.stdout.splitlines())}
    assert set(said) == set(COMMANDS)
    for name, command in COMMANDS.items():
        line = missing_line_of(command.needs)
        assert said[name] == ((2, f"sfumato: {line}") if line else (0, "")), name


def missing_line_of(needs):
    """As it must be said where none of them is there."""
    if not needs:
        return ""
    *others, last = needs
    which = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f"{which} not installed: pip install 'sfumato[{','.join(dict.fromkeys(EXTRAS[name] for name in needs))}]'"


def test_what_is_missing_on_the_way_is_one_line_too(tmp_path):
    """As for a program of one's own that calls us; a fault of ours keeps its traceback."""
    program = "from sfumato.program import run_program\nsys.exit(run_program('x', lambda: __import__({!r})))"
    done = hidden(program.format("matplotlib.figure"), tmp_path)
    assert (done.returncode, done.stderr) == (2, "x: matplotlib is not installed: pip install 'sfumato[report]'\n")
    assert "Traceback" in hidden(program.format("no_such_thing"), tmp_path).stderr


@pytest.mark.parametrize("words", ["faces interpolate --out o --steps 1", "digits figures o --front --steps 1"])
def test_figures_with_axes_are_refused_before_anything_is_painted(words, tmp_path):
    done = hidden(f"from sfumato.cli import main\nsys.exit(main({words.split()!r}))", tmp_path)
    line = "sfumato: matplotlib is not installed: pip install 'sfumato[report]'\n"
    assert (done.returncode, done.stderr) == (2, line)
    assert not list(tmp_path.rglob("*.png"))


def test_nothing_is_said_of_what_is_there_or_of_others():
    refuse_missing("numpy", "torch", "sfumato.no_such_thing", "no_such_thing")
    assert missing_line(()) is None


def project():
    """Requirements of the project by extra, "" for what all need: name -> its line in pyproject.toml."""
    tomllib = pytest.importorskip("tomllib")
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": told["dependencies"], **told["optional-dependencies"]}
    return {group: [re.split(r"[\[>=<;]", one)[0].strip() for one in lines] for group, lines in groups.items()}


def test_the_extras_are_those_of_the_project():
    groups = project()
    for package, extra in EXTRAS.items():
        assert package in groups[extra] and package not in groups[""]
    assert set(CORE) <= set(groups[""])
    assert {*groups["all"]} == {"sfumato"}


def test_the_core_is_small_and_each_of_it_is_said_why():
    core = project()[""]
    assert len(core) <= 8
    text = (ROOT / "pyproject.toml").read_text()
    for package in core:
        assert re.search(rf'^    "{package}[^"]*",  # \w.{{10,}}$', text, re.MULTILINE), package


def test_what_is_imported_at_the_top_of_a_module_is_in_the_core_or_in_what_its_commands_need():
    """A new package is a decision: in the core, or in an extra and named by the commands that need it."""
    core = {"pillow": "PIL"}
    known = {core.get(package, package) for package in project()[""]} | set(EXTRAS) | {"sfumato"}
    for path in sorted((ROOT / "sfumato").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            outside = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            assert outside <= known, path


def test_without_what_reads_flags_a_command_says_so(tmp_path):
    """The course's environment has the package without it; its scripts need none."""
    done = hidden(
        "from sfumato.cli import program; import sys; sys.argv = ['sfumato', 'presets']; program()", tmp_path, ["tyro"]
    )
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["sfumato: tyro is not installed: pip install tyro"],
    )
