"""What is installed is all there: the wheel, and the one that the source archive makes, in an environment of its
own."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

from sfumato import __version__
from sfumato.commands import COMMANDS

ROOT = Path(__file__).parents[1]
MOST_BYTES = 60_000_000
"""Of the wheel, which README.md speaks of: weights are most of it."""


def run(*command, folder, status=0):
    """A command without our sources on its path; its output."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**clean, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_here(*words, folder):
    """Python with all that the tests may import."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def build(kind, source, out):
    """The file that is built of a folder."""
    code = f"import sys; from hatchling.build import build_{kind}; print(build_{kind}(sys.argv[1]))"
    out.mkdir()
    run_here("-c", code, out, folder=source)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(the wheel, the source archive, the wheel that is made of that)"""
    folder = tmp_path_factory.mktemp("built")
    wheel, archive = build("wheel", ROOT, folder / "wheel"), build("sdist", ROOT, folder / "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return wheel, archive, build("wheel", source, folder / "again")


def contents(wheel):
    with zipfile.ZipFile(wheel) as opened:
        return {one.filename: hashlib.sha256(opened.read(one)).hexdigest() for one in opened.infolist()}


@pytest.mark.slow
def test_the_source_archive_makes_the_same_wheel(built):
    wheel, _, again = built
    assert contents(wheel) == contents(again)
    assert wheel.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_all_that_belongs_to_the_package_is_in_the_wheel(built):
    names = set(contents(built[0]))
    tracked = subprocess.run(["git", "ls-files", "sfumato"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) <= names
    scripts = {f"sfumato/homework/scripts/{path.name}" for path in ROOT.glob("*.sh")}
    about = {f"sfumato-{__version__}.dist-info/{name}" for name in ("METADATA", "licenses/LICENSE", "entry_points.txt")}
    assert len(scripts) == 5 and {*scripts, *about, "sfumato/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]


@pytest.mark.slow
def test_the_descriptions_are_what_an_index_takes(built):
    pytest.importorskip("twine")
    run_here("-m", "twine", "check", "--strict", *built[:2], folder=ROOT)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A new environment with our wheel, and the packages that the tests run with; an empty folder to be in."""
    home, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False, symlinks=True)
    place = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # The shared packages come behind ours, so that ours is the wheel's and not whatever is installed beside the tests.
    (place / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--no-deps", "--no-index"]
    run(*pip, "--quiet", "--ignore-installed", built[0], folder=folder)
    return home / "bin", folder


@pytest.mark.slow
def test_every_command_is_there_from_another_folder(installed):
    bin, folder = installed
    assert run(bin / "sfumato", "--version", folder=folder) == f"sfumato {__version__}\n"
    where = run(bin / "python", "-c", "import sfumato; print(sfumato.__file__)", folder=folder)
    assert Path(where.strip()).is_relative_to(bin.parent)
    assert "usage: sfumato digits generate" in run(bin / "sfumato", "digits", "generate", "--help", folder=folder)
    code = f"""
import contextlib
from sfumato.cli import main
for name in {list(COMMANDS)!r}:
    with contextlib.suppress(SystemExit):
        main([*name.split(), "--help"])
"""
    said = run(bin / "python", "-c", code, folder=folder)
    assert [name for name in COMMANDS if f"usage: sfumato {name} [" not in said] == []


@pytest.mark.slow
def test_it_paints_with_the_weights_that_come_along(installed):
    bin, folder = installed
    one = ["--count", "1", "--steps", "2"]
    run(bin / "sfumato", "digits", "generate", "digits", *one, folder=folder)
    run(bin / "sfumato", "concepts", "generate", "concepts", "--prompt", "a <new1>", *one, folder=folder)
    run(bin / "sfumato", "faces", "eta", "--out", "faces", "--rows", "1", "--etas", "0", "--steps", "1", folder=folder)
    said = run(bin / "sfumato", "again", "digits/mnistm/7_001.png", "again.png", folder=folder)
    assert "the same picture, pixel for pixel" in said
    assert "all that ship are there" in run(bin / "sfumato", "doctor", folder=folder)


@pytest.mark.slow
def test_the_course_finds_its_scripts(installed):
    bin, folder = installed
    (folder / "empty").mkdir()
    words = ["course", "empty", "handed", "--student-id", "R1", "--only", "1", "--plan"]
    said = run(bin / "sfumato", *words, folder=folder, status=2)
    assert said.startswith("sfumato: ") and said.count("\n") == 1, "there is no data, which a line says"
    code = "from pathlib import Path; from sfumato.homework.handing_in import hand_in; hand_in(Path('handed'))"
    run(bin / "python", "-c", code, folder=folder)
    for script in ROOT.glob("hw2_[123].sh"):
        assert (folder / "handed" / script.name).read_bytes() == script.read_bytes()


@pytest.mark.slow
def test_a_program_that_uses_it_is_checked_by_its_types(installed):
    pytest.importorskip("mypy")
    bin, folder = installed
    (folder / "mine.py").write_text("from sfumato.images import to_pixels\nto_pixels(3)\n")
    checked = ["-m", "mypy", "--no-incremental", "--python-executable", bin / "python", "mine.py"]
    assert '"to_pixels" has incompatible type "int"; expected "Tensor"' in run(
        sys.executable, *checked, folder=folder, status=1
    )
