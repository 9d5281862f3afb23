"""The figures show what they say, and the numbers beside them explain it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("matplotlib")
pytest.importorskip("safetensors")

from sfumato.diffusion import lerp, slerp
from sfumato.errors import UserError
from sfumato.faces.figures import EtaOptions, InterpolateOptions, eta, interpolate
from sfumato.faces.model import load_faces
from sfumato.faces.noises import drawn_noise, some_noises
from sfumato.faces.painting import Sampling, paint
from sfumato.images import note_in, open_picture, read_film, to_pixels

FEW = Sampling(steps=4)


@pytest.fixture
def unet(tiny, tmp_path):
    tiny.save(tmp_path / "faces.safetensors", dtype=torch.float32)
    return tmp_path / "faces.safetensors"


def test_the_eta_grid_begins_each_row_with_the_deterministic_face(unet, noise_folder, tmp_path):
    path = eta(EtaOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, rows=2, etas=(0.0, 0.5, 1.0)))
    numbers = json.loads((tmp_path / "out" / "eta.json").read_text())
    moved, back = (np.array(numbers[f"rms_distance_from_{which}"]) for which in ("first", "last"))
    assert moved[:, 2] == pytest.approx(back[:, 0])
    assert (back[:, 2] == 0).all()
    assert np.array(numbers["rms_distance_by_other_noise"]).shape == (2, 1)
    assert (np.array(numbers["rms_distance_by_other_noise"]) > 0.01).all()
    assert np.array(numbers["detail"]).shape == (3, 2)
    frames, labels = read_film(tmp_path / "out" / "eta.webp")
    assert labels == ["eta 0", "eta 0.5", "eta 1"]
    columns = [np.asarray(frame) for frame in frames]
    assert all((columns[0] != other).any() for other in columns[1:]), "a frame a column"
    assert len(numbers["times"]) == len(numbers["kept"][0]) == FEW.steps + 1
    assert moved.shape == (2, 3)
    assert (moved[:, 0] == 0).all()
    assert (moved[:, 2] > moved[:, 1]).all()
    assert (moved[:, 1] > 0).all()
    with Image.open(path) as picture:
        assert picture.width > 3 * 128
        assert picture.height > 2 * 128


def test_lerp_loses_norm_midway_and_slerp_does_not(unet, noise_folder, tmp_path):
    written = interpolate(InterpolateOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, stops=5))
    assert [path.name for path in written] == ["between.png", "scaled.png", "paths.png"]
    numbers = json.loads((tmp_path / "out" / "paths.json").read_text())
    assert numbers["alpha"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    ends = np.mean([numbers["lerp"]["norm"][0], numbers["lerp"]["norm"][4]])
    assert numbers["lerp"]["norm"][2] / ends == pytest.approx(0.5**0.5, abs=0.03)
    assert numbers["slerp"]["norm"][2] / ends == pytest.approx(1.0, abs=0.03)
    lengths = [row["norm"] for row in numbers["control"]["rows"]]
    assert numbers["control"]["noises"] == 3, "as many as there are"
    assert np.array(lengths) / lengths[0] == pytest.approx([1, 0.9, 0.71], rel=1e-5)
    assert numbers["start"] == 751
    for name in ("slerp", "lerp"):  # both begin and end with the same faces
        assert numbers[name]["contrast"][::4] == pytest.approx(numbers["slerp"]["contrast"][::4], rel=1e-4)


def test_the_faces_between_stand_in_two_rows_over_one_axis(unet, noise_folder, tmp_path):
    """Painted here anew, one by one, from noises that were mixed here."""
    interpolate(InterpolateOptions(tmp_path, unet, noise_folder, sampling=FEW, stops=3, control=2))
    model, (a, b) = load_faces(unet), some_noises(noise_folder, 2, 16)
    size = 8 * a.shape[-1]
    paper = open_picture(tmp_path / "between.png")
    paper = np.asarray(paper)[-2 * (size + 2) :, -3 * (size + 2) :].astype(int)
    for row, between in enumerate((slerp, lerp)):
        for column, weight in enumerate((0.0, 0.5, 1.0)):
            top, left = row * (size + 2), column * (size + 2)
            cell = paper[top : top + size : 8, left : left + size : 8]
            wanted = to_pixels(paint(model, between(a, b, weight)[None], FEW))[0].int().numpy()
            assert abs(cell - wanted).max() <= 1, (between, weight)


def test_the_film_goes_there_and_back_in_sixty_frames_without_a_jump(unet, noise_folder, tmp_path):
    options = InterpolateOptions(tmp_path / "film", unet, noise_folder, sampling=FEW, control=2, film=True)
    written = interpolate(options)
    assert [path.name for path in written] == ["between.png", "between.webp", "scaled.png", "paths.png"]
    frames, labels = read_film(written[1])
    assert len(frames) == 60
    alphas = [float(label.split(" = ")[1]) for label in labels]
    assert max(abs(one - other) for one, other in zip(alphas, [*alphas[1:], alphas[0]])) < 0.05, "also to its beginning"
    assert (alphas[0], alphas[30]) == (0, 1)
    shown = [np.asarray(frame.convert("RGB"))[-256:].astype(int) for frame in frames]
    for place in range(1, 30):
        assert np.array_equal(shown[place], shown[60 - place]), "the same way back"
    halves = [(one[:, -516:-260], one[:, -258:-2]) for one in shown]
    assert all(np.array_equal(*halves[place]) for place in (0, 30)), "both paths have the same ends"
    assert (halves[15][0] != halves[15][1]).any()
    plain = interpolate(InterpolateOptions(tmp_path / "plain", unet, noise_folder, sampling=FEW, control=2))
    assert plain[0].read_bytes() == written[0].read_bytes(), "the film changes no other figure"
    assert plain[-1].read_bytes() == written[-1].read_bytes()


def each_of(folder):
    """What the list says, and the pictures by their names; nothing else lies there."""
    kept = json.loads((folder / "each.json").read_text())
    found = {one["file"]: np.asarray(open_picture(folder / one["file"])) for one in kept["pictures"]}
    assert {path.name for path in folder.iterdir()} == {"each.json", *found}
    return kept, found


def sheet_of(path, rows, columns, size):
    """The cells of a labelled grid, which lie in its lower right corner, without their enlargement."""
    paper = np.asarray(open_picture(path))[-rows * (8 * size + 2) :, -columns * (8 * size + 2) :]
    places = [(row * (8 * size + 2), column * (8 * size + 2)) for row in range(rows) for column in range(columns)]
    return [paper[top : top + 8 * size : 8, left : left + 8 * size : 8] for top, left in places]


def test_each_picture_of_eta_is_that_of_the_sheet_and_says_its_eta(unet, noise_folder, tmp_path):
    etas = (0.0, 0.5, 1.0)
    options = EtaOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, rows=2, etas=etas, each=True)
    path = eta(options)
    kept, found = each_of(tmp_path / "out" / "eta")
    assert [(one["noise"], one["eta"]) for one in kept["pictures"]] == [
        (row, value) for row in range(2) for value in etas
    ]
    assert list(found) == [f"{row:02d}-{column:02d}.png" for row in range(2) for column in range(3)]
    for cell, picture in zip(sheet_of(path, 2, 3, 16), found.values()):
        assert np.array_equal(cell, picture)
    note = note_in(tmp_path / "out" / "eta" / "01-02.png")
    assert {name: note[name] for name in ("command", "noise", "eta", "sampler", "steps", "saving")} == {
        **{"command": "faces eta", "noise": 1, "eta": 1.0},
        **{"sampler": "ddim", "steps": 4, "saving": "fixed"},
    }
    assert note["weights"]["name"] == unet.name
    plain = eta(EtaOptions(tmp_path / "plain", unet, noise_folder, sampling=FEW, rows=2, etas=etas))
    assert plain.read_bytes() == path.read_bytes()
    assert not (tmp_path / "plain" / "eta").exists()


def test_each_picture_between_is_that_of_the_sheet_and_says_alpha_and_norm(unet, noise_folder, tmp_path):
    options = InterpolateOptions(tmp_path, unet, noise_folder, sampling=FEW, stops=3, control=2, each=True)
    interpolate(options)
    a, b = some_noises(noise_folder, 2, 16)
    sheet = sheet_of(tmp_path / "between.png", 2, 3, 16)
    for row, between in enumerate((slerp, lerp)):
        kept, found = each_of(tmp_path / between.__name__)
        assert list(found) == ["00.png", "01.png", "02.png"]
        assert [one["alpha"] for one in kept["pictures"]] == [0.0, 0.5, 1.0]
        norms = [float(between(a, b, weight).norm()) for weight in (0.0, 0.5, 1.0)]
        assert [one["norm"] for one in kept["pictures"]] == pytest.approx(norms, rel=1e-6)
        assert (kept["along"], kept["between"], kept["values"]) == (between.__name__, [0, 1], 3 * 16 * 16)
        for cell, picture in zip(sheet[3 * row :], found.values()):
            assert np.array_equal(cell, picture)
        note = note_in(tmp_path / between.__name__ / "01.png")
        assert (note["command"], note["along"], note["alpha"]) == ("faces interpolate", between.__name__, 0.5)
        assert note["norm"] == kept["pictures"][1]["norm"]


def test_any_two_noises_are_taken_by_their_numbers(unet, noise_folder, tmp_path):
    """Of a folder and of a seed; the ends are the faces of those noises, and the control stays as it is."""
    model, few = load_faces(unet), {"sampling": FEW, "stops": 2, "control": 2, "each": True}
    for noise, numbers, drawn in (
        (noise_folder, (2, 0), some_noises(noise_folder, 3, 16)),
        (None, (3, 17), {number: drawn_noise(number, 16, 5) for number in (3, 17)}),
    ):
        out = tmp_path / f"{numbers[0]}"
        interpolate(InterpolateOptions(out, unet, noise, seed=5, between=numbers, **few))
        kept, found = each_of(out / "slerp")
        assert kept["between"] == list(numbers)
        for number, picture in zip(numbers, found.values()):
            wanted = to_pixels(paint(model, drawn[number][None], FEW))[0].numpy()
            assert abs(picture.astype(int) - wanted).max() <= 1, number
    interpolate(InterpolateOptions(tmp_path / "usual", unet, None, seed=5, **few))
    controls = [json.loads((tmp_path / name / "paths.json").read_text())["control"] for name in ("3", "usual")]
    assert controls[0] == controls[1]


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (eta, EtaOptions(rows=0), "--rows must be at least 1, got 0"),
        (eta, EtaOptions(etas=(0.0, 2.0)), "--etas must be at least 0 and at most 1, got 2.0"),
        (interpolate, InterpolateOptions(stops=1), "stops must be at least 2"),
        (interpolate, InterpolateOptions(between=(3, 3)), "--between: give the numbers of two different noises"),
        (interpolate, InterpolateOptions(between=(-1, 3)), "--between must be at least 0, got -1"),
        (interpolate, InterpolateOptions(sampling=Sampling(sampler="x")), "unknown sampler"),
    ],
)
def test_bad_settings_are_refused(function, options, words):
    with pytest.raises(UserError, match=words):
        function(options)


def test_too_few_noises_are_refused(unet, noise_folder, tmp_path):
    with pytest.raises(UserError, match=r"holds 3 noise\(s\); 4 are needed"):
        eta(EtaOptions(tmp_path / "out", unet, noise_folder, sampling=FEW))
    with pytest.raises(UserError, match=r"holds 3 noise\(s\); 18 are needed"):
        interpolate(InterpolateOptions(tmp_path / "out", unet, noise_folder, sampling=FEW, between=(0, 17)))


def test_a_file_where_the_pictures_should_lie_is_refused(unet, noise_folder, tmp_path):
    for name in ("eta", "lerp"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="eta: cannot be made a folder"):
        eta(EtaOptions(tmp_path, unet, noise_folder, sampling=FEW, each=True))
    with pytest.raises(UserError, match="lerp: cannot be made a folder"):
        interpolate(InterpolateOptions(tmp_path, unet, noise_folder, sampling=FEW, each=True))
    assert {path.name for path in tmp_path.iterdir()} >= {"eta", "lerp"}
    assert not (tmp_path / "eta.png").exists() and not (tmp_path / "slerp").exists()
