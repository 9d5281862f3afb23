"""From prompts to folders of pictures, on a checkpoint small enough for a test."""

import collections
import json

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.checkpoints import PREFIXES
from sfumato.concepts.generate import SHEET, GenerateOptions, generate
from sfumato.concepts.painting import Sampling, encoded, paint, walk
from sfumato.devices import choose_precision
from sfumato.diffusion import seed_of
from sfumato.errors import UserError
from sfumato.stable_diffusion import StableDiffusion

FEW = Sampling(steps=4)


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "new.pt"
    torch.save({"<new1>": torch.ones(64), "<new2>": torch.zeros(2, 64)}, str(path))
    return path


@pytest.fixture
def course(tmp_path):
    path = tmp_path / "input.json"
    sources = {
        "0": {"token_name": "<new1>", "prompt": ["a <new1>", "two <new1>"]},
        "1": {"token_name": "<new2>", "prompt": ["streets in the style of <new2>"]},
    }
    path.write_text(json.dumps(sources))
    return path


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_the_courses_folders_and_names(course, words, checkpoint, tmp_path):
    out = generate(
        GenerateOptions(tmp_path / "out", checkpoint, input=course, embeddings=(words,), count=3, sampling=FEW)
    )
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.png")) == [
        f"{source}/{prompt}/source{source}_prompt{prompt}_{number}.png"
        for source, prompt in (("0", 0), ("0", 1), ("1", 0))
        for number in range(3)
    ]
    with Image.open(out / "0" / "1" / "source0_prompt1_2.png") as picture:
        assert picture.size == (16, 16)
        told = json.loads(picture.text["sfumato"])
    assert told["prompt"] == "two <new1>"
    assert told["seed"] == seed_of(0, "two <new1>", 2)
    assert told["checkpoint"] == StableDiffusion.load(checkpoint).name


def test_a_sheet_shows_the_first_of_each_prompt_above_its_words(checkpoint, tmp_path):
    out = generate(GenerateOptions(tmp_path / "out", checkpoint, ("a dog", "a cat", ""), count=9, sampling=FEW))
    with Image.open(out / SHEET) as image:
        sheet = np.asarray(image).astype(int)
    side, gap = 192, 4
    assert sheet.shape[1] == 8 * side + 7 * gap, "eight of nine"
    tops = []
    for prompt in range(3):
        for column in (0, 7):
            large = pixels(out / str(prompt) / f"00{column}.png").repeat(12, axis=0).repeat(12, axis=1)
            left = column * (side + gap)
            tops.append(
                next(
                    top for top in range(len(sheet)) if (sheet[top : top + side, left : left + side, :3] == large).all()
                )
            )
    assert tops[0::2] == tops[1::2] == sorted(tops[0::2])
    below = [sheet[top + side : top + side + 30] for top in tops[0::2]]
    assert all((one[..., 3] > 200).any() for one in below[:2]), "words"
    assert not below[2][..., 3].any(), "no words, and no ground"


def test_a_picture_does_not_depend_on_its_batch(checkpoint, tmp_path):
    for size in (1, 5):
        generate(
            GenerateOptions(tmp_path / str(size), checkpoint, prompt=("a", "b"), count=5, sampling=FEW, batch_size=size)
        )
    for path in sorted((tmp_path / "1").rglob("*.png")):
        other = tmp_path / "5" / path.relative_to(tmp_path / "1")
        assert abs(pixels(path) - pixels(other)).max() <= 1
    assert abs(pixels(tmp_path / "1" / "0" / "000.png") - pixels(tmp_path / "1" / "0" / "001.png")).max() > 5


def test_the_prompt_the_guidance_and_the_negative_prompt_matter(checkpoint):
    model = StableDiffusion.load(checkpoint)
    for parameter in model.unet.parameters():
        parameter.mul_(3)  # an untrained network hardly listens
    texts = [encoded(model, [text]) for text in ("a dog", "a cat")]
    pictures = {
        (text, scale, against): paint(
            model, texts[text], texts[against][:, 0], [1], Sampling(steps=3, guidance_scale=scale)
        ).int()
        for text, scale, against in ((0, 1.0, 1), (1, 1.0, 1), (0, 4.0, 1), (0, 4.0, 0), (0, 1.0, 0))
    }
    assert torch.equal(pictures[0, 1.0, 1], pictures[0, 1.0, 0])  # without guidance nothing is guided away from
    assert not torch.equal(pictures[0, 1.0, 1], pictures[1, 1.0, 1])
    assert not torch.equal(pictures[0, 4.0, 1], pictures[0, 1.0, 1])
    assert (pictures[0, 4.0, 0] - pictures[0, 1.0, 0]).abs().max() <= 1  # nor by the prompt from itself


