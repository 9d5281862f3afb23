"""Scores as the course computes them, on a CLIP of known directions."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import sfumato.concepts.evaluate
from sfumato.clip import Clip
from sfumato.concepts.evaluate import EvaluateOptions, evaluate, photos_of, score_prompt, scores
from sfumato.concepts.prompts import read_input
from sfumato.errors import UserError


@pytest.fixture
def course(tmp_path):
    """One source of two prompts, its photos in the folder of its key, 25 random pictures of each prompt."""
    random = np.random.RandomState(0)

    def picture():
        return Image.fromarray(random.randint(0, 256, (32, 32, 3)).astype(np.uint8))

    for name in ("a.jpg", "b.png"):
        (tmp_path / "photos" / "0").mkdir(parents=True, exist_ok=True)
        picture().save(tmp_path / "photos" / "0" / name)
    for prompt in range(2):
        folder = tmp_path / "out" / "0" / str(prompt)
        folder.mkdir(parents=True)
        for number in range(25):
            picture().save(folder / f"source0_prompt{prompt}_{number}.png")
    source = {
        "src_image": "dog",
        "token_name": "<new1>",
        "prompt": ["A <new1> on a hill.", "A <new1> at sea."],
        "prompt_4_clip_eval": ["A dog on a hill.", "A dog at sea."],
        "baseline": [[-100, -1000], [200, 34]],
    }
    path = tmp_path / "input.json"
    path.write_text(json.dumps({"0": source}))
    return path, tmp_path / "photos", tmp_path / "out"


def test_the_numbers_are_the_graders(course, clip_folder, capsys):
    """Written out anew from the rule: mean over photos of 100 cosines, logits, the five best of 25."""
    found = evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    clip = Clip(clip_folder)

    def direction(path):
        with Image.open(path) as picture:
            return clip.pictures([picture])[0].double()

    photos = [direction(path) for path in sorted((course[1] / "0").iterdir())]
    for prompt, text in enumerate(["A dog on a hill.", "A dog at sea."]):
        words = clip.texts([text])[0].double()
        rows = []
        for path in (course[2] / "0" / str(prompt)).iterdir():
            shown = direction(path)
            image = float(np.mean([100 * F.cosine_similarity(shown, photo, dim=0) for photo in photos]))
            logit = clip.scale * float(F.cosine_similarity(shown, words, dim=0))
            rows.append((image + 2.5 * logit, image, logit, path.name))
        best = sorted(rows, reverse=True)[:5]
        assert found[prompt].image == pytest.approx(np.mean([row[1] for row in best]), abs=0.01)
        assert found[prompt].text == pytest.approx(np.mean([row[2] for row in best]), abs=0.01)
        assert set(found[prompt].best) == {row[3] for row in best}
    assert [one.passed for one in found] == [True, False]
    assert "1 of 2 prompts pass" in capsys.readouterr().out
    kept = json.loads((course[2] / "scores.json").read_text())
    assert kept["passed"] == 1 and kept["of"] == 2 and kept["prompts"][0]["image"] == found[0].image


def test_scores_are_written_before_they_are_printed(course, clip_folder, monkeypatch):
    monkeypatch.setattr("builtins.print", refuse_to_print)
    with pytest.raises(OSError, match="No space left"):
        evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    monkeypatch.undo()
    assert json.loads((course[2] / "scores.json").read_text())["of"] == 2


def refuse_to_print(*told, **how):
    raise OSError(28, "No space left on device")


def test_photos_are_embedded_once(course, clip_folder, monkeypatch):
    asked = []

    class Counting(Clip):
        def pictures(self, pictures):
            asked.append(len(pictures))
            return super().pictures(pictures)

    monkeypatch.setattr(sfumato.concepts.evaluate, "Clip", Counting)
    evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    assert sorted(asked) == [2, 25, 25]


def test_scores_by_hand():
    class Known:
        scale = 50.0

        def texts(self, texts):
            return torch.tensor([[0.0, 1.0]])

    found = scores(Known(), torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), "a dog")
    torch.testing.assert_close(found.image, torch.tensor([50.0, 70.0]))
    torch.testing.assert_close(found.text, torch.tensor([0.0, 40.0]))
    torch.testing.assert_close(found.weighted, torch.tensor([50.0, 170.0]))


def test_a_folder_of_another_count_is_named(course, clip_folder):
    (course[2] / "0" / "1" / "source0_prompt1_3.png").unlink()
    with pytest.raises(UserError, match=r"out/0/1: holds 24 PNGs; .* exactly 25"):
        evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    assert not (course[2] / "scores.json").exists()


@pytest.mark.parametrize("beside", ["notes.txt", ".DS_Store", ".source0_prompt0_3.tmp.png", "source0_prompt0_25.jpg"])
def test_the_26th_file_is_named_as_the_grader_counts_it(course, clip_folder, beside):
    (course[2] / "0" / "0" / beside).write_bytes(b"x")
    with pytest.raises(UserError, match=f"out/0/0: holds 25 PNGs and {beside}; the course's grader counts all files"):
        evaluate(EvaluateOptions(*course, clip=str(clip_folder)))


def test_any_number_of_pictures_can_be_scored_and_any_number_be_the_best(course, clip_folder):
    """What a search over words asks for: few pictures first."""
    source, clip = read_input(course[0])[0], Clip(clip_folder)
    references = clip.pictures([Image.open(path) for path in photos_of(source, course[1])])
    paths = sorted((course[2] / "0" / "1").iterdir())[:4]
    one, three, all_of_them = (score_prompt(clip, source, 1, paths, references, best) for best in (1, 3, 9))
    assert (one.best, len(three.best), len(all_of_them.best)) == (three.best[:1], 3, 4)
    measured = scores(clip, clip.pictures([Image.open(path) for path in paths]), references, "A dog at sea.")
    assert all_of_them.image == pytest.approx(float(measured.image.mean()), abs=1e-4)
    assert all_of_them.text == pytest.approx(float(measured.text.mean()), abs=1e-4)
    assert three.prompt == "A <new1> at sea." and three.baseline == (200, 34) and three.passed is False


@pytest.mark.parametrize("outside", ["../..", "/etc", "a/../../b"])
def test_a_path_that_leads_out_is_not_followed_and_that_is_said(course, clip_folder, outside):
    content = json.loads(course[0].read_text())
    content["0"]["src_image"] = outside
    course[0].write_text(json.dumps(content))
    with pytest.warns(UserWarning, match=f"source 0: src_image '{outside}' leads out of .*photos: not followed"):
        assert len(evaluate(EvaluateOptions(*course, clip=str(clip_folder)))) == 2


def test_photos_are_found_by_title_or_key_and_missing_ones_are_named(course, clip_folder):
    (course[1] / "0").rename(course[1] / "dog")
    assert len(evaluate(EvaluateOptions(*course, clip=str(clip_folder)))) == 2
    (course[1] / "dog").rename(course[1] / "wolf")
    with pytest.raises(UserError, match="photos/0: there is no such folder"):
        evaluate(EvaluateOptions(*course, clip=str(clip_folder)))


def test_without_baselines_nothing_passes_or_fails(course, clip_folder, capsys):
    content = json.loads(course[0].read_text())
    del content["0"]["baseline"]
    course[0].write_text(json.dumps(content))
    assert [one.passed for one in evaluate(EvaluateOptions(*course, clip=str(clip_folder)))] == [None, None]
    assert "pass" not in capsys.readouterr().out


def test_photos_that_the_grader_does_not_read_are_left_out_aloud(course, clip_folder):
    """Its mean has none of them, and takes the others as they lie."""
    before = evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    for name in ("c.webp", "d.jfif"):
        Image.new("RGB", (32, 32), (0, 255, 0)).save(course[1] / "0" / name)
    with pytest.warns(UserWarning, match=r"photos/0: left out c.webp, d.jfif, which the course's grader does not read"):
        assert evaluate(EvaluateOptions(*course, clip=str(clip_folder))) == before
    for name in ("a.jpg", "b.png"):
        (course[1] / "0" / name).unlink()
    with pytest.raises(UserError, match=r"photos/0: the course's grader reads none of c.webp, d.jfif; convert them"):
        evaluate(EvaluateOptions(*course, clip=str(clip_folder)))


def test_pictures_are_taken_as_they_lie(course, clip_folder, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((20, 32, 4), np.uint8)
    pixels[:, :16, 1] = 200
    Image.fromarray(pixels).save(course[1] / "0" / "c.png", exif=exif)
    given = []
    real = Clip.pictures

    def pictures(self, pictures):
        given.append(np.asarray(pictures[-1]))
        return real(self, pictures)

    monkeypatch.setattr(Clip, "pictures", pictures)
    evaluate(EvaluateOptions(*course, clip=str(clip_folder)))
    assert np.array_equal(given[0], pixels[..., :3])
