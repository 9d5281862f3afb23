"""The film of a painting shows how its pictures came out of noise, and changes none of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("safetensors")

from sfumato import Diffusion, EDMSchedule, FlowSchedule, UNet
from sfumato.concepts import generate as concepts
from sfumato.concepts.painting import Sampling as ConceptSampling
from sfumato.diffusion import CLEAN, CosineSchedule, SeededNoise, seed_of
from sfumato.digits import generate as digits
from sfumato.digits.painting import Sampling as DigitSampling
from sfumato.errors import UserError
from sfumato.faces import generate as faces
from sfumato.faces.noises import NoiseOptions, noise
from sfumato.faces.painting import Sampling as FaceSampling
from sfumato.images import read_film, to_pixels
from sfumato.pictures import generate as pictures
from sfumato.pictures.walks import Moment, evenly, fitted, kept_for, save_moments, save_walk_film, time_in_words

from .cells import cells

PROMPTS = ("a chalk seven", "a street two next to a colourful six")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Noises of faces, and weights of a model of pictures."""
    folder = tmp_path_factory.mktemp("made")
    noise(NoiseOptions(folder / "noise", count=3))
    torch.manual_seed(0)
    network = UNet(8, ["rose", "tulip"], width=8, blocks=1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    Diffusion(network, FlowSchedule(), "velocity").save(folder / "model.safetensors", dtype=torch.float32)
    return folder


def job(name, made, out, **told):
    """(a command's function, its options, the pictures that its film shows, their side, the first and the last time)"""
    if name == "digits":
        options = digits.GenerateOptions(out, digits=(3, 5), count=2, sampling=DigitSampling(steps=3), **told)
        kinds = [f"{dataset}/{digit}" for dataset in ("mnistm", "svhn") for digit in (3, 5)]
        # One of each kind, then the second ones of the first two.
        shown = [(kinds[0], 1), (kinds[0], 2), (kinds[1], 1), (kinds[1], 2), (kinds[2], 1), (kinds[3], 1)]
        names = [f"{kind}_{number:03d}.png" for kind, number in shown]
        return digits.generate, options, names, 28, ("t = 1000", "t = 0")
    if name == "faces":
        options = faces.GenerateOptions(made / "noise", out, "shipped", FaceSampling(steps=4), "fixed", **told)
        return faces.generate, options, ["00.png", "01.png", "02.png"], 64, ("t = 752", "t = 1")
    if name == "concepts":
        options = concepts.GenerateOptions(
            out, prompt=PROMPTS, count=2, sampling=ConceptSampling(steps=3), precision="fp32", **told
        )
        names = ["0/000.png", "0/001.png", "1/000.png", "1/001.png"]
        return concepts.generate, options, names, 48, ("t = 1000", "t = 0")
    options = pictures.GenerateOptions(out, made / "model.safetensors", count=1, **told)
    return pictures.generate, options, ["rose/000.png", "tulip/000.png"], 8, ("t = 1.00", "t = 0.00")


JOBS = ("digits", "faces", "concepts", "pictures")


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


@pytest.mark.parametrize("name", JOBS)
def test_pictures_are_the_same_with_a_film_which_ends_in_them(name, made, tmp_path):
    for out, told in (("plain", {}), ("filmed", {"film": tmp_path / "new" / "film.webp"})):
        generate, options, names, side, (first, last) = job(name, made, tmp_path / out, **told)
        generate(options)
    assert files(tmp_path / "plain") == files(tmp_path / "filmed")
    frames, times = read_film(tmp_path / "new" / "film.webp")
    assert (times[0], times[-1], len(times)) == (first, last, options.sampling.steps + 1)
    x, x0 = cells(frames[-1], side)
    assert len(x) == len(names)
    for above, below, one in zip(x, x0, names):
        assert np.array_equal(above, pixels(tmp_path / "filmed" / one)), one
        assert np.array_equal(above, below), one
    begun = cells(frames[0], side)
    assert not np.array_equal(begun[0][0], x[0]) and not np.array_equal(begun[1][0], x0[0])


def test_the_first_frame_is_the_pictures_noise(made, tmp_path):
    generate, options, names, side, _ = job("digits", made, tmp_path / "out", film=tmp_path / "film.webp")
    generate(options)
    from sfumato.digits.labels import label_of

    seeds = [seed_of(0, label_of(one.split("/")[0], int(one.split("/")[1][0])), int(one[-7:-4])) for one in names]
    noises = to_pixels(SeededNoise(seeds, (3, 28, 28))()).numpy()
    assert np.array_equal(np.stack(cells(read_film(tmp_path / "film.webp")[0][0], side)[0]), noises)


@pytest.mark.parametrize("name", JOBS)
def test_a_run_that_has_its_pictures_paints_those_of_the_film_again(name, made, tmp_path, capsys):
    """And leaves them as they are; what is missing is painted as without a film."""
    generate, options, names, side, _ = job(name, made, tmp_path / "out")
    generate(options)
    (tmp_path / "out" / names[1]).unlink()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    options.film = tmp_path / "film.webp"
    generate(options)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    x, _ = cells(read_film(options.film)[0][-1], side)
    for above, one in zip(x, names):
        assert np.abs(above - pixels(tmp_path / "out" / one)).max() <= 1
    assert f"wrote {options.film}" in capsys.readouterr().out
    again = []
    for _ in "ab":
        generate(options)
        again.append(options.film.read_bytes())
    assert again[0] == again[1]


@pytest.mark.parametrize("name", JOBS)
def test_films_that_cannot_be_are_refused_before_anything_is_made(name, made, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "file").write_text("mine")
    for film, said in [
        ("film.avi", r"a film ends in \.webp, \.gif or \.mp4, a figure of six moments in \.png; give"),
        ("film.mp4", "ffmpeg"),
        ("out/film.webp", "outside that folder"),
        ("out/deep/film.png", "outside that folder"),
        ("file/film.webp", "is a file"),
    ]:
        generate, options, *_ = job(name, made, tmp_path / "out", film=tmp_path / film)
        with pytest.raises(UserError, match=said) as told:
            generate(options)
        assert "\n" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_film_shows_what_other_processes_paint_and_is_written_once(made, tmp_path, monkeypatch):
    """Of two processes; the first has every second picture, and paints the others for the film alone."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in "10":
        monkeypatch.setenv("RANK", rank)
        generate, options, names, side, _ = job("digits", made, tmp_path / rank, film=tmp_path / f"{rank}.webp")
        generate(options)
    assert not (tmp_path / "1.webp").exists()
    x, _ = cells(read_film(tmp_path / "0.webp")[0][-1], side)
    places = [next(rank for rank in "01" if (tmp_path / rank / one).exists()) for one in names]
    assert set(places) == {"0", "1"}
    for above, one, rank in zip(x, names, places):
        assert np.abs(above - pixels(tmp_path / rank / one)).max() <= 1


def test_a_figure_has_six_times_and_two_rows_a_picture(made, tmp_path):
    generate, options, names, side, _ = job("pictures", made, tmp_path / "out", film=tmp_path / "figure.png")
    generate(options)
    rows = cells(Image.open(tmp_path / "figure.png"), side)
    assert [len(row) for row in rows] == [12, 12]  # one picture at the left, one at the right
    for place, one in zip((5, 11), names):
        for row in rows:
            assert np.array_equal(row[place], pixels(tmp_path / "out" / one))
    assert not np.array_equal(rows[0][0], rows[0][5])


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (CosineSchedule(), {999: "t = 1000", 819: "t = 820", 0: "t = 1", CLEAN: "t = 0"}),
        (FlowSchedule(), {1.0: "t = 1.00", 0.256: "t = 0.26", 0.0: "t = 0.00"}),
        (EDMSchedule(), {80.0: "\u03c3 = 80", 0.5123: "\u03c3 = 0.512", 0.0: "\u03c3 = 0"}),
    ],
)
def test_times_are_said_as_the_schedule_counts_them(schedule, said):
    assert {t: time_in_words(schedule, t) for t in said} == said


def test_noise_that_grows_is_brought_back_to_a_pictures_size(tmp_path):
    """80 times as much would be black and white only."""
    torch.manual_seed(0)
    Diffusion(UNet(8, width=8, blocks=1), EDMSchedule(), "edm").save(tmp_path / "m.safetensors")
    pictures.generate(
        pictures.GenerateOptions(tmp_path / "out", tmp_path / "m.safetensors", count=1, film=tmp_path / "film.webp")
    )
    frames, times = read_film(tmp_path / "film.webp")
    assert (times[0], times[-1]) == ("\u03c3 = 80", "\u03c3 = 0")
    wanted = to_pixels(SeededNoise([seed_of(0, "", 0)], (3, 8, 8))() * 80 / np.hypot(1, 80)).numpy()[0]
    assert np.abs(cells(frames[0], 8)[0][0] - wanted.astype(int)).max() <= 1


def test_long_walks_are_thinned_out_evenly():
    assert kept_for(Path("a.webp"), 9) == list(range(10))
    assert kept_for(Path("a.webp"), 20) == list(range(21))
    assert kept_for(Path("a.gif"), 50) == [*range(0, 50, 3), 50]
    assert kept_for(Path("a.mp4"), 1000) == list(range(0, 1001, 50))
    assert kept_for(Path("a.png"), 50) == [0, 10, 20, 30, 40, 50]
    assert kept_for(Path("a.webp"), 1) == [0, 1]
    assert evenly(5, 6) == [0, 1, 2, 3, 4]
    assert evenly(1, 6) == [0]


def moments(count, side, times=("t = 1000", "t = 500", "t = 0")):
    source = torch.Generator().manual_seed(0)
    shape = (count, side, side, 3)
    return [Moment(when, *(torch.randint(256, shape, generator=source).byte() for _ in "ab")) for when in times]


def inked(image):
    """How much of the text's ink is on the transparent ground."""
    whole = np.asarray(image.convert("RGBA")).astype(int)
    return ((abs(whole[..., :3] - 123).max(axis=-1) <= 1) & (whole[..., 3] > 128)).sum()


def test_captions_are_drawn_once_beneath_neighbours_and_long_ones_take_lines(tmp_path):
    found = moments(4, 16)
    sizes = {}
    for name, captions in (("none", [""] * 4), ("one", ["rose"] * 4), ("two", ["rose", "rose", "tulip", "tulip"])):
        frames, _ = read_film(save_walk_film(found, tmp_path / f"{name}.webp", captions))
        sizes[name] = inked(frames[0])
        assert [len(row) for row in cells(frames[0], 16)] == [4, 4]
    assert sizes["none"] < sizes["one"] < sizes["two"] < sizes["none"] + 3 * (sizes["one"] - sizes["none"])
    long = read_film(save_walk_film(found, tmp_path / "long.webp", ["a very long prompt, " * 30] * 4))[0][0]
    short = read_film(tmp_path / "one.webp")[0][0]
    assert long.width == short.width
    assert 1.1 * short.height < long.height < 1.6 * short.height  # four lines, the rest is dots
    save_moments(found, tmp_path / "a.png", ["x" * 500] * 4)
    assert [len(row) for row in cells(Image.open(tmp_path / "a.png"), 16)] == [6] * 4


@pytest.mark.parametrize(
    ("side", "wanted", "shown"),
    [(28, 115, 112), (64, 191, 192), (8, 256, 256), (48, 110, 96), (512, 191, 191), (256, 191, 191)],
)
def test_small_pictures_are_enlarged_in_whole_squares_and_large_ones_shrunk(side, wanted, shown):
    pixels = moments(1, side)[0].x
    one = fitted(pixels, wanted)[0]
    assert one.size == (shown, shown)
    if side < shown:
        assert np.array_equal(np.asarray(one)[:: shown // side, :: shown // side], pixels[0].numpy())


def test_what_is_wider_than_high_stays_so():
    assert fitted(torch.zeros(1, 256, 512, 3, dtype=torch.uint8), 128)[0].size == (128, 64)


def test_a_network_that_answers_nothing_finite_ends_as_without_a_film(tmp_path):
    """What is not finite on the way is no picture, but that is said of the painting, not of the film."""
    network = UNet(8, width=8, blocks=1)
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 1e30)
    Diffusion(network, FlowSchedule(), "velocity").save(tmp_path / "m.safetensors", dtype=torch.float32)
    said = []
    for film in (None, tmp_path / "film.webp"):
        with pytest.raises(UserError) as told:
            pictures.generate(
                pictures.GenerateOptions(tmp_path / "out", tmp_path / "m.safetensors", count=1, film=film)
            )
        said.append(str(told.value))
    assert said[0] == said[1]
    assert not (tmp_path / "film.webp").exists()