class Passes:
    """How many passes a U-Net makes of one picture, by the time."""

    def __init__(self, model):
        self.at = collections.Counter()
        model.unet.register_forward_hook(lambda unet, told, answer: self.at.update(told[1].tolist()))


@pytest.mark.parametrize(
    ("sampling", "guided", "prompt"),
    [
        ({}, {999, 749, 499, 249}, "a dog"),
        ({"guide_from": 500}, {999, 749}, "a dog"),
        ({"guide_from": 499, "guide_to": 749}, {749, 499}, "a dog"),
        ({"guide_to": 300, "negative_prompt": "a cat"}, {249}, "a dog"),
        ({"guide_from": 500, "regions": True}, {999, 749}, "a dog | a cat"),
        ({"guidance_scale": 1.0, "guide_from": 500}, set(), "a dog"),
    ],
)
def test_outside_the_interval_a_step_is_one_pass_a_part(checkpoint, sampling, guided, prompt):
    model = StableDiffusion.load(checkpoint)
    passes, told = Passes(model), Sampling(steps=4, **sampling)
    told.check()
    texts = told.texts(prompt)
    with torch.no_grad():
        list(walk(model, encoded(model, texts), encoded(model, [told.negative_prompt])[:, 0], [1], told))
    assert passes.at == {t: len(texts) + (t in guided) for t in (999, 749, 499, 249)}


def test_the_interval_is_guided_and_nothing_else(checkpoint):
    """Every x0 of a walk, by Ho & Salimans' eq. 6 from the bare network."""
    model, told = StableDiffusion.load(checkpoint), Sampling(steps=4, guide_from=400, guide_to=800, sampler="ddim")
    states, negative = encoded(model, ["a dog"]), encoded(model, ["a cat"])[:, 0]
    with torch.no_grad():
        for step in walk(model, states, negative, [1], told):
            t = torch.tensor([step.from_t])
            yes, no = (model.denoiser(one)(step.from_x, t).x0 for one in (states[:, 0], negative))
            expected = no + 7.5 * (yes - no) if 400 <= step.from_t <= 800 else yes
            assert torch.allclose(step.x0, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_notes_tell_an_interval_where_there_is_one_and_defaults_settled(checkpoint, tmp_path):
    """What was painted before there were intervals has the same name, and goes on."""
    before = {"sampler": "dpmpp-2m", "eta": 0.0, "variance": None, "churn": None, "lower_order_final": None}
    before.update(steps=25, spacing="trailing", guidance_scale=7.5, negative_prompt="", regions=False)
    before.update(height=None, width=None)
    assert list(Sampling().told().items()) == list(before.items())
    lcm = Sampling(sampler="lcm", steps=4).told()
    assert (lcm["guidance_scale"], lcm["spacing"]) == (1.0, "lcm")
    assert Sampling(sampler="lcm", steps=4, spacing="trailing", guidance_scale=1.5).told()["guidance_scale"] == 1.5

    def painted(**told):
        sampling = Sampling(steps=2, **told)
        out = generate(GenerateOptions(tmp_path / "out", checkpoint, ("a",), count=1, sampling=sampling))
        with Image.open(out / "0" / "000.png") as picture:
            return json.loads(picture.text["sfumato"])

    assert painted(guide_from=300.0)["guide_from"] == 300.0
    # Spelled out it is the same picture, which stands; without it another one.
    painted(guide_from=300.0, guidance_scale=7.5, spacing="trailing")
    with pytest.raises(UserError, match=r"holds a run with sampling\.guide_from = 300\.0, not None"):
        painted()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"guidance_scale": 1.0, "negative_prompt": "a cat"}, "--negative-prompt: does nothing at --guidance-scale 1"),
        ({"guidance_scale": 1.0, "guide_from": 3}, "--guide-from: does nothing at --guidance-scale 1"),
        ({"sampler": "lcm", "negative_prompt": "a cat"}, "--negative-prompt: does nothing at --guidance-scale 1"),
        ({"sampler": "lcm", "guidance_scale": 2.5}, "--guidance-scale 2.5: guidance is in the weights that lcm is for"),
        ({"sampler": "lcm"}, None),
        ({"sampler": "lcm", "guidance_scale": 2.0, "negative_prompt": "a cat"}, None),
        ({"sampler": "ddim", "guidance_scale": 5.0, "negative_prompt": "a cat"}, None),
    ],
)
def test_guidance_that_does_nothing_or_harm_is_warned_of(told, words, checkpoint, tmp_path):
    options = GenerateOptions(tmp_path / "out", checkpoint, ("a",), count=1, sampling=Sampling(steps=2, **told))
    if words is None:
        assert generate(options).is_dir()
    else:
        with pytest.warns(UserWarning, match=f"^{words}"):
            generate(options)


