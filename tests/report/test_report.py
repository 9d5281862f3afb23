"""The page, made from notes and pictures that are written here."""

import json
import sys
from html.parser import HTMLParser

import pytest
from PIL import Image

pytest.importorskip("jinja2")
pytest.importorskip("accelerate", minversion="1.0")

from sfumato.errors import UserError
from sfumato.report.curves import series, smoothed
from sfumato.report.found import find_runs
from sfumato.report.parts import flat
from sfumato.report.report import ReportOptions, report
from sfumato.report.shots import picture
from sfumato.report.words import words
from sfumato.runs import read_log, write_note


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text):
        super().__init__()
        self.text, self.images, self.links, self.open_tags, self.figures = "", [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "figure":
            self.figures.append({**found, "images": [], "hidden": [], "text": ""})
        if tag == "img":
            self.images.append(found)
            if "figure" in self.open_tags:
                self.figures[-1]["images"].append(found)
        if tag == "div" and "shot" in found.get("class", "").split():
            self.figures[-1]["hidden"].append("hidden" in found)
        self.links += [found[name] for name in ("href", "src") if name in found]
        if tag not in ("img", "meta", "br", "link"):
            self.open_tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag

    def handle_data(self, data):
        if self.open_tags and self.open_tags[-1] in ("style", "script"):
            return
        self.text += data
        if "figcaption" in self.open_tags:
            self.figures[-1]["text"] += data


def paint(path, colour=(90, 120, 200)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (48, 32), colour).save(path)


def notes_of_every_kind():
    """Path below the runs -> command and numbers."""
    digit = {"judge": "a judge", "pictures": 20, "precision": 0.8, "recall": 0.61, "frechet_distance": 1.25}
    confusion = [[2 if row == column else 0 for column in range(10)] for row in range(10)]
    scores = [{"dataset": name, "accuracy": 0.95, "confusion": confusion, **digit} for name in ("mnistm", "svhn")]
    along = {"norm": [10.0, 7.1, 10.0], "contrast": [0.5, 0.21, 0.5], "detail": [0.05, 0.03, 0.05]}
    rows = [{"scale": scale, "contrast": scale / 2, "detail": scale / 9, "along_noise": -0.7} for scale in (1.0, 0.5)]
    paths = {"slerp": along, "lerp": along, "values": 100, "cosine": 0.0, "start": 981, "signal": 0.01}
    prompt = {"source": "0", "prompt": "a <new1> on a hill", "image": 71.5, "text": 31.25, "passed": True}
    shares = {"digit right": 0.9, "look right": 0.8, "both right": 0.75}
    return {
        "digits/run.json": ("digits generate", {}),
        "digits/scores.json": ("digits evaluate", {"mean_accuracy": 0.95, "datasets": scores}),
        "figures/run.json": ("digits figures", {}),
        "training/run.json": ("digits train", {}),
        "faces/scores.json": (
            "faces evaluate",
            {"mean_mse": 0.0473, "limit": 20.0, "pictures": [{"name": "00.png", "mse": 0.0473, "largest": 3}]},
        ),
        "faces/eta.json": (
            "faces eta",
            {
                "etas": [0.0, 1.0],
                "rms_distance_from_first": [[0.0, 0.42], [0.0, 0.44]],
                "rms_distance_from_last": [[0.42, 0.0], [0.44, 0.0]],
                "rms_distance_by_other_noise": [[0.5], [0.6]],
                "detail": [[0.05, 0.05], [0.04, 0.04]],
                "times": [981, 861, 761, 0],
                "kept": [[1, 1, 1, 1], [1, 0.5, 0.25, 0]],
            },
        ),
        "faces/paths.json": (
            "faces interpolate",
            {"alpha": [0.0, 0.5, 1.0], **paths, "control": {"noises": 8, "rows": rows}},
        ),
        "faces/invert.json": (
            "faces invert",
            {"found": [{"steps": 50, "mse": 3.5, "psnr": 42.0, "noise_mean": 0.01, "noise_std": 0.99}]},
        ),
        "word/run.json": ("concepts learn", {}),
        "painted/scores.json": (
            "concepts evaluate",
            {
                "passed": 1,
                "of": 1,
                "prompts": [{**prompt, "baseline": [70, 30], "best": [f"{n}.png" for n in range(5)]}],
            },
        ),
        "zero/zero-shot.json": (
            "zero-shot",
            {
                "clip": "a CLIP",
                "templates": ["A photo of {}."],
                "pictures": 10,
                "per_class_pictures": {"cat": 10},
                "top1": 0.7,
                "top5": 0.9,
                "per_class": {"cat": 0.7},
                "scale": 100.0,
                "mistakes": [["cat", "dog", 3]],
                "shown": [{"label": "cat", "right": False, "likeliest": [["dog", 0.6], ["cat", 0.3]]}],
            },
        ),
        "world/scores.json": (
            "world evaluate",
            {
                "measured": {"one digit": shares, "both by regions": shares},
                "examples": {"one digit": "a chalk six", "both by regions": "a street <new1> | a two"},
            },
        ),
    }


@pytest.fixture
def runs(tmp_path):
    """A run of every kind."""
    folder = tmp_path / "runs"
    for name, (command, numbers) in notes_of_every_kind().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        settings = {"seed": 7, "token": "<new1>", "count": 40, "sampling": {"steps": 9}}
        write_note(folder / name, command, settings, **numbers)
    lines = [{"step": step, "loss": 1.0 / step, "rate": 1.0} for step in range(1, 200)]
    for name in ("training", "word"):
        (folder / name / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 2')
    for name in ("figures/mnistm-sheet", "figures/svhn-reverse-process", "faces/eta", "faces/between"):
        paint(folder / f"{name}.png")
    for name in ("faces/paths", "faces/invert", "faces/difference", "zero/zero-shot", "world/both-by-regions"):
        paint(folder / f"{name}.png")
    for number in range(5):
        paint(folder / "painted" / "0" / "0" / f"{number}.png")
        paint(folder / "word" / f"preview-{number:06d}.png")
    return folder


def page_of(options):
    report(options)
    return Page((options.out / "report.html").read_text())


def test_every_number_and_picture_of_the_runs_is_on_the_page(runs, tmp_path):
    page = page_of(ReportOptions(tmp_path / "out", (runs,), pdf=False))
    for text in (
        "19 of 20",
        "38 of 40",
        "0.61",
        "1.25",
        "0.0473",
        "0.43 at eta 1",
        "71.0% is left",
        "0.21 by lerp",
        "42.0 dB",
    ):
        assert text in page.text, text
    for text in (
        "71.50",
        "31.25",
        "70 / 30",
        "pass",
        "7 of 10 pictures of 1 classes",
        "36 of 40",
        "a <new1> on a hill",
        "sampling.steps",
    ):
        assert text in page.text, text
    assert len(page.figures) == 15
    assert all(image["alt"].strip() for image in page.images)
    assert "Not in this report" not in page.text
    assert not page.open_tags, "every tag is closed"


def test_the_page_needs_no_network_and_says_the_same_again(runs, tmp_path):
    page = page_of(ReportOptions(tmp_path / "one", (runs,), pdf=False))
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    page_of(ReportOptions(tmp_path / "two", (runs,), pdf=False))
    one, two = ((tmp_path / name / "report.html").read_text() for name in ("one", "two"))
    assert one == two


def test_a_run_that_is_not_there_is_said_to_be_absent(runs, tmp_path):
    page = page_of(ReportOptions(tmp_path / "out", (runs / "faces", runs / "digits"), pdf=False))
    assert page.text.count("Not in this report") == 2
    assert "zero-shot classification: sfumato zero-shot" in page.text
    assert "training curves: sfumato digits train" in page.text
    assert "Against the true pictures" in page.text


def test_a_note_that_lacks_numbers_is_named(runs, tmp_path):
    path = runs / "faces" / "paths.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "lerp"}))
    with pytest.raises(UserError, match=r"paths.json: lacks 'lerp'; run `sfumato faces interpolate` again"):
        report(ReportOptions(tmp_path / "out", (runs,), pdf=False))
    assert not (tmp_path / "out").exists()


def test_commands_are_shown_as_they_were_typed(runs, tmp_path):
    content = json.loads((runs / "digits" / "run.json").read_text())
    content["command_line"] = "sfumato digits generate 'my digits' --seed 7"
    (runs / "digits" / "run.json").write_text(json.dumps(content))
    assert "sfumato digits generate 'my digits' --seed 7" in page_of(ReportOptions(tmp_path, (runs,), pdf=False)).text


def test_what_is_typed_is_kept_by_the_command_line(tmp_path):
    from sfumato.cli import main

    flags = ["--digits", "7", "--count", "1", "--steps", "2"]
    assert main(["digits", "generate", str(tmp_path / "a b"), *flags]) == 0
    note = json.loads((tmp_path / "a b" / "run.json").read_text())
    assert note["command_line"] == f"sfumato digits generate '{tmp_path / 'a b'}' {' '.join(flags)}"


def test_folders_without_runs_are_refused(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        report(ReportOptions(tmp_path / "out", (tmp_path / "nowhere",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no run"):
        report(ReportOptions(tmp_path / "out", (tmp_path / "empty",)))
    (tmp_path / "empty" / "run.json").write_text("[1, 2]")
    (tmp_path / "empty" / "notes.json").write_text("{")
    with pytest.raises(UserError, match="holds no run"):
        report(ReportOptions(tmp_path / "out", (tmp_path / "empty",)))
    write_note(tmp_path / "empty" / "run.json", "world judge", {})
    with pytest.raises(UserError, match="nothing to show: there are runs of world judge only"):
        report(ReportOptions(tmp_path / "out", (tmp_path / "empty",)))
    with pytest.raises(UserError, match="--run: give at least one folder"):
        report(ReportOptions(tmp_path / "out", ()))
    with pytest.raises(UserError, match="--quick: is for running what ships"):
        report(ReportOptions(tmp_path / "out", (tmp_path / "empty",), quick=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{", '{"command": "digits evaluate"', "\xff", "[" * 100_000])
def test_a_damaged_note_is_named_not_passed_over(runs, tmp_path, text):
    (runs / "digits" / "scores.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"digits.scores.json: is damaged .*; run its command again, or delete it"):
        report(ReportOptions(tmp_path / "out", (runs,), pdf=False))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("world/scores.json", {"measured": {}}),
        ("world/scores.json", {"measured": [1]}),
        ("zero/zero-shot.json", {"per_class": ["cat"]}),
        ("faces/paths.json", {"slerp": {"norm": [0, 0, 0], "contrast": [0, 0, 0], "detail": [0, 0, 0]}}),
        ("faces/eta.json", {"etas": []}),
    ],
)
def test_a_note_of_another_shape_is_named(runs, tmp_path, name, odd):
    content = json.loads((runs / name).read_text())
    (runs / name).write_text(json.dumps({**content, **odd}))
    with pytest.raises(UserError, match=f"{name}: is not as `sfumato {content['command']}` writes it"):
        report(ReportOptions(tmp_path / "out", (runs,), pdf=False))


def test_pictures_without_scores_are_shown_and_those_with_scores_once(runs, tmp_path):
    (runs / "more").mkdir()
    write_note(runs / "more" / "run.json", "digits generate", {"seed": 11})
    for number in range(60):
        paint(runs / "more" / "svhn" / f"3_{number:03d}.png")
    prompts = {"prompts": [["0", "a dog in snow"]]}
    (runs / "dogs").mkdir()
    write_note(runs / "dogs" / "run.json", "concepts generate", prompts)
    paint(runs / "dogs" / "0" / "000.png")
    (runs / "people").mkdir()
    write_note(runs / "people" / "run.json", "faces generate", {})
    paint(runs / "people" / "00.png")
    page = page_of(ReportOptions(tmp_path / "out", (runs, runs / "digits"), pdf=False))
    assert "SVHN: 50 of 60 pictures" in page.text
    assert "a dog in snow" in page.text and "Faces in runs/people" in page.text
    assert page.text.count("Accuracy and variety") == 2, (
        "as its heading and in the appendix: folders may lie in one another"
    )
    assert "Digits in runs/digits" not in page.text, "they stand with their scores"


def test_a_pdf_of_an_earlier_report_does_not_stay_beside_a_new_one(runs, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.pdf").write_bytes(b"%PDF-")
    report(ReportOptions(out, (runs,), pdf=False))
    assert (out / "report.pdf").exists(), "there was no earlier report: it may be anything of the user's"
    report(ReportOptions(out, (runs,), pdf=False))
    assert not (out / "report.pdf").exists()
    assert "removed " in capsys.readouterr().out
    (out / "report.pdf").mkdir()
    (out / "report.html").unlink()
    with pytest.raises(UserError, match=r"report.pdf: is a folder"):
        report(ReportOptions(out, (runs,)))
    assert not (out / "report.html").exists()


def test_a_pdf_of_the_same(runs, tmp_path):
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as missing:  # the library, or Pango below it
        pytest.skip(str(missing))
    html, pdf = report(ReportOptions(tmp_path / "out", (runs,)))
    assert html.name == "report.html"
    assert pdf.read_bytes().startswith(b"%PDF-") and pdf.stat().st_size > 20_000


def test_without_the_library_there_is_no_pdf_and_a_line_that_says_so(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert [path.name for path in report(ReportOptions(tmp_path / "out", (runs,)))] == ["report.html"]
    assert "no PDF: " in capsys.readouterr().out


def test_a_log_that_went_on_counts_each_step_once(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [
        '{"step": 1, "loss": 3}',
        '{"step": 2, "loss": 9}',
        '{"step": 2, "loss": 2}',
        "7",
        '{"loss": 1}',
        '{"step": 3',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert series(read_log(path), "loss") == ([1, 2], [3, 2])
    assert read_log(tmp_path / "nothing.jsonl") == []
    assert smoothed([5.0] * 300) == [5.0] * 300
    assert smoothed([0.0, 3.0, 0.0]) == [1.5, 1.0, 1.5]


def test_large_pictures_are_narrowed(tmp_path):
    Image.effect_noise((3000, 900), 90).save(tmp_path / "large.png")
    (shot,) = picture(tmp_path / "large.png", "noise", "").shots
    assert shot.source.startswith("data:image/webp") and len(shot.source) < 1_500_000
    assert shot.size == (1760, 528)


def test_settings_and_words():
    assert flat({"a": 1, "b": {"c": [1, 2], "d": None}, "e": ""}) == {"a": "1", "b.c": "1, 2"}
    assert (
        words("exactness", mean=0.5, limit=20.0)
        == "Mean squared error 0.5000 on the scale 0 ... 255 (the limit is 20)."
    )


def test_runs_are_found_below_the_folders(runs):
    (runs / "digits" / "scores.json").rename(runs / "digits" / "numbers.json")  # as `--json` may call it
    found = find_runs([runs])
    assert [note.folder.name for note in found.all("digits evaluate")] == ["digits"]
    assert found.all("digits paint") == []


@pytest.mark.parametrize("outside", ["../../mine", "/home/somebody/pictures", "..\\mine", "1/../../../mine"])
def test_a_run_of_somebody_elses_does_not_show_your_pictures(tmp_path, outside):
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "mine" / "0.png")
    theirs = tmp_path / "theirs" / "run"
    paint(theirs / "1" / "0.png")
    prompts = [[outside, "a dog"], ["1", "a cat"]]
    note = {"command": "concepts generate", "versions": {}, "settings": {"prompts": prompts}}
    (theirs / "run.json").write_text(json.dumps(note))
    with pytest.warns(UserWarning, match=r"run.json: names '.*', which is not in its folder; left out"):
        page = page_of(ReportOptions(tmp_path / "out", (theirs,), pdf=False))
    assert [image["alt"] for image in page.images] == ["picture of the prompt a cat"], "the rest is shown"


def test_links_in_a_run_of_somebody_elses_are_not_followed_out_of_it(tmp_path):
    paint(tmp_path / "mine" / "0.png")
    theirs = tmp_path / "theirs"
    paint(theirs / "1" / "0.png")
    prompts = {"prompts": [["0", "a dog"], ["1", "a cat"]]}
    for folder, command in ((".", "concepts generate"), ("digits", "digits figures"), ("faces", "faces generate")):
        (theirs / folder).mkdir(exist_ok=True)
        write_note(theirs / folder / "run.json", command, prompts)
    (theirs / "0").symlink_to(tmp_path / "mine")
    for link in (theirs / "1" / "1.png", theirs / "digits" / "svhn-sheet.png", theirs / "faces" / "00.png"):
        link.symlink_to(tmp_path / "mine" / "0.png")
    (tmp_path / "link").symlink_to(theirs)
    with pytest.warns(UserWarning, match="which is not in its folder") as warned:
        page = page_of(ReportOptions(tmp_path / "out", (tmp_path / "link",), pdf=False))
    assert [image["alt"] for image in page.images] == ["picture of the prompt a cat"], "what the user names is followed"
    named = {str(one.message).split("names ")[1].split(",")[0] for one in warned}
    assert named == {"'0'", "'00.png'", "'1/1.png'", "'svhn-sheet.png'"}


def test_a_page_shows_names_that_are_not_utf_8_as_escapes(tmp_path):
    write_note(tmp_path / "run.json", "digits generate", {"photos": {"caf\udce9.jpg": "0"}})
    report(ReportOptions(tmp_path / "out", (tmp_path,), title="a \udce9", pdf=False))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "caf\\udce9.jpg" in page and "a \\udce9" in page


def test_notes_that_systems_copied_are_none(tmp_path):
    (tmp_path / ".hidden" / "run").mkdir(parents=True)
    for name in ("run.json", "._run.json", ".ipynb_checkpoints/run.json"):
        path = tmp_path / ".hidden" / "run" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"command": "x", "versions": {}}) if name == "run.json" else "damaged")
    assert [note.path.name for note in find_runs([tmp_path / ".hidden"]).all("x")] == ["run.json"]
    with pytest.raises(UserError, match="holds no run"):
        find_runs([tmp_path])
