"""Squares of photos, what of them counts, and that nothing hidden reaches the network."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.diffusion import make_loss, seed_of, training_loss
from sfumato.errors import UserError
from sfumato.models.stable_diffusion.vae import LATENT_SCALE
from sfumato.personalisation.crops import crops_of, encoded_crops
from sfumato.personalisation.losses import masked_loss
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion

from .drawn import noise, save_mask, save_photo


def cut(folder, size=16, factor=4, seed=0, **options):
    chosen = PhotoOptions(**options)
    return crops_of(read_photos(folder, chosen, None), chosen, size, factor, seed)


@pytest.mark.parametrize("crops", [1, 3])
def test_without_masks_the_squares_are_those_that_were_always_learned(tmp_path, crops):
    photos = [save_photo(tmp_path / f"{name}.png", seed, 40, 30) for seed, name in enumerate("ab")]
    found = cut(tmp_path, crops=crops, seed=5)
    source, wanted = torch.Generator().manual_seed(seed_of(5, "crops")), []
    for path in (path for path in photos for _ in range(crops)):
        share, across, down = torch.rand(3, generator=source).tolist() if crops > 1 else (1.0, 0.5, 0.5)
        side = 30 * (0.8 + 0.2 * share)
        left, top = across * (40 - side), down * (30 - side)
        part = Image.open(path).resize((16, 16), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        wanted.append(np.asarray(part).transpose(2, 0, 1))
    assert np.array_equal(found.pictures, np.stack(wanted))
    assert torch.equal(found.weights, torch.ones(2 * crops, 1, 4, 4))
    assert found.photo.tolist() == [0] * crops + [1] * crops and found.often.tolist() == [1] * 2 * crops
    assert torch.equal(cut(tmp_path, crops=crops, seed=5).pictures, found.pictures)
    assert torch.equal(cut(tmp_path, crops=crops, seed=6).pictures, found.pictures) == (crops == 1)


def test_a_mask_goes_where_its_photo_goes_and_is_averaged_over_each_latent(tmp_path):
    """The middle square of 40x20 begins at 10, and is halved: a latent has 10 pixels of the photo."""
    save_photo(tmp_path / "a.png", 0, 40, 20)
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 26, 10), 40, 20)
    found = cut(tmp_path, size=10, factor=5)
    wanted = torch.tensor([[1.0, 0.6], [0.0, 0.0]])
    torch.testing.assert_close(found.weights[0, 0], wanted, atol=1e-6, rtol=0)
    mirrored = found.with_mirrored()
    torch.testing.assert_close(mirrored.weights[1, 0], wanted.flip(-1), atol=1e-6, rtol=0)
    assert torch.equal(mirrored.pictures[::2], found.pictures)
    assert torch.equal(mirrored.pictures[1], found.pictures[0].flip(-1))
    assert mirrored.photo.tolist() == [0, 0] and mirrored.often.tolist() == [1, 1]


def test_a_square_that_shows_nothing_of_its_mask_is_refused(tmp_path):
    save_photo(tmp_path / "a.png", 0, 40, 20)
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 10, 20), 40, 20)
    with pytest.raises(UserError, match=r"a\.png: its square has less than one latent of what its mask shows; take"):
        cut(tmp_path, size=10, factor=5)
    assert float(cut(tmp_path, size=16, factor=4, fit="pad").weights.sum()) == pytest.approx(2, abs=1e-5)
    with pytest.raises(UserError, match="what its mask shows; make its mask larger"):
        cut(tmp_path, size=4, factor=4, fit="pad")


def test_random_squares_have_what_the_mask_shows(tmp_path):
    """A thing of 6x6 pixels at the end of a photo that is five times as wide: most squares miss it."""
    save_photo(tmp_path / "a.png", 0, 100, 20)
    save_mask(tmp_path / "a-masklabel.png", (92, 7, 98, 13), 100, 20)
    found = cut(tmp_path, size=20, factor=1, crops=12)
    assert all(float(one.sum()) > 0.45 * 36 for one in found.weights)
    assert len({one.numpy().tobytes() for one in found.pictures}) > 6
    save_mask(tmp_path / "a-masklabel.png", (0, 0, 100, 20), 100, 20)
    shown = cut(tmp_path, size=20, factor=1, crops=12)
    torch.testing.assert_close(shown.weights, torch.ones(12, 1, 20, 20), atol=1e-6, rtol=0)
    (tmp_path / "a-masklabel.png").unlink()
    assert torch.equal(shown.pictures, cut(tmp_path, size=20, factor=1, crops=12).pictures)


@pytest.mark.parametrize(("width", "height"), [(32, 16), (16, 32), (64, 1), (16, 16)])
def test_padding_keeps_all_of_a_photo_and_hides_what_is_added(tmp_path, width, height):
    pixels = noise(height, width, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = cut(tmp_path, size=max(width, height), factor=1, fit="pad")
    picture, shown = found.pictures[0].permute(1, 2, 0).numpy(), found.weights[0, 0].numpy().astype(bool)
    assert np.array_equal(picture[shown].reshape(pixels.shape), pixels)
    rows, columns = np.nonzero(shown)
    assert (rows.min(), columns.min()) == tuple((max(width, height) - side) // 2 for side in (height, width))
    assert (abs(picture[~shown] - pixels.mean(axis=(0, 1))) <= 0.51).all()


def test_what_is_hidden_takes_the_mean_colour_of_what_is_shown(tmp_path):
    pixels = noise(20, 20, 4)
    pixels[..., 3] = 0
    pixels[4:12, 2:10, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture = cut(tmp_path, size=20, factor=1).pictures[0].permute(1, 2, 0).numpy()
    shown = pixels[4:12, 2:10, :3]
    assert np.array_equal(picture[4:12, 2:10], shown)
    assert (abs(picture[12:] - shown.mean(axis=(0, 1))) <= 0.51).all()


@pytest.fixture(scope="module")
def model():
    return StableDiffusion.load(SMALL_WORLD)


def framed(folder, frame, mask):
    """A folder with a photo whose middle is always the same; the mask of that middle is round."""
    across, down = np.meshgrid(np.arange(120), np.arange(120))
    inside = (across - 55) ** 2 + (down - 63) ** 2 < 33**2
    pixels = np.where(inside[..., None], noise(120, 120, 3) // 2 + 60, np.array(frame, np.uint8)).astype(np.uint8)
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "a.png")
    if mask:
        Image.fromarray((inside * 255).astype(np.uint8)).save(folder / "a-masklabel.png")
    return folder


GREY, BRIGHT = (110, 115, 120), (255, 0, 255)


@torch.no_grad()
def losses(model, crops, weights):
    """At noises and times that are the same for all."""
    x0 = LATENT_SCALE * encoded_crops(model.vae, crops).chunk(2, dim=1)[0].repeat(4, 1, 1, 1)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([100, 300, 500, 800])
    denoiser = model.denoiser(model.encode([model.tokenizer()("a photo of a three")] * 4))
    found = masked_loss(denoiser, x0, t, eps, weights.repeat(4, 1, 1, 1))
    return found, training_loss(denoiser, x0, t, eps, make_loss("uniform"))


def test_a_coloured_frame_outside_the_mask_is_not_learned(model, tmp_path):
    """With a mask its colour changes nothing at all. Without one it changes the loss; with the loss alone masked, and
    the frame left for the autoencoder to see, it still does."""

    def pair(mask):
        folders = [framed(tmp_path / f"{mask} {frame}", frame, mask) for frame in (GREY, BRIGHT)]
        return [cut(folder, model.size, model.vae.factor) for folder in folders]

    grey, bright = pair(True)
    (masked, _), (masked_bright, _) = (losses(model, one, one.weights) for one in (grey, bright))
    assert torch.equal(masked, masked_bright)
    plain, plain_bright = pair(False)
    found, found_bright = (losses(model, one, one.weights) for one in (plain, plain_bright))
    apart = (found[0] - found_bright[0]).abs() / found[0]
    assert torch.equal(found[0], found[1]), "without a mask it is the plain loss"
    seen, seen_bright = (losses(model, one, grey.weights)[0] for one in (plain, plain_bright))
    leaked = (seen - seen_bright).abs() / seen
    assert float(apart.mean()) > 0.05 and float(leaked.mean()) > 0.01, (apart, leaked)
