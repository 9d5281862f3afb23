"""The course's error measure, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import UserError
from sfumato.faces.evaluate import EvaluateOptions, evaluate
from sfumato.images import open_picture


@pytest.fixture
def folders(tmp_path):
    """Three pictures and their truth: equal, off by one everywhere, off by 9 in every second row."""
    source = np.random.RandomState(0)
    for name in ("out", "truth"):
        (tmp_path / name).mkdir()
    for stem, change in (("00", 0), ("01", 1), ("02", 9)):
        true = source.randint(20, 200, (16, 16, 3)).astype(np.uint8)
        ours = true.copy()
        ours[:: 2 if change == 9 else 1] += change
        Image.fromarray(true).save(tmp_path / "truth" / f"{stem}.png")
        Image.fromarray(ours).save(tmp_path / "out" / f"{stem}.png")
    return tmp_path / "out", tmp_path / "truth"


def test_errors_are_the_means_of_squared_differences_of_bytes(folders, capsys):
    scores = evaluate(EvaluateOptions(*folders))
    assert [score.mse for score in scores] == [0.0, 1.0, 40.5]
    assert [score.largest for score in scores] == [0, 1, 9]
    assert [score.passes for score in scores] == [True, True, False]
    written = json.loads((folders[0] / "evaluation" / "scores.json").read_text())
    assert written["mean_mse"] == pytest.approx(41.5 / 3)
    assert "2 of 3 within 20" in capsys.readouterr().out


def test_the_difference_picture_shows_where_they_differ(folders):
    evaluate(EvaluateOptions(*folders))
    paper = np.asarray(open_picture(folders[0] / "evaluation" / "difference.png"))
    # The last cell: its even rows differ by 9, enlarged 28 times; its odd rows are black.
    cell = paper[-130:-2, -130:-2]
    assert (cell[:8] == 9 * 28).all()
    assert (cell[8:16] == 0).all()


def test_scoring_twice_gives_the_same(folders):
    assert evaluate(EvaluateOptions(*folders)) == evaluate(EvaluateOptions(*folders))


def test_missing_pictures_are_named(folders):
    (folders[1] / "01.png").unlink()
    with pytest.raises(UserError, match=r"truth: lacks 01\.png"):
        evaluate(EvaluateOptions(*folders))
    (folders[1] / "03.png").write_bytes((folders[0] / "02.png").read_bytes())
    (folders[0] / "01.png").unlink()
    with pytest.raises(UserError, match=r"out: lacks 03\.png"):
        evaluate(EvaluateOptions(*folders))


def test_other_sizes_broken_pictures_and_empty_folders_are_refused(folders, tmp_path):
    Image.new("RGB", (8, 16)).save(folders[0] / "01.png")
    with pytest.raises(UserError, match=r"01\.png: is 8x16; the true picture is 16x16"):
        evaluate(EvaluateOptions(*folders))
    (folders[0] / "01.png").write_bytes((folders[0] / "00.png").read_bytes()[:60])
    with pytest.raises(UserError, match=r"01\.png: cannot be decoded"):
        evaluate(EvaluateOptions(*folders))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no PNG"):
        evaluate(EvaluateOptions(tmp_path / "empty", folders[1]))
    with pytest.raises(UserError, match="there is no such folder"):
        evaluate(EvaluateOptions(folders[0], tmp_path / "none"))
