"""The homework whole, on a miniature of the course's downloads: what is handed in, what is graded, what is said."""

import json
import shutil
from dataclasses import replace

import pytest

pytest.importorskip("accelerate", minversion="1.0")
pytest.importorskip("tyro")
pytest.importorskip("weasyprint")

import torch

from sfumato.cli import main
from sfumato.concepts.prompts import read_input
from sfumato.errors import UserError
from sfumato.homework.course import course
from sfumato.homework.options import CourseOptions
from sfumato.images import note_in, open_picture
from sfumato.stable_diffusion import SMALL_WORLD
from tests.concepts.conftest import tiny_state
from tests.course.scripts import run_script
from tests.homework.miniature import write_miniature


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("miniature") / "hw2_data"
    write_miniature(folder)
    shutil.copy(SMALL_WORLD, folder.parent / "model.ckpt")
    return folder


@pytest.fixture(scope="module")
def options(data):
    checkpoint = data.parent / "model.ckpt"
    return CourseOptions(data, data.parent / "out", "R12345678", checkpoint=checkpoint, word_steps=4, hours=0.0)


@pytest.fixture(scope="module")
def done(options, data):
    """OUT of a whole run."""
    course(options)
    return options.out


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def note(path):
    return json.loads(path.read_text())


def test_out_holds_what_is_handed_in(done, data):
    names = {path.name for path in done.iterdir()}
    scripts = {"hw2_1.sh", "hw2_2.sh", "hw2_3.sh", "hw2_download_ckpt.sh", "get_dataset.sh"}
    assert names == {
        *scripts,
        "sfumato",
        "embeddings",
        "pictures",
        "grade.json",
        "hw2_R12345678.pdf",
        "runs",
        ".gitignore",
    }
    assert (done / "hw2_R12345678.pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in (done / "embeddings").iterdir()} == {"mini0.safetensors", "mini1.safetensors"}
    pictures = done / "pictures"
    for dataset in ("mnistm", "svhn"):
        assert {path.name for path in (pictures / "digits" / dataset).iterdir()} == {
            f"{digit}_{number:03d}.png" for digit in range(10) for number in range(1, 51)
        }
    assert {path.name for path in (pictures / "faces").iterdir()} == {f"{number:02d}.png" for number in range(4)}
    for key in "01":
        there = {path.name for path in (pictures / "concepts" / key / "0").iterdir()}
        assert there == {f"source{key}_prompt0_{number}.png" for number in range(25)}


def test_all_of_it_is_graded(done, data):
    rows = note(done / "grade.json")["rows"]
    assert {row["problem"] for row in rows} == {"1", "2", "3"}
    squared = next(row for row in rows if row["what"] == "mean squared error")
    assert (squared["value"], squared["passed"]) == ("0.0000", True)
    prompts = [prompt for source in read_input(data / "textual_inversion" / "input.json") for prompt in source.prompts]
    assert [row["what"] for row in rows if row["baseline"] == "0 / 0"] == prompts
    assert all(row["passed"] for row in rows if row["baseline"] == "0 / 0")
    assert float(next(row for row in rows if "zero-shot" in row["what"])["value"].rstrip("%")) > 60


def test_the_score_is_that_of_the_word_that_is_handed_in(done):
    table, scores = note(done / "runs" / "words" / "table.json"), note(done / "runs" / "concepts" / "scores.json")
    for source, one in zip(table["sources"], scores["prompts"]):
        (tried,) = source["tried"]
        assert tried["name"] == source["best"] and tried["settings"]["steps"] == 4
        (judged,) = tried["all"]["prompts"]
        assert (judged["image"], judged["text"], judged["best"]) == (one["image"], one["text"], one["best"])


def as_painted(path):
    """A picture's pixels, and what it says of itself but for the names of its files: what is handed in has others."""
    note = note_in(path)
    named = [note[name] for name in ("weights", "noise") if isinstance(note.get(name), dict)]
    for one in (*named, *note.get("words", {}).values()):
        one.pop("name", None)
    return open_picture(path).tobytes(), note


def test_the_scripts_in_it_paint_its_pictures(done, data, tmp_path):
    commands = {
        "faces": ["hw2_2.sh", str(data / "face" / "noise"), "faces", str(data / "face" / "UNet.pt")],
        "concepts": [
            "hw2_3.sh",
            str(data / "textual_inversion" / "input.json"),
            "concepts",
            str(data.parent / "model.ckpt"),
        ],
    }
    for name, (script, *arguments) in commands.items():
        ran = run_script(script, *arguments, cwd=tmp_path, root=done)
        assert ran.returncode == 0, ran.stderr
        painted, expected = tmp_path / name, done / "pictures" / name
        assert set(files(painted)) == set(files(expected)) and files(painted)
        for one in files(painted):
            assert as_painted(painted / one) == as_painted(expected / one), one


def test_the_same_command_again_does_nothing(done, options, capsys):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.is_file()}
    capsys.readouterr()
    course(options)
    said = capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.is_file()} == before
    assert "to do (" in said and "are done)" in said


