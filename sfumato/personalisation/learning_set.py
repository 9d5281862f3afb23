"""All that is learned from, encoded: photos, and beside them what the model painted before, and the two composed."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion import Schedule
from ..pictures.latents import LatentBatches
from ..stable_diffusion import StableDiffusion
from .crops import Crops, encoded_crops
from .mixing import Mixing, composed, concept_half, prior_half
from .priors import Priors
from .texts import PhotoTexts, texts_drawn

_FINE = 32
"""The least that a picture is drawn, so that rounding moves no share by more than a sixty-fourth."""


class Pool(NamedTuple):
    """Pictures of one kind."""

    crops: Crops
    texts: List[Tuple[str, ...]]
    """That each may be shown with."""
    share: float
    """Of all that is drawn."""


def photo_pool(crops: Crops, texts: PhotoTexts, mirrored: bool, share: float) -> Pool:
    """The photos of a concept.

    Args:
        crops: of the photos.
        texts: of the photos.
        mirrored: whether they are learned mirrored too.
        share: of all that is drawn.
    """
    shown = crops.with_mirrored() if mirrored else crops
    return Pool(shown, [texts.of[photo] for photo in shown.photo.tolist()], share)


def prior_pool(priors: Priors, size: int, factor: int, share: float) -> Pool:
    """Prior pictures, each with its prompt.

    Args:
        priors: the pictures.
        size: of the squares that are learned.
        factor: pixels of a latent's side.
        share: of all that is drawn.
    """
    return Pool(_whole(priors.crops(size), factor), [(prompt,) for prompt in priors.prompts], share)


def mixed_pool(
    concepts: Sequence[Pool], priors: Pool, count: int, seed: int, mixing: Mixing, factor: int, share: float
) -> Pool:
    """Composed pictures; what a mask hides of a photo is hidden in its half.

    Args:
        concepts: the photos of each concept.
        priors: what may stand beside them; may be empty.
        count: of composed pictures.
        seed: of all that is drawn.
        mixing: how.
        factor: pixels of a latent's side.
        share: of all that is drawn.

    Raises:
        UserError: for one concept without prior pictures.
    """
    prompts = [texts[0] for texts in priors.texts]
    halves = [concept_half(one.crops.pictures, one.texts) for one in concepts]
    made = list(composed(halves, prior_half(priors.crops.pictures, prompts), count, seed, mixing))
    # The same draws over again: how much each half shows, as a picture.
    shown = [half._replace(pictures=_as_pictures(one.crops.weights, factor)) for half, one in zip(halves, concepts)]
    beside = prior_half(_as_pictures(priors.crops.weights, factor), prompts)
    weights = [F.avg_pool2d((one.picture[:1] + 1) / 2, factor) for one in composed(shown, beside, count, seed, mixing)]
    pictures = torch.stack([((one.picture + 1) * 127.5).round().clamp(0, 255).to(torch.uint8) for one in made])
    whole = _whole(pictures, factor)._replace(weights=torch.stack(weights))
    return Pool(whole, [one.texts for one in made], share)


def no_priors(size: int, factor: int) -> Pool:
    """What stands beside concepts where there are no prior pictures."""
    return Pool(_whole(torch.zeros(0, 3, size, size, dtype=torch.uint8), factor), [], 0.0)


def _whole(pictures: Tensor, factor: int) -> Crops:
    count, side = len(pictures), pictures.shape[-1] // factor
    return Crops(pictures, torch.ones(count, 1, side, side), torch.arange(count), torch.ones(count, dtype=torch.long))


def _as_pictures(weights: Tensor, factor: int) -> Tensor:
    """Weights [N, 1, h, w] in [0, 1] as pictures [N, 1, S, S] in [-1, 1]."""
    return F.interpolate(weights, scale_factor=factor, mode="nearest") * 2 - 1 if len(weights) else weights


class LearningSet:
    """Pools of pictures through the autoencoder, from which batches are drawn.

    Args:
        model: on its device, with what is learned.
        pools: those of photos first.

    Raises:
        UserError: for a text that cannot be read whole.
    """

    def __init__(self, model: StableDiffusion, pools: Sequence[Pool]) -> None:
        self._sizes = [len(pool.texts) for pool in pools]
        self._moments = torch.cat([encoded_crops(model.vae, pool.crops) for pool in pools])
        self._weights = torch.cat([pool.crops.weights for pool in pools])
        self._often = shared_out([pool.crops.often for pool in pools], [pool.share for pool in pools])
        self._texts = texts_drawn(model.tokenizer(), [texts for pool in pools for texts in pool.texts])

    def batches(self, batch_size: int, schedule: Schedule, seed: int, pools: Optional[int] = None) -> LatentBatches:
        """Of each picture x0, t, eps, ids, and how much each latent's loss counts [n, 1, h, w].

        Args:
            batch_size: pictures in a global batch.
            schedule: of the noise.
            seed: of everything drawn.
            pools: only so many of them, the first ones; all by default.
        """
        part = slice(sum(self._sizes[:pools]))
        moments, weights, often = (one[part] for one in (self._moments, self._weights, self._often))
        return LatentBatches(moments, self._texts, batch_size, schedule, seed, often, [weights])


def shared_out(often: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """How often each picture is drawn, so that each pool is its share of all: int64 [sum of the pools' sizes].

    Args:
        often: of each pool, how often its pictures are drawn beside each other, int64, at least 1.
        shares: of each pool, above 0; they need not sum to 1.

    Returns:
        Whole numbers, the shares within 2%.
    """
    if len(often) == 1:
        return often[0]
    totals = [int(one.sum()) for one in often]
    largest = max(total / share for total, share in zip(totals, shares))
    return torch.cat([one * round(_FINE * largest * share / total) for one, total, share in zip(often, totals, shares)])
