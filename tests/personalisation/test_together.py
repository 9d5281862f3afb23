"""All parts as a learning uses them, on the small world."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.checkpoints import Embedding
from sfumato.personalisation.crops import crops_of
from sfumato.personalisation.learning_set import LearningSet, photo_pool
from sfumato.personalisation.losses import masked_loss
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos
from sfumato.personalisation.texts import PhotoTexts
from sfumato.stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion

from .drawn import save_mask

WORD, SIDE = "<new1>", 96


@pytest.fixture(scope="module")
def model():
    return StableDiffusion.load(SMALL_WORLD)


def dataset(folder, frame, masks):
    """Two photos in kohya's folders, of which a frame of 28 pixels has a colour."""
    for number, name in enumerate((f"3_a photo of {WORD}", f"1_my {WORD}")):
        (folder / name).mkdir(parents=True)
        pixels = np.empty((SIDE, SIDE, 3), np.uint8)
        pixels[:] = frame
        across, down = np.meshgrid(np.arange(40), np.arange(40))
        pixels[28:68, 28:68] = np.stack([across * 4, down * 4, np.full_like(down, 90 * number)], axis=-1)
        Image.fromarray(pixels).save(folder / name / "a.png")
        if masks:
            save_mask(folder / name / "a-masklabel.png", (28, 28, 68, 68), SIDE, SIDE)
    return folder


def gradient(model, folder):
    """Of a word's vectors at the first step, as the photos of a folder have it, and the step's loss."""
    options = PhotoOptions(crops=2)
    photos = read_photos(folder, options, WORD)
    crops = crops_of(photos, options, model.size, model.vae.factor, seed=0)
    vectors = model.text.token_embedding.weight[[320]].detach().clone().requires_grad_()
    model.learn_words([Embedding(WORD, vectors, {})])
    texts = PhotoTexts(photos, ("a {}",), WORD)
    learned = LearningSet(model, [photo_pool(crops, texts, True, 1.0)])
    x0, t, eps, ids, weights = learned.batches(8, SCHEDULE, 0)(0, slice(None))
    loss = masked_loss(model.denoiser(model.states(ids)), x0, t, eps, weights).mean()
    loss.backward()
    return vectors.grad, float(loss.detach())


def test_what_lies_outside_the_mask_teaches_a_word_nothing(model, tmp_path):
    found = {
        (frame, masks): gradient(model, dataset(tmp_path / f"{frame} {masks}", colour, masks))
        for frame, colour in (("grey", (110, 115, 120)), ("bright", (255, 0, 255)))
        for masks in (True, False)
    }
    masked, bright = found["grey", True], found["bright", True]
    assert torch.equal(masked[0], bright[0]) and masked[1] == bright[1] and masked[0].abs().max() > 0
    plain, plain_bright = found["grey", False][0], found["bright", False][0]
    assert float((plain - plain_bright).norm() / plain.norm()) > 0.5, "which it does without one"
