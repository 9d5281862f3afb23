"""From a picture to its noise and back."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("safetensors")

from sfumato.diffusion import DDIM, DDIMInversion, LinearSchedule, sample
from sfumato.errors import UserError
from sfumato.faces.invert import InvertOptions, invert, noise_of
from sfumato.faces.painting import Sampling, paint
from sfumato.images import note_in, open_picture, to_pixels
from sfumato.pictures.fitting import fitted
from tests.diffusion.gaussians import MixtureDenoiser


def round_trip_error(steps, refinements):
    # Two points blurred by 0.3: the prediction bends along the way.
    schedule = LinearSchedule()
    curved = MixtureDenoiser(schedule, torch.tensor([-1.0, 1.0]), 0.3)
    x = torch.linspace(-1.5, 1.5, 64, dtype=torch.float64)[:, None]
    times = schedule.times(steps, "leading", offset=1, final=0)
    noise = sample(DDIMInversion(refinements)(x, curved, times[::-1]))
    return float((sample(DDIM()(noise, curved, times)) - x).abs().mean())


def test_the_plain_inversion_errs_in_first_order():
    """The local error is of second order, so over 1 / h steps twice as many steps leave half of it."""
    assert 1.6 < round_trip_error(100, 0) / round_trip_error(200, 0) < 2.6


def test_refinements_converge_to_the_exact_inverse():
    plain, one, ten = (round_trip_error(50, refinements) for refinements in (0, 1, 10))
    assert one < 0.5 * plain
    assert ten < 1e-3 * plain


def test_refinements_must_not_be_negative():
    with pytest.raises(ValueError, match="refinements of DDIMInversion must be between 0"):
        DDIMInversion(-1)


def test_a_painted_face_is_found_again(tiny):
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    sampling = Sampling(steps=50, clamp=False)
    face = paint(tiny, noise, sampling)
    found = noise_of(tiny, face, sampling, refinements=5)
    assert (found - noise).abs().max() < 0.02 * noise.abs().max()


def test_the_command_reports_the_error_of_every_number_of_steps(tiny, tmp_path):
    tiny.save(tmp_path / "faces.safetensors", dtype=torch.float32)
    pixels = np.random.RandomState(0).randint(0, 255, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "me.jpg")
    found = invert(InvertOptions(tmp_path / "me.jpg", tmp_path / "out", tmp_path / "faces.safetensors", steps=(5, 50)))
    assert found[1].mse < found[0].mse
    assert [one["steps"] for one in json.loads((tmp_path / "out" / "invert.json").read_text())["found"]] == [5, 50]
    assert (tmp_path / "out" / "invert.png").exists()
    noise = torch.load(tmp_path / "out" / "inverted-050.pt")
    assert float(noise.std()) == pytest.approx(found[1].noise_std, rel=1e-5)


@pytest.mark.parametrize(
    ("mode", "size", "ending"),
    [
        *(("RGB", (33, 20), "jpg"), ("CMYK", (20, 33), "jpg"), ("RGBA", (9, 40), "png"), ("LA", (40, 9), "png")),
        *(("P", (20, 20), "gif"), ("L", (1, 1), "png"), ("I;16", (30, 17), "png"), ("1", (17, 64), "bmp")),
        ("RGB", (300, 200), "webp"),
    ],
)
def test_a_picture_of_any_size_and_kind_is_inverted_and_shown_part_by_part(tiny, tmp_path, mode, size, ending):
    tiny.save(tmp_path / "faces.safetensors", dtype=torch.float32)
    values = np.random.RandomState(0).randint(0, 255, (size[1], size[0], 4)).astype(np.uint8)
    drawn = Image.fromarray(values)
    if mode == "I;16":
        drawn = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    else:
        drawn = (drawn if mode in ("RGBA", "LA") else drawn.convert("RGB")).convert(mode)
    path = tmp_path / f"mine.{ending}"
    drawn.save(path)
    out = tmp_path / "out"
    found = invert(InvertOptions(path, out, tmp_path / "faces.safetensors", steps=(3, 20), refinements=1))
    kept = json.loads((out / "invert.json").read_text())
    original = np.asarray(Image.open(out / kept["original"]))
    assert original.shape == (16, 16, 3)
    wanted = fitted(open_picture(path), (16, 16), "crop", channels=3, upscale=True, where=path)
    assert np.array_equal(original, wanted.transpose(1, 2, 0))
    assert kept["values"] == 3 * 16 * 16
    for one, told in zip(found, kept["found"]):
        noise = torch.load(out / told["noise"])
        assert told["noise_norm"] == one.noise_norm == pytest.approx(float(noise.double().square().sum()) ** 0.5)
        back = np.asarray(Image.open(out / told["reconstruction"]))
        assert told["mse"] == pytest.approx(((back.astype(float) - original) ** 2).mean())
        shown = np.asarray(Image.open(out / told["noise_picture"])).astype(float)
        seen = (noise[0].permute(1, 2, 0).clamp(-3, 3) / 3 + 1) * 127.5
        assert np.abs(shown - seen.numpy()).max() <= 0.51
        note = note_in(out / told["reconstruction"])
        assert (note["command"], note["image"], note["steps"]) == ("faces invert", path.name, one.steps)


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "me.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"me\.jpg: cannot be decoded"):
        invert(InvertOptions(tmp_path / "me.jpg"))
    with pytest.raises(UserError, match="at least one number of steps"):
        invert(InvertOptions(tmp_path / "me.jpg", steps=()))


def test_the_picture_is_named_where_it_is_missing_and_turned_as_its_camera_says(tiny, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"nope\.png: there is no such file; check the path"):
        invert(InvertOptions(tmp_path / "nope.png"))
    pixels = np.random.RandomState(0).randint(0, 255, (16, 16, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    seen = []
    monkeypatch.setattr("sfumato.faces.invert.noise_of", lambda model, x, *more: seen.append(x) or torch.zeros_like(x))
    tiny.save(tmp_path / "tiny.safetensors")
    invert(InvertOptions(tmp_path / "a.png", tmp_path / "out", tmp_path / "tiny.safetensors", steps=(2,)))
    assert np.array_equal(to_pixels(seen[0])[0].numpy(), np.rot90(pixels, -1))
