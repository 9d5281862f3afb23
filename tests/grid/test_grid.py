"""A cell is what its command paints by itself, to the byte; a model is read once; what cannot be is not begun."""

import json
import re
import shlex
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("tyro")

from sfumato import model_files, stable_diffusion
from sfumato.again.again import AgainOptions, again
from sfumato.bars import Bar
from sfumato.checkpoints import Embedding, layer_shapes, write_safetensors, write_words
from sfumato.cli import main
from sfumato.grid.grid import GridOptions, grid
from sfumato.images import open_drawing, open_picture
from sfumato.stable_diffusion import StableDiffusion

DIGITS = "digits generate --digits 3 --datasets svhn"
CHALK = 'concepts generate --prompt "a chalk seven" --precision fp32'


@pytest.fixture
def loads(monkeypatch):
    """How many models were read from files."""
    found = []
    for module, name in ((model_files, "read_tensors"), (stable_diffusion, "read_stable_diffusion")):
        read = getattr(module, name)

        def counted(path, *more, _read=read):
            found.append(path.name)
            return _read(path, *more)

        monkeypatch.setattr(module, name, counted)
    return found


def write_lora(path, checkpoint):
    """A LoRA of every cross attention's values, strong enough to be seen."""
    torch.manual_seed(1)
    tensors = {}
    for layer, shape in layer_shapes(StableDiffusion.load(checkpoint).unet).items():
        if layer.endswith("attn2.to_v"):
            out, width = shape
            name = f"lora_unet_{layer.replace('.', '_')}"
            tensors[f"{name}.lora_down.weight"] = torch.randn(4, width)
            tensors[f"{name}.lora_up.weight"] = torch.randn(out, 4)
    write_safetensors(path, tensors, {})
    return path


def told(out):
    return json.loads((out / "grid.json").read_text())


def pictures(out):
    return [out / cell["picture"] for cell in told(out)["cells"]]


def typed_alone(cell, out, to):
    """The picture that a cell's command paints elsewhere, by itself."""
    words = [word.replace(str(out), str(to)) for word in shlex.split(cell["command"])]
    assert words[0] == "sfumato" and words != shlex.split(cell["command"])
    assert main(words[1:]) == 0
    return to / cell["picture"]


