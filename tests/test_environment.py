"""Where a program is started from: real processes, with streams and variables as schedulers and notebooks have them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tyro")

ROOT = Path(__file__).parents[1]
NOISE = "faces noise noises --count 1 --size 8"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
PRINTED = b"sfumato: the standard output cannot be written to (No space left on device); what was made is whole\n"


def typed(command, folder, **variables):
    """A line of a shell; `sfumato` in it is ours."""
    ours = command.replace("sfumato ", f"{sys.executable} -m sfumato ", 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(["bash", "-c", ours], cwd=folder, env=environment, capture_output=True, timeout=300)


def test_no_standard_error_is_no_fault(tmp_path):
    painting = "digits generate o --count 1 --digits 1 --datasets svhn --steps 1"
    done = typed(f"sfumato {painting} 2>&-", tmp_path)
    assert (done.returncode, done.stdout) == (0, b"wrote 1 picture to o\nsfumato report page --run o\n")
    assert (tmp_path / "o" / "svhn" / "1_001.png").is_file()


def test_a_closed_stream_is_never_a_file_of_ours(tmp_path):
    probe = "from sfumato.program import speak_plainly; speak_plainly('x'); f = open('a', 'w'); print(f.fileno() > 2)"
    done = typed(f'{sys.executable} -c "{probe}" <&- 2>&-', tmp_path)
    assert done.stdout == b"True\n"
    assert typed(f"sfumato {NOISE} >&- 2>&-", tmp_path).returncode == 0


@FULL
@pytest.mark.parametrize(
    ("unbuffered", "line"),
    [("", PRINTED), ("1", b"sfumato: No space left on device; free some space, then run it again\n")],
)
def test_a_full_standard_output_is_one_line_after_the_results(tmp_path, unbuffered, line):
    done = typed(f"sfumato {NOISE} > /dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (2, line)
    assert (tmp_path / "noises" / "00.pt").is_file()


@FULL
def test_help_that_cannot_be_printed_is_one_line(tmp_path):
    done = typed("sfumato faces noise --help > /dev/full", tmp_path, PYTHONUNBUFFERED="")
    assert (done.returncode, done.stderr) == (2, PRINTED)


@FULL
def test_a_full_standard_error_ends_it_as_ever(tmp_path):
    assert typed("sfumato presets --cuont 2> /dev/full", tmp_path).returncode == 2
    assert typed("sfumato presets > /dev/full 2> /dev/full", tmp_path).returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_encoding_loses_what_is_printed(tmp_path, encoding):
    done = typed("sfumato faces noise \u732b --count 1 --size 8", tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout) == (0, b"wrote 1 noises to \\u732b\n")


def test_warnings_that_are_errors_end_nothing(tmp_path):
    done = typed(f"sfumato {NOISE}", tmp_path, PYTHONWARNINGS="error")
    assert (done.returncode, done.stderr) == (0, b"")
    probe = "import warnings, sfumato.program as p; p.run_program('x', lambda: warnings.warn('a\\nb') or 0)"
    done = typed(f'{sys.executable} -W error -c "{probe}"', tmp_path)
    assert (done.returncode, done.stderr) == (0, b"x: warning: a\\nb\n")


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_a_notebooks_backend_is_not_ours(tmp_path, backend):
    probe = "import sfumato.program as p; p.speak_plainly('x'); from matplotlib.figure import Figure; Figure()"
    done = typed(f"{sys.executable} -c \"{probe}.savefig('a.png')\"", tmp_path, MPLBACKEND=backend)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_launchers_left_overs_are_one_line(tmp_path):
    done = typed("sfumato digits generate o --count 1", tmp_path, RANK="abc")
    line = b"sfumato: RANK=abc is no number of a process; `unset RANK`, or start with torchrun\n"
    assert (done.returncode, done.stderr) == (2, line)
    assert list(tmp_path.iterdir()) == []
