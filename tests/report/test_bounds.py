"""Notes of somebody else's runs that would take minutes, or be read as formulas."""

import json
import time

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("accelerate", minversion="1.0")

from sfumato.errors import UserError
from sfumato.report.curves import series
from sfumato.report.report import ReportOptions, report


def scored(folder, **other):
    """The note of a measurement of digits."""
    one = {"dataset": "mnistm", "accuracy": 1.0, "pictures": 9, "recall": 0.5, "precision": 0.5, "judge": "j"}
    one = {**one, "frechet_distance": 1.0, "confusion": [[1, 0], [0, 1]], **other}
    note = {"command": "digits evaluate", "settings": {}, "versions": {}, "datasets": [one], "mean_accuracy": 1.0}
    folder.mkdir()
    (folder / "scores.json").write_text(json.dumps(note))
    return ReportOptions(folder.parent / "out", run=(folder,), pdf=False)


@pytest.mark.parametrize("name", ["$\\frac{$", "$" + "\\sqrt{" * 200 + "}" * 200 + "$", "x" * 100_000])
def test_a_name_is_no_formula_and_takes_no_time(tmp_path, name):
    began = time.monotonic()
    assert report(scored(tmp_path / "run", dataset=name))
    assert time.monotonic() - began < 5


def test_confusions_of_hundreds_of_classes_are_refused(tmp_path):
    with pytest.raises(UserError, match="too many to draw"):
        report(scored(tmp_path / "run", confusion=[[1] * 33] * 33))


def test_long_logs_are_thinned():
    lines = [{"step": step, "loss": 2.0 * step} for step in range(50_000)]
    steps, values = series(lines, "loss")
    assert steps == list(range(0, 50_000, 3))
    assert values == [2.0 * step for step in steps]
    assert series(lines[:19_999], "loss")[0] == list(range(19_999))
