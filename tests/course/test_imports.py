"""On the path of the course's scripts nothing is imported but what the course allows."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.course.scripts import ROOT

ALLOWED = {
    *("torch", "torchvision", "numpy", "transformers", "timm", "pandas", "matplotlib", "PIL", "imageio", "scipy"),
    *("skimage", "tqdm", "gdown", "yaml", "omegaconf", "einops", "detectors", "clip"),
}
"""The course's packages by the names that they are imported under."""


@pytest.mark.parametrize(
    ("module", "arguments", "needs"),
    [
        ("hw2_1", ["FILE"], "sfumato.digits.generate"),
        ("hw2_2", ["nowhere", "FILE", "nowhere"], "sfumato.faces.generate"),
        ("hw2_3", ["nowhere", "FILE", "nowhere"], "sfumato.concepts.generate"),
        ("get_dataset", ["one too many"], "sfumato.checkpoints"),
    ],
)
def test_only_the_courses_packages_are_imported(module, arguments, needs, tmp_path):
    """Everything that the script's modules import beyond what the allowed packages bring along themselves; they import
    most of it when they are run, so they are, on what they refuse."""
    probe = (
        "import sys, builtins, sfumato\n"
        "ours, real = set(), builtins.__import__\n"
        "def spy(name, globals=None, locals=None, fromlist=(), level=0):\n"
        "    if globals and str(globals.get('__name__', '')).startswith('sfumato') and level == 0:\n"
        "        ours.add(name.split('.')[0])\n"
        "    return real(name, globals, locals, fromlist, level)\n"
        "builtins.__import__ = spy\n"
        "import runpy\n"
        "try:\n"
        f"    runpy.run_module('sfumato.course.{module}', run_name='__main__')\n"
        "except SystemExit as end:\n"
        f"    assert end.code == 2 and '{needs}' in sys.modules\n"
        "print(*ours)\n"
    )
    (tmp_path / "FILE").touch()
    given = [str(tmp_path / one) for one in arguments]
    done = subprocess.run([sys.executable, "-c", probe, *given], cwd=ROOT, capture_output=True, text=True, check=True)
    standard = getattr(sys, "stdlib_module_names", None)
    foreign = set(done.stdout.split()) - ALLOWED
    if standard is None:  # Python 3.8 has no list of its own; its standard library is where os is
        home = Path(subprocess.__file__).parent
        standard = {name for name in foreign if name in sys.builtin_module_names or list(home.glob(f"**/{name}*"))}
    assert foreign - set(standard) - {"sfumato"} == set()
