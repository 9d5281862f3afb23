"""The homework's report, from runs that are written here."""

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("accelerate", minversion="1.0")

from sfumato.errors import UserError
from sfumato.report import words as prose_module
from sfumato.report.course import course_page, course_report
from sfumato.report.equations import equation
from sfumato.report.homework.questions import Runs, homely, homely_command
from sfumato.report.pages import as_pdf, prose
from sfumato.report.words import in_a_row, paragraphs, words
from sfumato.runs import COMMAND_LINE, write_note

from .test_report import Page, notes_of_every_kind, paint

QUESTIONS = ("P1.1", "P1.2", "P1.3", "P2.1", "P2.2", "P3.1", "P3.2")
SAMPLING = {
    "sampler": "unipc",
    "steps": 9,
    "spacing": "",
    "guidance_scale": 4.0,
    "guide_from": 300.0,
    "guide_to": 999.0,
}
FOLDERS = {
    "digits/run.json": "digits/run.json",
    "digits/scores.json": "digits/scores.json",
    "figures/run.json": "digit-figures/run.json",
    "faces/scores.json": "faces/scores.json",
    "faces/eta.json": "faces-eta/eta.json",
    "faces/paths.json": "faces-paths/paths.json",
    "painted/scores.json": "concepts/scores.json",
    "zero/zero-shot.json": "zero-shot/zero-shot.json",
}
"""Where the general report's test has a run -> where the homework has it."""
TRIED = {
    "settings": {"init": "dog", "lr": 0.005, "batch_size": 4, "vectors": 2, "steps": 400, "texts": "object"},
    "step": 300,
    "few": {"margin": 1.25, "pictures": 5},
    "all": {"prompts": [], "passed": 1, "of": 2},
}


def one_source(key, token):
    tried = [
        {**TRIED, "name": "first"},
        {**TRIED, "name": "second", "few": {"margin": -3.5, "pictures": 5}, "all": None},
    ]
    return {"key": key, "token": token, "best": "first", "tried": tried}


@pytest.fixture
def runs(tmp_path):
    """A run of every kind, as somebody typed them with absolute paths."""
    folder = tmp_path / "runs"
    kinds = {FOLDERS[name]: kind for name, kind in notes_of_every_kind().items() if name in FOLDERS}
    kinds["digits/scores.json"][1]["datasets"][1]["confusion"][8][5] = 3
    alone = {"<new1>": 78.0, "<new2>": 72.5}
    rows = [{"way": "named", "image": {"<new1>": 77.0, "<new2>": 61.0}, "text": 28.5}]
    rows.append({"way": "regions", "image": {"<new1>": 76.0, "<new2>": 66.5}, "text": 29.5})
    prompt = "a <new1> next to a <new2>"
    both = {"prompt": prompt, "clip": f"{tmp_path}/a clip", "rows": rows, "alone": alone}
    kinds["two-concepts/scores.json"] = ("course two-concepts", both)
    sources = [one_source("0", "<new1>"), one_source("1", "<new2>")]
    kinds["words/table.json"] = ("course words", {"clip": "vit", "sources": sources})
    row = {"problem": "1", "what": "MNIST-M by Classifier.pth", "value": "99.4%", "baseline": "90%", "passed": True}
    kinds["grade.json"] = ("course grade", {"rows": [row], "environment": "Python 3.8, torch 1.11.0"})
    for way in ("named", "regions"):
        kinds[f"two-concepts/{way}/run.json"] = ("concepts generate", {})
    typed = COMMAND_LINE.set(f"sfumato anything '{tmp_path}/my runs' --clip={tmp_path}/clip --seed 7")
    settings = {"sampling": SAMPLING, "weights": str(tmp_path / "some" / "UNet.pt"), "prompts": [["0", prompt]]}
    for name, (command, numbers) in kinds.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_note(folder / name, command, settings, **numbers)
    COMMAND_LINE.reset(typed)
    names = [f"digit-figures/{dataset}-{kind}" for dataset in ("mnistm", "svhn") for kind in ("sheet", "first-zero")]
    names += ["faces-eta/eta", *(f"faces-paths/{name}" for name in ("between", "paths", "scaled"))]
    for name in (*names, "zero-shot/zero-shot", *(f"concepts/0/0/{n}" for n in range(5))):
        paint(folder / f"{name}.png")
    for way in ("named", "regions"):
        paint(folder / "two-concepts" / way / "0" / "000.png")
    return folder