def test_columns_are_told_their_own_texts(checkpoint):
    """One text in all columns is the plain prompt; another one at the right changes the left least."""
    model = StableDiffusion.load(checkpoint)
    for parameter in model.unet.parameters():
        parameter.mul_(3)
    sampling, negative = Sampling(steps=3, regions=True), encoded(model, [""])[:, 0]

    def latents(prompt):
        states = encoded(model, sampling.texts(prompt))
        *_, last = walk(model, states, negative, [1], sampling)
        return last.x

    with torch.no_grad():
        plain, same, other = latents("a dog"), latents("a dog | a dog"), latents("a dog | a cat")
    # An untrained network of tripled weights blows rounding up, on some machines to a hundredth.
    assert (same - plain).abs().max() < 0.1 * (other - plain).abs().max()
    changed = (other - plain).abs().mean(dim=(0, 1, 2))
    assert changed[4:].mean() > 2 * changed[:4].mean() > 0


def test_prompts_of_many_parts_are_painted_and_too_many_are_refused(checkpoint, tmp_path):
    sampling = Sampling(steps=2, regions=True)
    out = generate(
        GenerateOptions(tmp_path / "out", checkpoint, prompt=("a dog", "a dog | a cat"), count=2, sampling=sampling)
    )
    assert len(list(out.rglob("*.png"))) == 4
    with pytest.raises(UserError, match="has 9 parts, and a picture of this width no more than 8 columns"):
        generate(GenerateOptions(tmp_path / "other", checkpoint, prompt=("|".join("abcdefghi"),), sampling=sampling))


def test_an_interrupted_run_goes_on(checkpoint, tmp_path):
    options = GenerateOptions(tmp_path / "out", checkpoint, prompt=("a dog",), count=3, sampling=FEW)
    generate(options)
    before = pixels(tmp_path / "out" / "0" / "001.png")
    (tmp_path / "out" / "0" / "001.png").unlink()
    stays = (tmp_path / "out" / "0" / "000.png").stat().st_mtime_ns
    generate(options)
    assert abs(pixels(tmp_path / "out" / "0" / "001.png") - before).max() <= 1
    assert (tmp_path / "out" / "0" / "000.png").stat().st_mtime_ns == stays
    options.prompt = ("a cat",)
    with pytest.raises(UserError, match="give its settings to go on, or another folder to begin anew, or --overwrite"):
        generate(options)
    options.overwrite = True
    (tmp_path / "out" / "0" / "002.png").write_bytes(b"half a picture")
    generate(options)
    assert pixels(tmp_path / "out" / "0" / "002.png").shape == (16, 16, 3)
    assert (tmp_path / "out" / "0" / "000.png").stat().st_mtime_ns != stays


def test_another_autoencoder_or_precision_is_another_run(checkpoint, tmp_path):
    """What a checkpoint is called for its words does not say how its latents are decoded."""
    options = GenerateOptions(tmp_path / "out", checkpoint, prompt=("a dog",), count=1, sampling=FEW, precision="fp32")
    generate(options)
    state = torch.load(checkpoint)["state_dict"]
    key = PREFIXES["vae"] + "decoder.conv_out.bias"
    options.checkpoint = tmp_path / "other.ckpt"
    torch.save({"state_dict": {**state, key: state[key] + 0.1}}, str(options.checkpoint))
    with pytest.raises(UserError, match=r"holds a run with autoencoder = [0-9a-f]{16}, not [0-9a-f]{16}"):
        generate(options)
    if choose_precision(torch.device("cpu")) == "bf16":
        options.checkpoint, options.precision = checkpoint, "auto"
        with pytest.raises(UserError, match="holds a run with precision = fp32, not bf16"):
            generate(options)


