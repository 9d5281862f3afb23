"""The section of comparisons, of grids and answers as the commands leave them; and what it leaves alone."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("jinja2")

from sfumato.report.comparing import comparing_section
from sfumato.report.found import find_runs
from sfumato.report.report import ReportOptions, report
from sfumato.runs import write_note


def test_a_grid_and_answers_are_shown_with_their_numbers(tmp_path):
    for folder, name in (("grid", "grid.png"), ("names", "classify.png")):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / folder / name)
    axes = {"across": ["steps", "4", "8"], "down": ["seed", "0", "1"]}
    write_note(tmp_path / "grid" / "run.json", "grid", {"paint": "digits generate", **axes})
    write_note(tmp_path / "names" / "classify.json", "classify", {}, clip="a CLIP", names=["cat", "dog"], pictures=[])
    section = comparing_section(find_runs([tmp_path]))
    assert [part.title.partition(" in ")[0] for part in section.parts] == ["steps and seed", "Which name fits,"]
    captions = [figure.caption for part in section.parts for figure in part.figures]
    assert captions == [
        "One picture a cell: steps from left to right, seed from top to bottom, all else alike.",
        "Each picture with those of 2 names that are likeliest to a CLIP, and how likely.",
    ]
    (page,) = report(ReportOptions(tmp_path / "page", (tmp_path,), pdf=False))
    assert captions[0] in page.read_text()


def test_single_pictures_of_faces_do_not_count_as_runs(tmp_path):
    torch = pytest.importorskip("torch")
    from sfumato.faces.each import save_each

    pixels = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    told = {"00.png": {"alpha": 0.0, "norm": 1.0}}
    save_each(tmp_path / "slerp", pixels, told, "faces interpolate", {}, {})
    assert find_runs([tmp_path]).all("faces interpolate") == []
