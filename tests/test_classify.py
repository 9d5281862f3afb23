"""CLIP's answers for pictures of any name: those of zero-shot, as probabilities, written and drawn."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("transformers")

import sfumato.classify
import sfumato.zero_shot
from sfumato.by_names import logits_of
from sfumato.classify import ClassifyOptions, classify
from sfumato.clip import Clip
from sfumato.errors import UserError
from sfumato.images import MOST_PIXELS, Answered, open_picture, with_bars
from sfumato.zero_shot import ZeroShotOptions, zero_shot
from tests.test_zero_shot import ColourClip

NAMES = ("three", "seven", "nothing at all")


@pytest.fixture
def folder(tmp_path):
    """Pictures of two sizes and modes; the first sign of their names is the number of one of NAMES."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(5):
        pixels = np.random.RandomState(number).randint(0, 255, (40, 40 + 8 * number, 3)).astype(np.uint8)
        drawn = Image.fromarray(pixels)
        (drawn.convert("RGBA") if number % 2 else drawn).save(folder / f"{number % 3}_{number}.png")
    return folder


def test_probabilities_are_the_softmax_of_cosines_by_hand(folder):
    found = classify(ClassifyOptions((folder,), NAMES))
    clip = Clip()
    assert (found.clip, found.templates, found.names) == (clip.name, ["A photo of {}."], list(NAMES))
    assert [answer.file for answer in found.pictures] == ["0_0.png", "0_3.png", "1_1.png", "1_4.png", "2_2.png"]
    texts = [clip.texts([f"A photo of {name}."])[0].tolist() for name in NAMES]
    for answer in found.pictures:
        picture = clip.pictures([open_picture(folder / answer.file)])[0].tolist()
        powers = [math.exp(clip.scale * math.fsum(a * b for a, b in zip(picture, text))) for text in texts]
        assert answer.probabilities == pytest.approx([power / math.fsum(powers) for power in powers], abs=1e-4)
        assert math.fsum(answer.probabilities) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("ensemble", [False, True])
def test_the_answers_are_those_of_zero_shot(folder, tmp_path, monkeypatch, ensemble):
    labels = tmp_path / "id2label.json"
    labels.write_text(json.dumps(dict(enumerate(NAMES))))
    zero_shot(ZeroShotOptions(folder, labels, out=tmp_path / "zero", ensemble=ensemble))
    found = classify(ClassifyOptions((folder,), NAMES, ensemble=ensemble))
    ours = {answer.file: dict(zip(found.names, answer.probabilities)) for answer in found.pictures}
    shown = json.loads((tmp_path / "zero" / "zero-shot.json").read_text())["shown"]
    assert {one["picture"] for one in shown} == set(ours)
    for one in shown:
        ranked = sorted(ours[one["picture"]].items(), key=lambda pair: -pair[1])
        assert [name for name, _ in one["likeliest"]] == [name for name, _ in ranked]
        assert [share for _, share in one["likeliest"]] == pytest.approx([share for _, share in ranked], abs=1e-6)


def test_what_is_written_is_what_is_returned_and_printed(folder, tmp_path, capsys):
    found = classify(ClassifyOptions((folder,), NAMES, out=tmp_path / "out"))
    kept = json.loads((tmp_path / "out" / "classify.json").read_text())
    assert {name: kept[name] for name in ("clip", "templates", "names")} == {
        "clip": "sfumato's small CLIP",
        "templates": ["A photo of {}."],
        "names": list(NAMES),
    }
    assert kept["pictures"] == [
        {"file": answer.file, "probabilities": answer.probabilities} for answer in found.pictures
    ]
    first = found.pictures[0].probabilities
    best = NAMES[first.index(max(first))]
    assert f"  0_0.png  {best:<14} {max(first):6.1%}".split() in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_single_files_and_folders_are_taken_once_and_called_by_where_they_lie(folder, tmp_path):
    (tmp_path / "other").mkdir()
    Image.new("L", (9, 30), 90).save(tmp_path / "other" / "0_0.png")
    given = (tmp_path / "other" / "0_0.png", folder, folder / "0_0.png")
    files = [answer.file for answer in classify(ClassifyOptions(given, NAMES)).pictures]
    assert files == ["other/0_0.png", *(f"mine/{name}.png" for name in ("0_0", "0_3", "1_1", "1_4", "2_2"))]
    alone = classify(ClassifyOptions((folder / "1_4.png",), NAMES)).pictures
    assert [answer.file for answer in alone] == ["1_4.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "--names: give 2 to 25,000 names to choose from, got 0"),
        (("a cat",), "--names: give 2 to 25,000 names to choose from, got 1"),
        (tuple(f"n{n}" for n in range(25_001)), "--names: give 2 to 25,000 names to choose from, got 25,001"),
        (("a cat", " "), "--names: one of them is empty; give each a word or more"),
        (("a cat", "a dog", "A  Cat"), "--names: 'A Cat' is there twice; give each name once"),
        (("a cat", "d" * 301), f"--names: '{'d' * 40}...' is no name; give a line of at most 300 letters"),
        (("a cat", "\x1b[2J"), r"--names: '\\x1b[2J' is no name; give a line of at most 300 letters"),
        (
            ("a cat", "a b " * 40),
            "--names: 'A photo of a b a b a b a b a b a b a b a...' is longer than this CLIP reads; shorten the name,"
            " or the template",
        ),
    ],
)
def test_bad_names_are_refused(folder, tmp_path, names, message):
    with pytest.raises(UserError) as refused:
        classify(ClassifyOptions((folder,), names, out=tmp_path / "out"))
    assert str(refused.value) == message.replace("\\\\", "\\")
    assert not (tmp_path / "out").exists()