def test_processes_share_the_pictures(checkpoint, tmp_path, monkeypatch):
    options = GenerateOptions(tmp_path / "out", checkpoint, prompt=("a dog",), count=5, sampling=FEW)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, expected in (("0", 3), ("1", 5)):
        monkeypatch.setenv("RANK", rank)
        generate(options)
        assert len(list((tmp_path / "out").rglob("*.png"))) == expected
        assert (tmp_path / "out" / SHEET).exists() == (expected == 5), "the last one draws the sheet of all"


def test_what_does_not_fit_the_text_encoder_is_quoted(checkpoint, tmp_path):
    prompt = "word " * 75 + "and the end"
    with pytest.warns(UserWarning, match="longer than 77 tokens; this is left out: 'and the end'"):
        generate(GenerateOptions(tmp_path / "out", checkpoint, prompt=(prompt,), count=1, sampling=FEW))


def test_heights_and_widths_are_the_users(checkpoint, tmp_path):
    sampling = Sampling(steps=2, height=24, width=32)
    generate(GenerateOptions(tmp_path / "out", checkpoint, prompt=("a dog",), count=1, sampling=sampling))
    with Image.open(tmp_path / "out" / "0" / "000.png") as picture:
        assert picture.size == (32, 24)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": ()}, "give either --prompt"),
        ({"prompt": ("a <new1>",)}, r"nobody has learned <new1> for this checkpoint; known are: <mine>"),
        ({"count": 0}, "count must be at least 1"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"sampling": Sampling(sampler="euler")}, "unknown sampler"),
        ({"sampling": Sampling(sampler="lcm", steps=9)}, "LCM takes 1 to 8 steps, got 9"),
        ({"sampling": Sampling(guide_from=1000)}, "--guide-from must be at most 999, the noisiest time, got 1000"),
        ({"sampling": Sampling(guide_from=-1)}, "--guide-from must be at least 0, got -1"),
        (
            {"sampling": Sampling(guide_from=500, guide_to=400)},
            r"--guide-from \(500\) must not be above --guide-to \(400\)",
        ),
        ({"sampling": Sampling(steps=1001)}, "steps must be between 1 and 1000"),
        ({"sampling": Sampling(height=17)}, "height must be a multiple of 4"),
        ({"precision": "int8"}, "unknown precision"),
    ],
)
def test_what_cannot_be_painted_is_refused_first(checkpoint, tmp_path, changes, words):
    torch.save({"<mine>": torch.ones(64)}, str(tmp_path / "mine.pt"))
    options = {"prompt": ("a dog",), "sampling": FEW, "embeddings": (tmp_path / "mine.pt",), **changes}
    with pytest.raises(UserError, match=words):
        generate(GenerateOptions(tmp_path / "out", checkpoint, **options))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(torch.nn.Module, "compile"), reason="this PyTorch compiles no module in its place")
def test_compiling_without_a_compiler_is_refused_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"--compile needs a C\+\+ compiler and there is none; install g\+\+"):
        generate(GenerateOptions(tmp_path / "out", tmp_path / "nothing", prompt=("a dog",), compile=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(hasattr(torch.nn.Module, "compile"), reason="this PyTorch compiles")
def test_an_old_pytorch_says_that_it_does_not_compile(tmp_path):
    with pytest.raises(UserError, match=r"--compile needs PyTorch 2\.2 and this is"):
        generate(GenerateOptions(tmp_path / "out", tmp_path / "nothing", prompt=("a dog",), compile=True))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(torch.nn.Module, "compile"), reason="this PyTorch compiles no module in its place")
def test_a_compiled_network_paints_nearly_the_same_pictures_and_says_so(checkpoint, tmp_path):
    options = GenerateOptions(tmp_path / "plain", checkpoint, prompt=("a dog",), count=2, sampling=FEW)
    options.precision = "fp32"
    plain = generate(options)
    options.out, options.compile = tmp_path / "compiled", True
    compiled = generate(options)
    for number in range(2):
        name = f"0/{number:03d}.png"
        assert np.abs(pixels(plain / name) - pixels(compiled / name)).max() <= 1
    assert json.loads((compiled / "run.json").read_text())["settings"]["compiled"] == "U-Net"
    options.out = plain
    with pytest.raises(UserError, match="holds a run"):
        generate(options)
