"""hw2_1.sh as the graders run it: from a plain clone, with the course's packages and no others."""

import numpy as np
from PIL import Image

from tests.course.scripts import run_script


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
