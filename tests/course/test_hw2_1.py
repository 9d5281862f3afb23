"""hw2_1.sh as the graders run it: from a plain clone, with the course's packages and no others."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

ALLOWED = {
    *("torch", "torchvision", "numpy", "transformers", "timm", "pandas", "matplotlib", "PIL", "imageio", "scipy"),
    *("skimage", "tqdm", "gdown", "yaml", "omegaconf", "einops", "detectors", "clip"),
}
"""The course's packages by the names that they are imported under."""


def run_script(script, *arguments, cwd, **changes):
    """bash SCRIPT, with `python3` meaning the Python of these tests."""
    environment = {"PATH": f"{shim(cwd)}:/usr/bin:/bin", "HOME": str(cwd), **changes}
    command = ["bash", str(ROOT / script), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


def shim(folder):
    """A folder whose python3 is this Python."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    python = bin_folder / "python3"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    return bin_folder


def test_the_script_paints_what_the_course_asks_for(tmp_path):
    done = run_script("hw2_1.sh", "answers/one", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for dataset in ("mnistm", "svhn"):
        names = sorted(path.name for path in (tmp_path / "answers" / "one" / dataset).iterdir())
        assert names == [f"{digit}_{number:03d}.png" for digit in range(10) for number in range(1, 51)]
    picture = np.asarray(Image.open(tmp_path / "answers" / "one" / "svhn" / "9_050.png"))
    assert picture.shape == (28, 28, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 5


@pytest.mark.parametrize("module", ["hw2_1", "get_dataset"])
def test_only_the_courses_packages_are_imported(module):
    """Everything that the script's modules import beyond what the allowed packages bring along themselves."""
    probe = (
        "import sys, builtins, sfumato\n"
        "ours, real = set(), builtins.__import__\n"
        "def spy(name, globals=None, locals=None, fromlist=(), level=0):\n"
        "    if globals and str(globals.get('__name__', '')).startswith('sfumato') and level == 0:\n"
        "        ours.add(name.split('.')[0])\n"
        "    return real(name, globals, locals, fromlist, level)\n"
        "builtins.__import__ = spy\n"
        f"import sfumato.course.{module}\n"
        "print(*ours)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    standard = getattr(sys, "stdlib_module_names", None)
    foreign = set(done.stdout.split()) - ALLOWED
    if standard is None:  # Python 3.8 has no list of its own; its standard library is where os is
        home = Path(subprocess.__file__).parent
        standard = {name for name in foreign if name in sys.builtin_module_names or list(home.glob(f"**/{name}*"))}
    assert foreign - set(standard) - {"sfumato"} == set()


def test_a_wrong_number_of_arguments_shows_the_usage(tmp_path):
    done = run_script("hw2_1.sh", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "usage: bash hw2_1.sh OUT\n"


def test_an_output_path_that_is_a_file_is_one_line_and_status_2(tmp_path):
    (tmp_path / "out").write_text("mine")
    done = run_script("hw2_1.sh", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("hw2_1.sh: out: cannot be made a folder")
    assert done.stderr.count("\n") == 1


def test_there_is_no_checkpoint_to_fetch(tmp_path):
    done = run_script("hw2_download_ckpt.sh", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing to fetch" in done.stdout