def test_pictures_and_templates_that_cannot_be_used_are_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (folder / "damaged.png").write_bytes((folder / "0_0.png").read_bytes()[:200])
    for options, message in (
        (ClassifyOptions((), NAMES), "PICTURES: give at least one"),
        (ClassifyOptions((tmp_path / "empty",), NAMES), "empty: holds no picture"),
        (ClassifyOptions((tmp_path / "nowhere",), NAMES), "nowhere: there is no such picture or folder"),
        (ClassifyOptions((folder,), NAMES, out=tmp_path / "out"), r"damaged\.png: cannot be decoded"),
        (ClassifyOptions((folder,), NAMES, template=("A photo.",)), "must have {} once"),
        (ClassifyOptions((folder,), NAMES, template=()), "--template: give at least one"),
        (ClassifyOptions((folder,), NAMES, out=folder / "0_0.png"), "cannot be made a folder"),
    ):
        with pytest.raises(UserError, match=message):
            classify(options)
    assert not (tmp_path / "out").exists()


def test_a_clip_that_answers_no_numbers_is_refused(folder, tmp_path, monkeypatch):
    class Broken(ColourClip):
        scale = float("nan")

        def left_out(self, text):
            return ""

    monkeypatch.setattr(sfumato.classify, "Clip", Broken)
    with pytest.raises(UserError, match="colours: its answers are not finite"):
        classify(ClassifyOptions((folder,), NAMES, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_large_pictures_are_opened_few_at_a_time(tmp_path, monkeypatch):
    """Each has a third of what one picture may have: two are held, and the third makes it too many."""
    side = int((MOST_PIXELS / 3) ** 0.5) + 1
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    held, alone = [], Image.new("RGB", (side, side))
    monkeypatch.setattr("sfumato.by_names.open_picture", lambda path: alone)

    class Counting(ColourClip):
        def pictures(self, pictures):
            held.append(len(pictures))
            return torch.ones(len(pictures), 3)

    assert logits_of(Counting(), paths, ["red", "green"], ["{}"]).shape == (4, 2)
    assert held == [3, 1]


def test_bars_are_as_long_as_the_shares():
    picture = Image.new("RGB", (10, 20), (9, 200, 9))
    drawn = np.asarray(with_bars([Answered(picture, "mine.png", [("a", 0.75), ("b", 0.25), ("c", 0.0)])]))
    assert drawn.shape[2] == 4, "no ground"
    green = (drawn[..., :3] == (9, 200, 9)).all(axis=2) & (drawn[..., 3] == 255)
    assert green.sum() == 120 * 240, "the picture as a whole, enlarged in squares"
    blue = (drawn[..., 0] < 60) & (drawn[..., 2] > 180) & (drawn[..., 3] == 255)
    lengths = [length for length in dict.fromkeys(blue.sum(axis=1)) if length]
    frame = 760 - 240 - 2 * 24
    assert lengths == [0.75 * frame + 1, 0.25 * frame + 1]


def test_at_most_twenty_are_drawn_and_all_are_written(tmp_path, capsys):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(45):
        Image.new("RGB", (8, 8), (5 * number, 90, 30)).save(many / f"{number:02d}.png")
    classify(ClassifyOptions((many,), NAMES, out=tmp_path / "out"))
    assert len(json.loads((tmp_path / "out" / "classify.json").read_text())["pictures"]) == 45
    ten_rows = with_bars([Answered(Image.new("RGB", (8, 8)), "a", [(name, 0.1) for name in NAMES])] * 20)
    with Image.open(tmp_path / "out" / "classify.png") as figure:
        assert figure.size == ten_rows.size
    assert "  and 5 more, which --out FOLDER writes down" in capsys.readouterr().out