@pytest.mark.parametrize(
    ("paint", "across", "down", "file"),
    [
        (DIGITS, ("steps", "2", "3"), ("guidance-scale", "1", "3.5"), "digits.safetensors"),
        (CHALK, ("sampler", "ddim", "dpmpp-2m"), ("steps", "1", "2"), "world.safetensors"),
    ],
)
def test_each_cell_is_painted_as_by_itself_and_again(paint, across, down, file, tmp_path, loads):
    out = grid(GridOptions(tmp_path / "out", paint, across, down))
    assert loads == [file]
    cells = told(out)["cells"]
    asked = [{across[0]: beside, down[0]: below} for below in down[1:] for beside in across[1:]]
    assert [cell["settings"] for cell in cells] == asked
    assert [(cell["row"], cell["column"]) for cell in cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    raw = [path.read_bytes() for path in pictures(out)]
    assert len(set(raw)) == 4
    for cell, one in zip(cells, raw):
        assert typed_alone(cell, out, tmp_path / "alone").read_bytes() == one
        assert again(AgainOptions(out / cell["picture"], tmp_path / "again.png")).read_bytes() == one
        (tmp_path / "again.png").unlink()


def test_the_sheet_has_each_picture_at_its_place(tmp_path):
    out = grid(GridOptions(tmp_path, DIGITS, ("seed", "0", "1", "2"), ("steps", "1", "2")))
    drawn, scale, gap = np.asarray(open_drawing(out / "grid.png")), 5, 2
    side = scale * 28 + gap
    inner = drawn[drawn.shape[0] - 2 * side - gap :, drawn.shape[1] - 3 * side - gap :, :3]
    for number, path in enumerate(pictures(out)):
        top, left = gap + number // 3 * side, gap + number % 3 * side
        shown = inner[top : top + side - gap : scale, left : left + side - gap : scale]
        assert np.array_equal(shown, np.asarray(open_picture(path))), path


def test_how_much_of_a_lora(checkpoint, tmp_path, loads):
    lora = write_lora(tmp_path / "chalk.safetensors", checkpoint)
    paint = f"concepts generate --checkpoint {checkpoint} --prompt a --steps 2 --precision fp32 --seed 4"
    loads.clear()
    options = GridOptions(tmp_path / "out", f"{paint} --lora {lora}", ("lora-weight", "1", "0", "-0.5"))
    out = grid(options)
    assert loads == [checkpoint.name], "what one cell adds is not added to the next one's weights"
    cells = told(out)["cells"]
    for cell, weight in zip(cells, ("1", "0", "-0.5")):
        assert f" --lora {lora}:{weight}" in cell["command"]
        raw = (out / cell["picture"]).read_bytes()
        assert typed_alone(cell, out, tmp_path / "alone").read_bytes() == raw
        assert again(AgainOptions(out / cell["picture"], tmp_path / f"{weight}.png")).read_bytes() == raw
    assert main([*shlex.split(paint)[:2], str(tmp_path / "none"), *shlex.split(paint)[2:], "--count", "1"]) == 0
    one, none, other = (np.asarray(open_picture(path)) for path in pictures(out))
    assert np.array_equal(none, np.asarray(open_picture(tmp_path / "none" / "0" / "000.png")))
    assert not np.array_equal(one, none) and not np.array_equal(other, none)
    files = grid(GridOptions(tmp_path / "files", paint, ("lora", f"{lora}:1", f"{lora}:0")))
    assert [np.asarray(open_picture(path)).tolist() for path in pictures(files)] == [one.tolist(), none.tolist()]


@pytest.fixture
def run(tmp_path):
    """What `concepts learn` leaves of a word: its stages, and the one that is kept."""
    for step in (100, 200):
        path = tmp_path / "run" / "words" / f"step-{step:06d}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        word = Embedding("<new1>", torch.full((1, 64), step / 100), {"step": str(step)})
        write_words(path, [word], word.metadata)
    write_words(tmp_path / "run" / "word.safetensors", [word], word.metadata)
    return tmp_path / "run"


def test_the_stages_of_a_word(checkpoint, run, tmp_path):
    paint = f'concepts generate --checkpoint {checkpoint} --embeddings {run} --prompt "a <new1>" --steps 1'
    out = grid(GridOptions(tmp_path / "out", paint, ("stage", "200", "100"), ("seed", "1", "2")))
    for cell in told(out)["cells"]:
        file = run / "words" / f"step-{int(cell['settings']['stage']):06d}.safetensors"
        assert f" --embeddings {file} " in cell["command"]
        raw = (out / cell["picture"]).read_bytes()
        assert typed_alone(cell, out, tmp_path / "alone").read_bytes() == raw
        again(AgainOptions(out / cell["picture"], tmp_path / "again.png", (run,)))
        assert (tmp_path / "again.png").read_bytes() == raw
        (tmp_path / "again.png").unlink()
    assert len({path.read_bytes() for path in pictures(out)}) == 4


def test_it_goes_on_where_it_stopped_and_is_one_grid(tmp_path, monkeypatch, capsys):
    options = GridOptions(tmp_path / "out", DIGITS, ("seed", "0", "1"), ("steps", "1", "2"))
    grid(options)
    before = {path: path.read_bytes() for path in sorted(options.out.rglob("*")) if path.is_file()}
    lost = pictures(options.out)[2]
    lost.unlink()
    module, walked = sys.modules["sfumato.digits.generate"], []
    paint = module.paint
    monkeypatch.setattr(module, "paint", lambda *given: walked.append(given[1]) or paint(*given))
    grid(options)
    assert len(walked) == 1
    assert {path: path.read_bytes() for path in sorted(options.out.rglob("*")) if path.is_file()} == before
    capsys.readouterr()
    for words in (
        ["--paint", DIGITS, "--across", "seed", "0", "2"],
        ["--paint", f"{DIGITS} --eta 0", "--across", "seed"],
    ):
        assert main(["grid", str(options.out), *words, *(["0"] if words[-1] == "seed" else [])]) == 2
        assert re.search("out: holds a run with (across|paint) = .*; give ", capsys.readouterr().err)
    assert {path: path.read_bytes() for path in sorted(options.out.rglob("*")) if path.is_file()} == before


def test_there_is_one_bar_over_all_steps(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        Bar, "close", lambda self, close=Bar.close: made.append((self.desc, self.n, self.total)) or close(self)
    )
    grid(GridOptions(tmp_path, DIGITS, ("steps", "1", "2", "4")))
    assert list(dict.fromkeys(made)) == [("reading", 3, 3), ("painting 3 cells", 7, 7)]


REFUSED = {
    "across": (DIGITS, [], "--across: give an axis and its values, such as --across steps 4 8 16"),
    "empty": (DIGITS, ["steps"], "--across steps: has no values; give at least one"),
    "unknown": (DIGITS, ["stepz", "4"], "--across stepz: is no axis of `digits generate`; did you mean steps?"),
    "near": (
        DIGITS,
        ["lora-weight", "1"],
        "--across lora-weight: is no axis of `digits generate`; did you mean weights?",
    ),
    "far": (DIGITS, ["umber", "1"], "--across umber: is no axis of `digits generate`; there are weights, datasets, "),
    "flag": (CHALK, ["regions", "yes"], "--across regions: takes no value, so that it is no axis; give another one"),
    "count": (DIGITS, ["count", "1"], "--across count: is no axis: a cell is one picture; give another one"),
    "value": (DIGITS, ["steps", "4", "0"], "steps 0: --steps must be at least 1 and at most 1000, got 0"),
    "word": (DIGITS, ["sampler", "ddim", "lcx"], "sampler lcx: unknown sampler 'lcx'; did you mean 'lcm'?"),
    "later": ("concepts generate", ["prompt", "two", "a <x>"], "prompt a <x>: 'a <x>': nobody has learned <x>"),
    "twice": (DIGITS, ["seed", "4", "4"], "--across seed: 4 comes twice; give each value once"),
    "same": (DIGITS, ["seed", "4", "--down", "seed", "5"], "--across and --down are both seed; give two axes"),
    "both": (f"{DIGITS} --steps=3", ["steps", "4"], "--paint: --steps is an axis of the grid; leave it out there"),
    "never": (f"{DIGITS} --batch_size 3", ["steps", "4"], "--paint: leave out --batch-size: a cell is one picture"),
    "many": (DIGITS, ["seed", *map(str, range(201)), "--down", "steps", "1", "2"], "are 402 cells, and a grid has at"),
    "more": ("digits generate", ["seed", "1"], "--paint: paints 20 pictures, and a cell is one; give one of the"),
    "other": ("digits train a b", ["seed", "1"], "--paint: 'digits train' is no command of which there are grids"),
    "quotes": (f"{DIGITS} '", ["seed", "1"], "cannot be parted into words (No closing quotation); close its quotes"),
    "typo": (f"{DIGITS} --digitz 3", ["seed", "1"], "there is no option --digitz; did you mean --digits?"),
    "no-lora": (CHALK, ["lora-weight", "1"], "lora-weight 1: is of one --lora FILE, and --paint has 0; give one there"),
    "amount": (
        f"{CHALK} --lora a:1",
        ["lora-weight", "1"],
        "--lora a:1: leave out :1, of which lora-weight is the axis",
    ),
    "no-run": (CHALK, ["stage", "1"], "stage 1: give --paint one run of `concepts learn`, as --embeddings, --lora or"),
    "no-stage": (f"{CHALK} --embeddings RUN", ["stage", "7"], "stage 7: is no stage of RUN; there are 100, 200"),
    "no-stages": (
        f"{CHALK} --embeddings RUN/words",
        ["stage", "7"],
        "--embeddings RUN/words: holds no stages; give a run",
    ),
    "faces": ("faces generate", ["seed", "1"], "--paint: faces generate is given a folder of one noise first, such as"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_is_refused_in_a_line_and_nothing_painted(name, run, tmp_path, capsys):
    paint, across, line = REFUSED[name]
    words = ["grid", str(tmp_path / "out"), "--paint", paint.replace("RUN", str(run)), "--across", *across]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("sfumato: ") and said.count("\n") == 1 and line.replace("RUN", str(run)) in said, said
    assert not (tmp_path / "out").exists()


def test_faces_of_one_noise(tmp_path):
    assert main(["faces", "noise", str(tmp_path / "noise"), "--count", "1"]) == 0
    paint = f"faces generate {tmp_path / 'noise'} shipped --steps 2"
    out = grid(GridOptions(tmp_path / "out", paint, ("eta", "0", "1")))
    for cell in told(out)["cells"]:
        raw = (out / cell["picture"]).read_bytes()
        assert typed_alone(cell, out, tmp_path / "alone").read_bytes() == raw
    assert len({path.read_bytes() for path in pictures(out)}) == 2


def test_pictures_of_several_sizes_stand_in_the_largest(checkpoint, tmp_path):
    paint = f"concepts generate --checkpoint {checkpoint} --prompt a --steps 1"
    out = grid(GridOptions(tmp_path, paint, ("height", "16", "32")))
    drawn, small = np.asarray(open_drawing(out / "grid.png")), np.asarray(open_picture(pictures(out)[0]))
    cell = drawn[drawn.shape[0] - 130 : -2 : 4, drawn.shape[1] - 132 : -68 : 4, :3]
    assert np.array_equal(cell[8:24], small)
    assert (cell[:8] == 128).all() and (cell[24:] == 128).all()
