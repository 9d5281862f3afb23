"""The section of one's own pictures, of notes and pictures as the commands leave them."""

import re

import numpy as np
import pytest
import torch

pytest.importorskip("jinja2")

from sfumato.images import save_png
from sfumato.report.found import find_runs
from sfumato.report.pictures import pictures_section
from sfumato.report.report import ReportOptions, report
from sfumato.runs import write_note

SCORES = {"pictures": 18, "against": 42, "frechet_distance": 5.636, "kernel_distance": 0.025, "precision": 0.444}
SCORES.update({"recall": 0.833, "coverage": 0.5})


def scores_note(folder, **more):
    copying = {"verdict": "no sign of copies", "share": 2 / 18, "fresh_share": 0.066, "painted": 18}
    scores = {**SCORES, **more}
    sets = {"painted": scores, "alike": scores, "real": {**scores, "recall": 0.905}}
    told = {"features": "judge-svhn", "dimensions": 256, "cautions": ["There are few pictures."], "copying": copying}
    write_note(folder / "scores.json", "pictures evaluate", {"real": "flowers"}, **sets, **told)


@pytest.fixture
def painted(tmp_path):
    folder = tmp_path / "painted"
    rng = np.random.default_rng(0)
    for name in [*(f"{label}/{number:03d}" for label in ("rose", "tulip") for number in range(9)), "sheet-nearest"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = torch.from_numpy(rng.integers(0, 256, (16, 16, 3), np.uint8))
        save_png(folder / f"{name}.png", pixels, {"label": name.split("/")[0]})
    write_note(folder / "run.json", "pictures generate", {"seed": 0})
    scores_note(folder)
    return folder


def test_each_label_has_its_row_and_the_numbers_are_the_notes(painted):
    section = pictures_section(find_runs([painted]))
    (part,) = section.parts
    assert list(part.settings) == ["pictures generate", "pictures evaluate"], "they are one part"
    *rows, nearest = part.figures
    assert [len(row.shots) for row in rows] == [6, 6]
    assert [row.caption.split(":")[0] for row in rows] == ["The label rose", "The label tulip"]
    assert "6 of 9" in rows[0].caption and "2 of 18" in nearest.caption
    assert rows[0].shots[1].told["label"] == "rose"
    table = {row[0]: row[1:] for row in part.tables[0].rows}
    assert table["recall"] == ["0.833", "0.833", "0.905"] and table["pictures"] == ["18", "18", "18"]
    assert part.reasons[1:] == ["There are few pictures."]
    assert "no sign of copies" in part.reasons[0]


def test_of_features_with_a_detector_its_share_is_told(painted):
    def first_rows():
        (part,) = pictures_section(find_runs([painted])).parts
        return {row[0]: row[1:] for row in part.tables[0].rows}

    assert "faces found" not in first_rows()
    for found, said in ((0.7834, "78.3%"), (0.0, "0.0%")):
        scores_note(painted, found=found)
        assert first_rows()["faces found"] == [said] * 3
    scores_note(painted, found=None)
    assert "faces found" not in first_rows()


def test_what_is_there_comes_before_what_is_not(painted, tmp_path):
    report(ReportOptions(tmp_path / "report", (painted,), pdf=False))
    page = (tmp_path / "report" / "report.html").read_text()
    titles = re.findall(r"<h2 id=\"section-\d+\">([^<]*)</h2>", page)
    assert titles[0].startswith("Pictures of one") and len(titles) == 4
