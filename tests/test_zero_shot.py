"""Classification by names alone, on a CLIP whose answers the test knows."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import sfumato.zero_shot
from sfumato.by_names import class_directions
from sfumato.errors import UserError
from sfumato.zero_shot import ZeroShotOptions, zero_shot

LABELS = {"0": "red", "1": "green", "2": "dark_blue"}
COLOURS = {"red": (1.0, 0, 0), "green": (0, 1.0, 0), "dark blue": (0, 0, 1.0)}


class ColourClip:
    """Pictures point where their mean colour does, texts where the colour they name does."""

    name, scale = "colours", 100.0

    def __init__(self, source=None):
        self.asked = []

    def pictures(self, pictures):
        means = [np.asarray(picture.convert("RGB")).reshape(-1, 3).mean(axis=0) for picture in pictures]
        return F.normalize(torch.tensor(np.array(means), dtype=torch.float32), dim=-1)

    def texts(self, texts):
        self.asked += texts
        found = [next((value for name, value in COLOURS.items() if name in text), (-1.0, -1.0, -1.0)) for text in texts]
        return F.normalize(torch.tensor(found, dtype=torch.float32), dim=-1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four pictures; 1_1 is a red one among the greens."""
    monkeypatch.setattr(sfumato.zero_shot, "Clip", ColourClip)
    images = tmp_path / "val"
    images.mkdir()
    for name, colour in {"0_0": (200, 9, 9), "1_0": (9, 200, 9), "1_1": (200, 90, 9), "2_0": (9, 9, 90)}.items():
        Image.new("RGB", (32, 32), colour).save(images / f"{name}.png")
    labels = tmp_path / "id2label.json"
    labels.write_text(json.dumps(LABELS))
    return images, labels


def test_scores_are_written_before_they_are_printed(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sfumato.zero_shot, "_in_words", refuse_to_print)
    with pytest.raises(OSError, match="No space left"):
        zero_shot(ZeroShotOptions(*folder, out=tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "zero-shot.json").read_text())["top1"] == 0.75


def refuse_to_print(score):
    raise OSError(28, "No space left on device")


def test_accuracy_by_hand(folder, tmp_path, capsys):
    score = zero_shot(ZeroShotOptions(*folder, out=tmp_path / "out"))
    assert (score.pictures, score.top1, score.top5) == (4, 0.75, 1.0)
    assert score.per_class == {"red": 1.0, "green": 0.5, "dark blue": 1.0}
    assert "4 pictures: top-1 75.00%, top-5 100.00%" in capsys.readouterr().out
    kept = json.loads((tmp_path / "out" / "zero-shot.json").read_text())
    assert kept["top1"] == 0.75
    assert kept["mistakes"] == [["green", "red", 1]]
    (wrong,) = (one for one in kept["shown"] if not one["right"])
    assert (wrong["picture"], wrong["label"], wrong["likeliest"][0][0]) == ("1_1.png", "green", "red")
    assert sum(share for _, share in wrong["likeliest"]) == pytest.approx(1)
    with Image.open(tmp_path / "out" / "zero-shot.png") as figure:
        assert figure.width > 5 * 160 and figure.height > 160
        pixels = np.asarray(figure.convert("RGBA"))
    assert score.per_class_pictures == {"red": 1, "green": 2, "dark blue": 1}
    # Pictures of one colour each: what is white in them is the mark of the wrong one, in its own cell alone.
    white = np.argwhere((pixels == 255).all(axis=2))
    place = next(place for place, one in enumerate(kept["shown"]) if not one["right"])
    width, height = figure.width // 5, figure.height // -(-len(kept["shown"]) // 5)
    assert len(white) > 500
    assert {(y // height * 5 + x // width) for y, x in white} == {place}


def test_underscores_are_spaces_unless_told_otherwise(folder):
    assert zero_shot(ZeroShotOptions(*folder, spaces=False)).per_class["dark_blue"] == 0.0
    assert zero_shot(ZeroShotOptions(*folder)).per_class["dark blue"] == 1.0


def test_templates_are_averaged():
    clip = ColourClip()
    found = class_directions(clip, ["red", "green"], ["A photo of {}.", "Not this: {}."])
    assert clip.asked == ["A photo of red.", "A photo of green.", "Not this: red.", "Not this: green."]
    torch.testing.assert_close(found, torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]))


def test_a_class_that_is_missing_is_named(folder):
    folder[1].write_text(json.dumps({"0": "red", "1": "green"}))
    with pytest.raises(UserError, match=r"id2label.json: misses the class '2', which .*2_0.png is of"):
        zero_shot(ZeroShotOptions(*folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must be an object of texts"),
        ("{", "line 1, column 2"),
        ('{"0": 3}', "must be an object of texts"),
    ],
)
def test_bad_labels_are_refused(folder, content, message):
    folder[1].write_text(content)
    with pytest.raises(UserError, match=message):
        zero_shot(ZeroShotOptions(*folder))


def test_bad_pictures_and_templates_are_refused(folder, tmp_path):
    with pytest.raises(UserError, match=r"must have {} once"):
        zero_shot(ZeroShotOptions(*folder, template=("A photo.",)))
    with pytest.raises(UserError, match="there is no such folder"):
        zero_shot(ZeroShotOptions(tmp_path / "nowhere", folder[1]))
    (folder[0] / "2_1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"2_1.png: cannot be decoded"):
        zero_shot(ZeroShotOptions(*folder))
    (folder[0] / "plain.png").write_bytes(b"")
    with pytest.raises(UserError, match="is not named"):
        zero_shot(ZeroShotOptions(*folder))


def test_hidden_pictures_are_none_and_pictures_are_upright_and_on_white(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder[0] / ".ipynb_checkpoints").mkdir()
    for name in ("._0_1.png", ".ipynb_checkpoints/0_0-checkpoint.png"):
        (folder[0] / name).write_bytes(b"what systems leave")
    Image.new("RGBA", (32, 32), (0, 200, 0, 0)).save(folder[0] / "1_2.png", exif=exif)
    score = zero_shot(ZeroShotOptions(*folder))
    assert score.pictures == 5
    # White is as near to red as to green, and the first of them wins.
    assert score.per_class["green"] == pytest.approx(1 / 3)
