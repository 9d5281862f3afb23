"""Films hold the frames and texts that were written, in every format, and say what is wrong in a line."""

import json
import os
import subprocess

import numpy as np
import pytest
from PIL import Image

from sfumato.errors import UserError
from sfumato.images import check_film, films, read_film, save_film

SIZE = (60, 40)


def noises(count, mode="RGB", seed=0):
    source = np.random.default_rng(seed)
    shape = (*SIZE[::-1], len(mode))
    return [Image.fromarray(source.integers(0, 256, shape).astype(np.uint8)) for _ in range(count)]


def texts(count):
    return [f"t = {1000 - 100 * place}" for place in range(count)]


def test_a_webp_gives_every_pixel_and_every_text_back(tmp_path):
    frames, labels = noises(5), ["t = 1000", "", "ein \u00fcber \u03c3 <new1>", 'a "quoted" one', "t = 0"]
    found, said = read_film(save_film(tmp_path / "a.webp", frames, labels))
    assert said == labels
    assert [one.size for one in found] == [SIZE] * 5
    for one, frame in zip(found, frames):
        assert np.array_equal(np.asarray(one), np.asarray(frame.convert("RGBA")))


def test_what_is_transparent_stays_so_in_a_webp(tmp_path):
    frames = noises(3, "RGBA")
    for frame in frames:
        frame.paste((0, 0, 0, 0), (10, 10, 30, 20))
    found, _ = read_film(save_film(tmp_path / "a.webp", frames, texts(3)))
    for one, frame in zip(found, frames):
        written, back = np.asarray(frame), np.asarray(one)
        assert np.array_equal(written[..., 3], back[..., 3])
        seen = written[..., 3] > 0
        assert np.array_equal(written[seen], back[seen])


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_frames_that_are_alike_come_back_each_with_its_text(tmp_path, ending):
    """Both formats make one of them; a film of texts alone must not lose any."""
    first, second = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames, labels = [first, first, second, second, second, first], ["a", "a", "b", "b", "b", "a"]
    found, said = read_film(save_film(tmp_path / f"a.{ending}", frames, labels))
    assert said == labels
    assert [np.asarray(one)[20, 30, :3].tolist() for one in found] == [
        list(np.asarray(frame)[0, 0]) for frame in frames
    ]


def test_a_single_frame_is_a_film(tmp_path):
    for ending in ("webp", "gif"):
        found, said = read_film(save_film(tmp_path / f"a.{ending}", noises(1), ["x"]))
        assert (len(found), said) == (1, ["x"])


def test_a_gif_has_nearly_the_colours_and_a_dark_ground(tmp_path):
    frames = [Image.new("RGBA", SIZE, (0, 0, 0, 0)) for _ in range(2)]
    for place, frame in enumerate(frames):
        frame.paste((200, 40 + 100 * place, 90, 255), (0, 0, 30, 40))
    found, said = read_film(save_film(tmp_path / "a.gif", frames, texts(2)))
    assert said == texts(2)
    assert {one.size for one in found} == {SIZE}
    for place, one in enumerate(found):
        assert abs(np.asarray(one)[20, 15, :3].astype(int) - (200, 40 + 100 * place, 90)).max() <= 8
        assert np.asarray(one)[20, 45].tolist() == [22, 24, 29, 255]


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_frames_stay_as_long_as_is_said_and_begin_anew(tmp_path, ending):
    path = save_film(tmp_path / f"a.{ending}", noises(3), texts(3), milliseconds=123, hold=1500)
    with Image.open(path) as film:
        stays = []
        for place in range(film.n_frames):
            film.seek(place)
            film.load()
            stays.append(film.info["duration"])
        assert stays == [120, 120, 1500]
        assert film.info["loop"] == 0


def test_the_text_is_drawn_beneath_and_begins_at_one_place(tmp_path):
    frames = [Image.new("RGB", (200, 30), colour) for colour in ("red", "blue")]
    with Image.open(save_film(tmp_path / "a.webp", frames, ["t = 1000", "t = 7"])) as film:
        drawn = []
        for place in range(2):
            film.seek(place)
            drawn.append(np.asarray(film.convert("RGBA")))
    for one in drawn:
        strip = one[30:]
        assert 20 < len(strip) < 40
        inked = strip[..., 3] > 128
        assert inked.sum() > 30
        assert abs(strip[inked][:, :3].astype(int) - 123).max() <= 2  # no rim of another colour
        assert (strip[..., 3] == 0).mean() > 0.8
        drawn_columns = np.flatnonzero(inked.any(axis=0))
        assert drawn_columns[0] == np.flatnonzero((drawn[0][30:, :, 3] > 128).any(axis=0))[0]
    assert np.array_equal(drawn[0][30:, :85], drawn[1][30:, :85])  # "t ="
    assert not np.array_equal(drawn[0][30:], drawn[1][30:])