def test_every_question_is_answered_in_the_assignments_order(runs):
    page = Page(course_page(Runs(runs, {}), "R12345678"))
    places = [page.text.index(f"{key} ") for key in QUESTIONS]
    assert places == sorted(places)
    assert "Nothing stands here" not in page.text
    for text in (
        "R12345678",
        "2,832,108 parameters",
        "16 passes",
        "38 of 40",
        "8 of SVHN read as 5 (3 of 5)",
        "0.0473",
        "replaces 75% of it",
    ):
        assert text in page.text, text
    for text in (
        "0.50 at t = 861",
        "0.25 at t = 761",
        "71.0% is left",
        "0.500 and 0.250",
        "7 of 10 pictures",
        "cat taken for dog",
    ):
        assert text in page.text, text
    for text in ("77.0 for <new1> and 61.0 for <new2>", "11.5 points", "76.0 for <new1>", "28.5 to 29.5", "+1.25, 5"):
        assert text in page.text, text
    for text in ("71.50", "70 / 30", "MNIST-M by Classifier.pth", "torch 1.11.0", "40,000 steps", "Custom Diffusion"):
        assert text in page.text, text
    assert len(page.figures) == 15
    assert sum(image.get("class") == "equation" for image in page.images) >= 14
    assert all(image["alt"].strip() for image in page.images)
    assert not page.open_tags
    assert all(link.startswith(("data:image/", "#figure-")) for link in page.links)


def test_a_page_says_the_same_again_and_names_no_folder_of_its_maker(runs, tmp_path):
    missing = {"score 2": f"{tmp_path}/hw2_data/face/UNet.pt: there is no such file"}
    page = course_page(Runs(runs, missing), "R1")
    assert page == course_page(Runs(runs, missing), "R1")
    assert str(tmp_path) not in page and tmp_path.name not in page
    assert "UNet.pt: there is no such file" in page
    assert "sfumato anything &#39;my runs&#39; --clip=clip --seed 7" in page


def test_what_is_missing_is_said_at_its_place(tmp_path):
    missing = {key: f"because of {key}" for key in (*QUESTIONS, "score 1", "score 2", "score 3")}
    text = Page(course_page(Runs(tmp_path / "nowhere", missing), "R1")).text
    for key, following in zip(QUESTIONS, (*QUESTIONS[1:], "P3 The words")):
        answer = text[text.index(f"{key} ") : text.index(f"{following} ")]
        assert f"because of {key}" in answer, "at its own question"
        assert len(answer) > 300, "how it is done is told all the same"
    assert all(f"because of score {n}" in text for n in (1, 2, 3))
    unsaid = Page(course_page(Runs(tmp_path / "nowhere", {}), "R1")).text
    assert unsaid.count("Nothing stands here: there is no run in nowhere/") == 10


def test_out_holds_the_pdf_alone(runs, tmp_path, monkeypatch):
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as missing:  # the library, or Pango below it
        pytest.skip(str(missing))
    out = tmp_path / "out"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "weasyprint", None)
        with pytest.raises(
            UserError, match=r"hw2_R1.html: is written, and hw2_R1.pdf is not: .*pip install weasyprint"
        ):
            course_report(runs, out, "R1", {})
    assert [path.name for path in out.iterdir()] == ["hw2_R1.html"]
    assert course_report(runs, out, "R1", {}) == [out / "hw2_R1.pdf"]
    assert [path.name for path in out.iterdir()] == ["hw2_R1.pdf"]
    assert (out / "hw2_R1.pdf").read_bytes().startswith(b"%PDF-")
    assert len(HTML(string=course_page(Runs(runs, {}), "R1")).render().pages) < 20