def test_a_lost_picture_folder_is_painted_again(done, options):
    before = files(done / "pictures" / "faces")
    shutil.rmtree(done / "pictures" / "faces")
    course(options)
    assert files(done / "pictures" / "faces") == before


def test_the_plan_says_all_and_writes_nothing(data, tmp_path, capsys):
    out = tmp_path / "out"
    typed = ["course", str(data), str(out), "--student-id", "R1", "--checkpoint", "small", "--plan", "--only", "2,3"]
    assert main(typed) == 0
    said = capsys.readouterr().out
    assert not out.exists()
    assert "paint 4 faces" in said and "learn <mini0>, <mini1>, then better ones for 1 h while a prompt fails" in said
    assert "P1.1" in said and "was left out (--only 2,3)" in said
    assert "memory" in said and "disk" in said and "finished by" in said


def test_what_is_missing_is_said_and_the_rest_is_done(data, tmp_path, capsys):
    part = tmp_path / "hw2_data"
    shutil.copytree(data / "face", part / "face")
    (part / "face" / "UNet.pt").unlink()
    shutil.copytree(data / "clip_zeroshot", part / "clip_zeroshot")
    out = tmp_path / "out"
    assert main(["course", str(part), str(out), "--student-id", "R1", "--checkpoint", "small", "--only", "2,3"]) == 0
    said = capsys.readouterr().out
    assert "missing, P2.1: face/UNet.pt not found in HW2_DATA" in said
    assert "missing, P3.2: textual_inversion/input.json was not found in HW2_DATA" in said
    assert not (out / "pictures" / "faces").exists() and (out / "runs" / "zero-shot" / "zero-shot.json").exists()
    assert (out / "hw2_R1.pdf").exists()


def test_a_clip_that_knows_digits_only_does_not_judge_other_checkpoints(data, tmp_path, capsys):
    torch.save({"state_dict": tiny_state()}, tmp_path / "other.ckpt")
    out = tmp_path / "out"
    typed = ["course", str(data), str(out), "--student-id", "R1", "--checkpoint", str(tmp_path / "other.ckpt")]
    assert main([*typed, "--only", "3", "--word-steps", "2"]) == 0
    said = capsys.readouterr().out
    assert "score 3            no --clip was given, and the small one that ships knows digits only" in said
    assert not (out / "runs" / "concepts" / "scores.json").exists()
    (tried,) = note(out / "runs" / "words" / "table.json")["sources"][0]["tried"]
    assert tried["few"] is None and tried["all"] is None
    assert len(files(out / "pictures" / "concepts")) == 50


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: shutil.rmtree(data / "textual_inversion" / "1"), "there is no such folder"),
        (lambda data: (data / "textual_inversion" / "input.json").write_text("{"), "input.json"),
        (lambda data: (data / "face" / "UNet.pt").write_bytes(b"nothing"), "UNet.pt"),
        (lambda data: shutil.copy(data / "face" / "UNet.pt", data / "model.ckpt"), "model.ckpt"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_painted(data, tmp_path, spoil, said, capsys):
    part = tmp_path / "hw2_data"
    shutil.copytree(data, part)
    shutil.copy(SMALL_WORLD, part / "model.ckpt")
    spoil(part)
    out = tmp_path / "out"
    typed = ["course", str(part), str(out), "--student-id", "R1", "--checkpoint", str(part / "model.ckpt")]
    assert main(typed) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("sfumato: ") and said in error
    assert not out.exists()


def test_digits_can_be_trained_for_it(data, options, tmp_path):
    out = tmp_path / "out"
    course(replace(options, out=out, only="1", train_digits=True, digit_steps=2))
    trained = (out / "runs" / "train-digits" / "digits.safetensors").read_bytes()
    assert (out / "sfumato" / "models" / "weights" / "digits.safetensors").read_bytes() == trained
    shutil.copytree(data / "face", tmp_path / "part" / "face")
    with pytest.raises(UserError, match="holds no digits to train on"):
        course(replace(options, data=tmp_path / "part", out=out, only="1", train_digits=True))