@pytest.mark.parametrize("ending", ["webp", "gif", "mp4"])
def test_the_same_film_has_the_same_bytes(tmp_path, ending):
    if ending == "mp4":
        pytest.importorskip("shutil").which("ffmpeg") or pytest.skip("ffmpeg is missing")
    written = [save_film(tmp_path / f"{name}.{ending}", noises(4), texts(4)).read_bytes() for name in "ab"]
    assert written[0] == written[1]
    assert sorted(os.listdir(tmp_path)) == [f"a.{ending}", f"b.{ending}"]


def test_an_mp4_shows_the_frames_for_their_time(tmp_path):
    """Decoded again by ffmpeg: an odd size is made even, and the last frame stays."""
    pytest.importorskip("shutil").which("ffmpeg") or pytest.skip("ffmpeg is missing")
    frames = [Image.new("RGB", (61, 41), colour) for colour in ("red", "lime", "blue")]
    path = save_film(tmp_path / "a.mp4", frames, ["", "", ""], milliseconds=100, hold=500)
    raw = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    ).stdout
    decoded = np.frombuffer(raw, np.uint8).reshape(-1, 42 + 32, 62 + 32, 3)
    assert len(decoded) == 1 + 1 + 5
    for one, colour in zip(decoded, [(255, 0, 0), (0, 255, 0), *[(0, 0, 255)] * 5]):
        assert abs(one[16 + 20, 16 + 30].astype(int) - colour).max() < 12
        assert abs(one[4, 4].astype(int) - (22, 24, 29)).max() < 6


def test_other_endings_are_refused_in_a_line(tmp_path):
    for name in ("a.avi", "a", "a.png"):
        with pytest.raises(UserError, match=r"a film ends in \.webp, \.gif or \.mp4") as told:
            check_film(tmp_path / name)
        assert "\n" not in str(told.value)
        with pytest.raises(UserError, match="a film ends in"):
            save_film(tmp_path / name, noises(1), ["a"])
    assert not list(tmp_path.iterdir())


def test_an_mp4_without_ffmpeg_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (check_film, lambda path: save_film(path, noises(1), ["a"])):
        with pytest.raises(UserError, match=r"install it, or give a name in \.webp or \.gif"):
            call(tmp_path / "a.mp4")
    check_film(tmp_path / "a.webp")


def test_what_ffmpeg_says_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "ffmpeg"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\ncat > /dev/null\necho first >&2\necho Unknown encoder >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UserError, match="Unknown encoder") as told:
        save_film(tmp_path / "a.mp4", noises(2), texts(2))
    assert "\n" not in str(told.value)
    assert os.listdir(tmp_path) == ["bin"]


@pytest.mark.parametrize(
    ("frames", "labels"), [([], []), (noises(2), ["a"]), ([*noises(1), Image.new("RGB", (3, 3))], ["a", "b"])]
)
def test_frames_and_labels_that_do_not_fit_are_refused(tmp_path, frames, labels):
    with pytest.raises(ValueError, match="a label for each"):
        save_film(tmp_path / "a.webp", frames, labels)


def test_what_is_no_film_of_ours_is_named(tmp_path):
    frames = noises(2)
    frames[0].save(tmp_path / "plain.webp", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "plain.gif", comment=b'{"labels": 3}')
    frames[0].save(tmp_path / "plain.png")
    (tmp_path / "text.webp").write_text("no film")
    for name, said in [
        ("plain.webp", "make"),
        ("plain.gif", "make"),
        ("plain.png", "give a film"),
        ("text.webp", "give"),
    ]:
        with pytest.raises(UserError, match=name) as told:
            read_film(tmp_path / name)
        assert "\n" not in str(told.value), said
    with pytest.raises(UserError, match="no such file"):
        read_film(tmp_path / "missing.webp")


def claims(path, **told):
    """A GIF of one frame that says something of itself."""
    said = {"labels": ["a"], "milliseconds": [100], "size": [60, 40], **told}
    noises(1)[0].save(path, comment=json.dumps(said).encode())
    return path


@pytest.mark.parametrize("told", [{"size": [10**9, 10**9]}, {"corner": [-(10**9), 0]}])
def test_a_film_takes_no_more_memory_than_its_frames(tmp_path, told):
    found, _ = read_film(claims(tmp_path / "a.gif", **told))
    assert [one.size for one in found] == [SIZE]


@pytest.mark.parametrize("told", [{"corner": [10**9, 0]}, {"size": "many"}, {"milliseconds": 3}, {"odd": 1}])
def test_a_film_that_says_nonsense_of_itself_is_named(tmp_path, told):
    with pytest.raises(UserError, match="give a film that sfumato made"):
        read_film(claims(tmp_path / "a.gif", **told))


def test_films_of_too_many_pixels_are_refused(tmp_path, monkeypatch):
    path = save_film(tmp_path / "a.webp", noises(3), texts(3))
    monkeypatch.setattr("sfumato.images.opening._MOST_FILMED", 3 * 60 * 40)
    with pytest.raises(UserError, match="3 frames"):
        read_film(path)
    assert films.FILM_ENDINGS == (".webp", ".gif", ".mp4")
