"""Figures of the page: numbered, told in numbers, moved by sliders, enlarged with what made them; and on paper."""

import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("jinja2")
pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import (
    OURS,
    Embedding,
    LearnedFile,
    LoraFile,
    LowRank,
    read_embeddings,
    write_additions,
    write_embedding,
    write_lora,
)
from sfumato.images import save_film, save_png
from sfumato.models.shipped import shipped
from sfumato.report.digits import _legible
from sfumato.report.numbering import numbered, numbers_of
from sfumato.report.pages import fullness, laid_out, prose
from sfumato.report.parts import Figure, Part, Section, Table, of, some_of
from sfumato.report.report import ReportOptions, rendered, report
from sfumato.report.shots import image, shot
from sfumato.runs import digest, write_note

from .test_report import page_of, paint, runs  # noqa: F401


@pytest.fixture
def filmed(runs):  # noqa: F811
    """A run of every kind, with the films that commands leave beside some drawings."""
    frames = [Image.new("RGB", (60, 20), (level, 40, 90)) for level in (0, 60, 120, 180, 240)]
    save_film(runs / "figures" / "svhn-reverse-process.webp", frames, [f"t = {t}" for t in (1000, 750, 500, 250, 0)])
    save_film(runs / "faces" / "eta.webp", frames[:2], ["eta 0", "eta 1"])
    # There and back again.
    save_film(runs / "faces" / "between.webp", [*frames[:3], frames[1]], [f"alpha = {a}" for a in (0, 0.5, 1, 0.5)])
    labels = [f"guidance scale {scale}: {right} of 20 read as asked" for scale, right in ((0, 3), (4, 20))]
    save_film(runs / "figures" / "mnistm-guidance.webp", frames[:2], labels)
    paint(runs / "figures" / "mnistm-guidance.png")
    return runs