@pytest.mark.parametrize(
    ("name", "odd", "told"),
    [
        ("faces-eta/eta.json", {"kept": []}, "is not as `sfumato faces eta` writes it"),
        ("two-concepts/scores.json", {"rows": []}, "lacks 'named'"),
        ("words/table.json", {"sources": [{}]}, "lacks 'best'"),
        ("grade.json", {"rows": [{"problem": "1"}]}, "lacks 'what'"),
    ],
)
def test_a_note_of_another_shape_is_named(runs, name, odd, told):
    path = runs / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **odd}))
    with pytest.raises(UserError, match=f"{name}: {told}"):
        course_page(Runs(runs, {}), "R1")


def test_all_prose_is_used_and_what_it_names_is_in_the_references():
    folder = Path(prose_module.__file__).parent
    code = "".join(path.read_text() for path in sorted(folder.rglob("*.py")))
    code += 'words("digits.difficulty.svhn") "digits.difficulty.guidance" "digits.difficulty.time"'
    told = [paragraphs(file) for file in ("general", "captions", "digits", "faces", "concepts")]
    names = [name for one in told for name in one]
    assert len(names) == len(set(names))
    unused = [name for name in names if f'"{name}"' not in code and f'"{name.partition(".")[2]}"' not in code]
    assert unused == []
    everything = " ".join(text for one in told for text in one.values()).replace("(", "")
    named = set(re.findall(r"\b[\w-]+(?: et al\.| and [A-Z]\w+)? (?:19|20)\d\d\b", everything))
    named = {re.sub(r"^in ", "", name) for name in named}
    assert {name for name in named if name[0].isupper()} == set(paragraphs("references"))


def test_symbols_code_and_titles():
    assert prose("a `<b>` of $x_T$, $V^*$ and *one* & two") == (
        "a <code>&lt;b&gt;</code> of <i>x<sub>T</sub></i>, <i>V<sup>*</sup></i> and <em>one</em> &amp; two"
    )
    assert in_a_row(["a"]) == "a" and in_a_row(["a", "b", "c"]) == "a, b and c"
    assert words("exactness", mean=0.5, limit=20.0).startswith("Mean squared error 0.5000")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/home/me/hw2_data/face: no UNet.pt", "face: no UNet.pt"),
        (r"C:\Users\me\clip is no folder", "clip is no folder"),
        ("79/34 and either/or, a /b alone", "79/34 and either/or, a /b alone"),
        ("openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32"),
    ],
)
def test_paths_are_their_last_names(text, seen):
    assert homely(text) == seen


def test_command_lines_without_absolute_paths_stay():
    assert (
        homely_command("sfumato digits generate 'my digits' --seed 7") == "sfumato digits generate 'my digits' --seed 7"
    )
    assert homely_command('sfumato x "/a/b c/d e" --clip=/m/n/o \'') == homely(
        'sfumato x "/a/b c/d e" --clip=/m/n/o \''
    )


def test_an_equation_is_as_wide_as_it_is_long():
    short, long = equation(r"x_t"), equation(r"x_t = a_t x_0 + n_t \epsilon")
    assert short.source.startswith("data:image/svg+xml;base64,") and short == equation(r"x_t")
    assert 10 < short.width < 40 < long.width
    with pytest.raises(ValueError, match="frac"):
        equation(r"\frac{")


def test_the_same_page_is_the_same_pdf_at_any_time():
    """Fonts inside hold the second of their making by themselves."""
    pytest.importorskip("weasyprint")
    page = "<html><body><p>a page</p></body></html>"
    first = as_pdf(page)
    time.sleep(1.1)
    assert as_pdf(page) == first and "SOURCE_DATE_EPOCH" not in os.environ
