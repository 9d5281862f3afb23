"""Where the scripts are started from, and where they lie: nothing of that changes what they do."""

import os
import shutil

import pytest

from tests.course.scripts import ROOT, SCRIPTS, run_at, run_script

TRAPS = ("random.py", "torch.py", "numpy.py", "pathlib.py", "importlib.py", "contextlib.py", "arguments.py")


def set_traps(folder):
    """Files and a package of names that Python would import, were the folder looked into."""
    for name in (*TRAPS, "sfumato/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"raise SystemExit('imported {name}')\n")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone in a folder whose name has all that a path's name may have."""
    folder = tmp_path_factory.mktemp("clones") / "a:b c'd\"e $HOME *;\u00e9"
    folder.mkdir()
    for name in SCRIPTS:
        shutil.copy(ROOT / name, folder / name)
    # Hard links cost no room, and are no links to whoever asks for a file's real place.
    shutil.copytree(ROOT / "sfumato", folder / "sfumato", copy_function=linked, ignore=lambda *_: {"__pycache__"})
    return folder


def linked(source, target):
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy(source, target)


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": ":"}, {"PYTHONPATH": ".:/nowhere"}])
def test_nothing_is_imported_from_the_folder_that_one_stands_in(tmp_path, variables):
    set_traps(tmp_path)
    if variables:  # else Python itself finds these as it starts, whatever is started
        for name in TRAPS[3:6]:
            (tmp_path / name).unlink()
    done = run_script("hw2_2.sh", "noise", "out", "unet", cwd=tmp_path, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hw2_2.sh: noise: there is no such folder"), done.stderr


def test_nor_from_the_folder_that_the_scripts_lie_in(clone, tmp_path):
    for name in TRAPS:
        (clone / name).write_text("raise SystemExit('imported')\n")
    done = run(clone, tmp_path, "hw2_2.sh", "noise", "out", "unet", cwd=clone)
    for name in TRAPS:
        (clone / name).unlink()
    assert done.stderr.startswith("hw2_2.sh: noise: there is no such folder"), done.stderr


def run(clone, folder, script, *arguments, cwd=None):
    """A script of the clone, or one by its path; Python is put into a folder of a plain name, as PATH needs it."""
    path = script if "/" in script else str(clone / script)
    return run_at(path, *arguments, cwd=cwd or folder, python=folder)


def test_the_package_beside_the_script_is_the_one_that_runs(clone, tmp_path):
    """Not one that is installed, and not that of these tests."""
    (clone / "sfumato" / "models" / "weights" / "digits.safetensors").unlink()
    done = run(clone, tmp_path, "hw2_1.sh", "out")
    assert done.returncode == 2
    assert f"{clone}/sfumato/models/weights/digits.safetensors: cannot be read" in done.stderr
    done = run(clone, tmp_path, "hw2_download_ckpt.sh")
    assert done.returncode == 2 and "it is part of the repository, so clone it again" in done.stderr


def test_a_link_to_a_script_is_as_good_as_the_script(clone, tmp_path):
    places = tmp_path / "some place:here", tmp_path / "there"
    for folder in places:
        folder.mkdir()
    for script, line in (
        ("hw2_1.sh", "usage: bash hw2_1.sh OUT"),
        ("hw2_2.sh", "usage: bash hw2_2.sh NOISE_DIR OUT UNET"),
        ("hw2_3.sh", "usage: bash hw2_3.sh INPUT_JSON OUT MODEL_CKPT"),
        ("get_dataset.sh", "usage: bash get_dataset.sh "),
    ):
        (places[0] / script).symlink_to(os.path.relpath(clone / script, places[0]))
        (places[1] / f"my {script}").symlink_to(places[0] / script)
        (places[1] / "relative").symlink_to(f"my {script}")
        for path in (f"{places[0]}/{script}", f"there/my {script}", "there/relative"):
            done = run(clone, tmp_path, path, *["too many"] * 4)
            assert (done.returncode, done.stderr) == (2, f"{line}\n"), path
        (places[1] / "relative").unlink()
    (places[1] / "fetch").symlink_to(ROOT / "hw2_download_ckpt.sh")
    assert "nothing to fetch" in run(clone, tmp_path, "there/fetch").stdout


def test_every_script_is_tried_and_can_be_started():
    assert {path.name for path in ROOT.glob("*.sh")} == set(SCRIPTS)
    for name in SCRIPTS:
        assert os.access(ROOT / name, os.X_OK), name
        assert "python3 -m" not in (ROOT / name).read_text(), "that looks into the caller's folder first"


def test_what_python_itself_brings_stays_wherever_one_stands(tmp_path):
    import numpy

    home = os.path.dirname(os.path.dirname(numpy.__file__))
    done = run(ROOT, tmp_path, "hw2_2.sh", str(tmp_path / "noise"), "out", "unet", cwd=home)
    assert "there is no such folder" in done.stderr, done.stderr
