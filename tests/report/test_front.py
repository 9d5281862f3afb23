"""The front of guidance on the page: its picture, numbered and told in numbers, and a row for each setting."""

import re

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("accelerate", minversion="1.0")

from sfumato.report.report import ReportOptions
from sfumato.runs import write_note

from .test_report import page_of, paint


def test_the_front_is_shown_with_its_numbers(tmp_path):
    real = {name: {"pictures": 50, "recall_of_halves": 0.87} for name in ("mnistm", "svhn")}

    def point(scale, weak, right, recall):
        one = {"pictures": 40, "accuracy": right / 40, "recall": recall, "frechet_distance": 0.5, "precision": 0.9}
        datasets = [{"dataset": name, **one} for name in real]
        told = {"guidance_scale": scale, "guide_from": 300.0, "weak_scale": weak, "weak_from": None}
        return {**told, "datasets": datasets}

    settings = {"against": "some real digits", "judge": "a judge", "real": real}
    points = [point(4.0, 1.0, 38, 0.61), point(1.0, 2.0, 31, 0.83)]
    (tmp_path / "runs").mkdir()
    write_note(tmp_path / "runs" / "front.json", "digits front", settings, points=points)
    paint(tmp_path / "runs" / "front.png")
    page = page_of(ReportOptions(tmp_path / "out", (tmp_path / "runs",), pdf=False))
    (figure,) = page.figures
    assert figure["text"].startswith("Figure 1. ") and len(figure["images"]) == 1
    assert "40 painted digits of each dataset, judged by a judge and compared with some real digits" in figure["text"]
    assert "a recall of 0.87 for MNIST-M and 0.87 for SVHN" in figure["text"]
    text = re.sub(r"\s+", " ", page.text)
    assert "4 from 300none38 of 400.610.5038 of 400.610.50" in text
    assert "none231 of 400.830.5031 of 400.830.50" in text
    assert "Karras et al. 2024" in text