def shown_pixels(source):
    """The picture inside a data URI."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))).convert("RGB")).astype(int)


def test_figures_are_numbered_without_gaps_and_each_says_what_to_see_in_numbers(filmed, tmp_path):
    page = page_of(ReportOptions(tmp_path / "out", (filmed,), pdf=False))
    assert len(page.figures) == 16
    for number, figure in enumerate(page.figures, 1):
        assert figure["id"] == f"figure-{number}"
        label, caption = figure["text"].split(". ", 1)
        assert label == f"Figure {number}" and re.search(r"\d", caption), caption
        assert figure["images"] and all(one["alt"].strip() for one in figure["images"])
        assert all(int(one["width"]) > 0 and int(one["height"]) > 0 for one in figure["images"]), "nothing jumps"
    tables = [int(number) for number in re.findall(r"Table (\d+)\.", page.text)]
    assert tables == list(range(1, len(tables) + 1)) and len(tables) == 8
    referred = {link for link in page.links if link.startswith("#figure-")}
    assert len(referred) >= 4
    assert referred <= {f"#{figure['id']}" for figure in page.figures}


def test_a_slider_has_its_frames_and_without_a_script_one_picture_of_all(filmed, tmp_path):
    page = page_of(ReportOptions(tmp_path / "out", (filmed,), pdf=False))
    sliders = {figure["data-axis"]: figure for figure in page.figures if figure["class"] == "slider"}
    frames = {axis: len(figure["images"]) - 1 for axis, figure in sliders.items()}
    assert frames == {"t": 5, "eta": 2, "alpha": 3, "guidance scale": 2}, "of a film there and back the way there"
    for figure in sliders.values():
        assert figure["hidden"] == [False] + [True] * (len(figure["images"]) - 1)
    first = [shown_pixels(one["src"])[10, 10, 0] for one in sliders["t"]["images"][1:]]
    assert first == pytest.approx([0, 60, 120, 180, 240], abs=4)
    assert "3 of 20 at 0, 20 of 20 at 4" in sliders["guidance scale"]["text"]


def test_nothing_comes_from_elsewhere(filmed, tmp_path):
    report(ReportOptions(tmp_path / "out", (filmed,), pdf=False))
    text = (tmp_path / "out" / "report.html").read_text()
    elsewhere = re.compile(r'(?:src|href)="(?!data:|#)|url\(|@import|\bfetch\(|https?://')
    assert not elsewhere.search(text)


def test_settings_stand_in_the_appendix_only_and_each_result_names_its_place_there(filmed, tmp_path):
    page = page_of(ReportOptions(tmp_path / "out", (filmed,), pdf=False))
    body, _, appendix = page.text.rpartition("Appendix: commands and settings")
    assert "sampling.steps" not in body and appendix.count("sampling.steps") >= 9
    named = [int(number) for number in re.findall(r"settings, A(\d+)", body)]
    assert named == list(range(1, len(named) + 1))
    assert [int(number) for number in re.findall(r"\bA(\d+)\. ", appendix)] == named


def test_misread_digits_are_crossed_out_and_named(runs, tmp_path):  # noqa: F811
    content = json.loads((runs / "digits" / "scores.json").read_text())
    content["datasets"][1]["misread"] = [{"picture": "8_003.png", "asked": 8, "read": 5}]
    (runs / "digits" / "scores.json").write_text(json.dumps(content))
    (runs / "digits" / "svhn").mkdir()
    pixels = torch.full((28, 28, 3), 120, dtype=torch.uint8)
    save_png(runs / "digits" / "svhn" / "8_003.png", pixels, {"digit": 8, "seed": 1234567890123456789, "run": "abc"})
    page = page_of(ReportOptions(tmp_path / "out", (runs,), pdf=False))
    (figure,) = (one for one in page.figures if "Crossed out" in one["text"])
    assert "1 of 40" in figure["text"] and "SVHN 8, read as 5" in page.text
    (one,) = figure["images"]
    marked = shown_pixels(one["src"])
    middle = len(marked) // 2
    assert np.abs(marked[middle, middle] - 120).max() > 40, "the line passes the middle"
    assert np.abs(marked[-20:, -20:] - 120).max() <= 3
    assert json.loads(one["data-told"]) == {"digit": "8", "seed": "1234567890123456789"}, "no digit of a seed is lost"


def test_the_photos_of_a_word_stand_before_what_it_paints_and_shipped_words_are_explained(tmp_path):
    vectors = torch.arange(12.0).reshape(2, 6)
    learned, painted = tmp_path / "learned", tmp_path / "painted"
    for folder in (learned, painted):
        folder.mkdir()
    told = {"init": "dog", "step": "300", "photos": json.dumps({f"{n}.jpg": "abc" for n in range(5)})}
    write_embedding(learned / "word.safetensors", Embedding("<mine>", vectors, told))
    write_note(learned / "run.json", "concepts learn", {"token": "<mine>", "photos": {"0.jpg": "abc"}})
    paint(learned / "pictures.png", (250, 10, 10))
    (ours,) = read_embeddings(shipped("words/new1.safetensors"))
    words = {"<mine>": digest(vectors.numpy()), "<new1>": digest(ours.vectors.numpy()), "<new2>": "another one's"}
    prompts = [["0", "a <mine> on a hill"], ["1", "a <new1> beside a <new2>"]]
    write_note(painted / "run.json", "concepts generate", {"prompts": prompts, "words": words})
    for folder in ("0", "1"):
        paint(painted / folder / "000.png", (10, 200, 10))
    page = page_of(ReportOptions(tmp_path / "out", (painted, learned), pdf=False))
    mine, other = (one for one in page.figures if "each from a noise of its own" in one["text"])
    assert [tuple(shown_pixels(one["src"])[5, 5]) for one in mine["images"]] == [(250, 10, 10), (10, 200, 10)]
    assert "photos" in mine["images"][0]["alt"] and len(other["images"]) == 1
    assert (
        '<mine> is a learned word: 2 vectors that began as those of "dog" and were learned from 5 photos' in page.text
    )
    assert "the digit four" in page.text and "blue squared paper" not in page.text, (
        "another <new2> is not the shipped one"
    )


def test_references_become_links_and_vanish_where_nothing_is():
    assert prose("See it (@eta).", {"eta": 5}) == 'See it (<a href="#figure-5">Figure 5</a>).'
    assert prose("See it (@eta, @kept).", {"kept": 2}) == 'See it (<a href="#figure-2">Figure 2</a>).'
    assert prose("See it (@eta).", {}) == prose("See it (@eta).") == "See it."
    blocks = [Table("", [], []), Figure([], "", key="a"), "text", Figure([], "", key="a"), Table("", [], [])]
    numbered(blocks)
    assert [block.number for block in blocks if block != "text"] == [1, 1, 2, 2] and numbers_of(blocks) == {"a": 1}


def test_shares_are_counts():
    assert (of(0.85, 40), of(34, 40), of(0.988, 1500)) == ("34 of 40", "34 of 40", "1,482 of 1,500")
    assert (some_of(5, 25), some_of(4, 4)) == ("5 of 25", "4")


def test_what_is_transparent_stays_so_and_equal_pictures_are_equal_bytes():
    drawn = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    drawn.paste((123, 123, 123, 255), (50, 50, 90, 90))
    one, two = shot(drawn, "a"), shot(drawn.copy(), "a")
    assert one == two
    again = Image.open(io.BytesIO(base64.b64decode(one.source.split(",", 1)[1])))
    assert again.mode == "RGBA" and again.getpixel((5, 5))[3] == 0 and again.getpixel((60, 60))[3] == 255


def sheets_of(parts):
    """The laid-out report of sections with words and pictures of many sizes."""
    text = (
        "A step from t to an earlier time keeps the direction of the predicted noise and puts fresh noise beside it. "
    )
    sections = [
        Section(
            f"Section {number}",
            [],
            [
                Part(
                    f"Part {number}.{place}",
                    [text * (3 + place)],
                    [image(Image.new("RGB", (900, 250 + 150 * place), (90, 120, 200)), "a", "A caption. 1 of 2.")],
                    reasons=[text * (5 + number)] * 2,
                    settings={"x": {f"setting{n}": "7" for n in range(30)}},
                )
                for place in range(parts)
            ],
            [],
        )
        for number in range(3)
    ]
    return laid_out(rendered(sections, "A report", paper=True))


def test_no_sheet_is_more_than_a_third_empty_and_no_figure_is_parted():
    weasyprint = pytest.importorskip("weasyprint")
    for parts in (3, 4):
        document = sheets_of(parts)
        assert len(document.pages) > 3
        assert min(fullness(document)) >= 2 / 3, fullness(document)
        figures = [
            place
            for place, sheet in enumerate(document.pages)
            for box in sheet._page_box.descendants()
            if box.element_tag == "figure" and isinstance(box, weasyprint.formatting_structure.boxes.BlockBox)
        ]
        assert len(figures) == 3 * parts, "a parted figure would be two boxes"


def test_how_full_a_sheet_is():
    weasyprint = pytest.importorskip("weasyprint")
    page = "<style>@page { size: 100mm 120mm; margin: 10mm } div { height: %dmm } </style><div></div><p>end</p>"
    low, high = (fullness(weasyprint.HTML(string=page % height).render()) for height in (10, 80))
    assert 0.1 < low[0] < 0.4 < 0.8 < high[0] <= 1


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium to try the page's script with")
def test_the_script_turns_sliders_and_enlarges_pictures_with_what_made_them(filmed, tmp_path):
    save_png(
        filmed / "painted" / "0" / "0" / "0.png", torch.zeros(8, 8, 3, dtype=torch.uint8), {"prompt": "<b>", "seed": 42}
    )
    report(ReportOptions(tmp_path / "out", (filmed,), pdf=False))
    page = tmp_path / "out" / "report.html"
    act = """<script>addEventListener("load", () => {
      const range = document.querySelector("figure[data-axis=t] input[type=range]");
      range.value = 1; range.dispatchEvent(new Event("input"));
      const image = [...document.querySelectorAll("figure img")].find((one) => one.dataset.told.includes("42"));
      image.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    });</script></body>"""
    page.write_text(page.read_text().replace("</body>", act))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    after = done.stdout
    slider = after[after.index('data-axis="t"') :].partition("</figure>")[0]
    hidden = [" hidden" in tag for tag in re.findall(r'<div class="shot"[^>]*>', slider)]
    assert hidden == [True, True, False, True, True, True], "the second frame, and not the row"
    assert ">750</output>" in slider
    dialog = after[after.index("<dialog") :]
    assert 'open=""' in dialog[:40]
    assert "<dt>prompt</dt><dd>&lt;b&gt;</dd>" in dialog and "<dt>seed</dt><dd>42</dd>" in dialog


@pytest.mark.parametrize(
    ("clean", "noisy", "said"),
    [
        ((10, 8, 9, 10), (0, 1, 9, 10), "from t = 500 on (9 of 10), and in $x_t$ itself from t = 500 on (9 of 10)"),
        ((9, 9, 10, 10), (0, 9, 2, 10), "from t = 1000 on (9 of 10), and in $x_t$ itself from t = 0 on (10 of 10)"),
        ((9, 9, 9, 8), (0, 0, 0, 10), None),
    ],
)
def test_it_is_said_from_when_on_nine_of_ten_digits_are_read(clean, noisy, said):
    times = (1000, 750, 500, 0)
    labels = [f"t = {t}: {one} of 10 read in x0, {two} in x_t" for t, one, two in zip(times, clean, noisy)]
    told = _legible(labels)
    assert (said in told[0]) if said else told == []
    assert _legible(["t = 1000", "t = 0"]) == []


@pytest.mark.parametrize("method", ["custom", "lora"])
def test_words_that_were_learned_with_weights_are_told_as_words_are(tmp_path, method):
    """Two in one file, each with the first words and the photos of its own concept."""
    first, second = torch.arange(12.0).reshape(2, 6), torch.ones(1, 6)
    told = {"init": "dog", "step": "300", "kept_by": "last", "photos": json.dumps([{"0.jpg": "abc"}, {"1.jpg": "d"}])}
    words = [Embedding("<mine>", first, told), Embedding("<yours>", second, told)]
    learned, painted = tmp_path / "learned", tmp_path / "painted"
    for folder in (learned, painted):
        folder.mkdir()
    if method == "custom":
        write_additions(learned / "custom.safetensors", LearnedFile(words, {}, told))
    else:
        layer = LowRank(torch.ones(1, 6), torch.ones(4, 1), 1.0)
        metadata = {OURS + key: value for key, value in told.items()}
        name = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
        write_lora(learned / "lora.safetensors", LoraFile({name: layer}, {}, words, metadata), [name])
    concept = {"token": "<mine>", "init": "dog", "photos": {"0.jpg": "abc", "2.jpg": "e"}, "method": method, "rank": 1}
    also = [{"token": "<yours>", "init": "cat", "photos": {"1.jpg": "d"}}]
    write_note(learned / "run.json", "concepts learn", {**concept, "also": also})
    paint(learned / "crops.png", (250, 10, 10))
    names = {"<mine>": digest(first.numpy()), "<yours>": digest(second.numpy())}
    write_note(painted / "run.json", "concepts generate", {"prompts": [["0", "a <mine> by a <yours>"]], "words": names})
    paint(painted / "0" / "000.png", (10, 200, 10))
    page = page_of(ReportOptions(tmp_path / "out", (painted, learned), pdf=False))
    assert '<mine> is a learned word: 2 vectors that began as those of "dog" and were learned from 2' in page.text
    assert '<yours> is a learned word: 1 vectors that began as those of "cat" and were learned from 1' in page.text
    assert "Learning <mine> and <yours>" in page.text and "The last stage was kept, of step 300" in page.text
    assert {"custom": "keys and values", "lora": "matrices of rank 1"}[method] in page.text
    assert "The photos of <mine> and <yours>: 3" in page.text
