"""Photos as the squares that a network learns, with how much of each latent's loss counts.

What a mask hides takes the mean colour of what it shows before anything else is done, because an autoencoder looks at
all of a picture for each of its latents: nothing hidden reaches them, not even by the resizing. What is added to a
photo that is not square is hidden likewise.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageStat
from torch import Tensor

from ..bars import Bar
from ..diffusion import seed_of
from ..errors import UserError
from ..images import from_pixels
from ..models.stable_diffusion import VAE
from .options import PhotoOptions
from .photos import Photo, Photos

Box = Tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a photo."""
_SMALLEST, _LARGER = 0.8, 0.2
"""A random square's side, in the photo's shorter one, and by how much it may be larger."""
_TRIES = 20
_SHOWN = 128


class Crops(NamedTuple):
    """What is learned, as many squares of each photo."""

    pictures: Tensor
    """uint8 [N, 3, size, size]."""
    weights: Tensor
    """How much of it each latent shows, float32 [N, 1, h, w] in [0, 1]; 1 everywhere where nothing is hidden."""
    photo: Tensor
    """The place of its photo, int64 [N]."""
    often: Tensor
    """How often it is drawn beside the others, int64 [N]."""

    def with_mirrored(self) -> "Crops":
        """Each, and after it its mirror image."""
        pictures, weights = (
            torch.stack([one, one.flip(-1)], dim=1).flatten(0, 1) for one in (self.pictures, self.weights)
        )
        return Crops(pictures, weights, self.photo.repeat_interleave(2), self.often.repeat_interleave(2))


def crops_of(photos: Photos, options: PhotoOptions, size: int, factor: int, seed: int) -> Crops:
    """The squares of all photos, in their order.

    Args:
        photos: to be cut.
        options: how.
        size: of the squares, to which a photo's shorter side is scaled, or its longer one where it is padded.
        factor: pixels of a latent's side.
        seed: of the places of random squares.

    Raises:
        UserError: naming a photo of which a square would show nothing.
    """
    source = torch.Generator().manual_seed(seed_of(seed, "crops"))
    pictures, weights = [], []
    for photo in photos:
        for picture, shown in _cut(photo, options, size, source):
            weight = F.avg_pool2d(shown[None], factor)
            if weight.sum() < 1:
                advice = "make its mask larger" if options.fit == "pad" else "take --fit pad"
                raise UserError(f"{photo.path}: its square has less than one latent of what its mask shows; {advice}")
            pictures.append(picture)
            weights.append(weight)
    places = torch.arange(len(photos)).repeat_interleave(options.crops)
    often = torch.tensor([photo.repeats for photo in photos])
    return Crops(torch.stack(pictures), torch.stack(weights), places, often[places])


def _cut(photo: Photo, options: PhotoOptions, size: int, source: torch.Generator) -> List[Tuple[Tensor, Tensor]]:
    """(picture, uint8 [3, size, size]; how much each pixel shows, [size, size] in [0, 1]) of each square."""
    image, mask = photo.open()
    colour = _mean_colour(image, mask)
    if mask is not None:
        image = Image.composite(image, Image.new("RGB", image.size, colour), mask)
    if options.fit == "pad":
        return [_padded(image, mask, colour, size)]
    boxes = [_box(image, mask, options.crops > 1, source) for _ in range(options.crops)]
    return [(resized(image, size, box), _shown(mask, (size, size), box)) for box in boxes]


def _mean_colour(image: Image.Image, mask: Optional[Image.Image]) -> Tuple[int, ...]:
    shown = None if mask is None else _light(mask)
    return tuple(round(level) for level in ImageStat.Stat(image, shown).mean)


def _light(mask: Image.Image) -> Image.Image:
    """What a mask shows mostly, in white on black."""
    return mask.point([255 if level >= _SHOWN else 0 for level in range(256)])


def _padded(
    image: Image.Image, mask: Optional[Image.Image], colour: Tuple[int, ...], size: int
) -> Tuple[Tensor, Tensor]:
    width, height = (max(1, round(side * size / max(image.size))) for side in image.size)
    left, top = (size - width) // 2, (size - height) // 2
    paper = Image.new("RGB", (size, size), colour)
    paper.paste(image.resize((width, height), Image.Resampling.BICUBIC), (left, top))
    shown = torch.zeros(size, size)
    shown[top : top + height, left : left + width] = _shown(mask, (width, height), (0.0, 0.0, *image.size))
    return _tensor(paper), shown


def _box(image: Image.Image, mask: Optional[Image.Image], random: bool, source: torch.Generator) -> Box:
    """A square; a random one has as much of what the mask shows as fits, where that lies together. Where it lies apart,
    squares are drawn anew until one has half of it, or is half full."""
    if not random or mask is None:
        return square(image.size, random, source)
    around = _light(mask).getbbox()
    whole, best = _area(mask, (0.0, 0.0, *image.size)), None  # type: float, Optional[Tuple[float, Box]]
    for _ in range(_TRIES):
        box = square(image.size, True, source, around)
        found = _area(mask, box)
        if best is None or found > best[0]:
            best = (found, box)
        if found >= min(whole, (box[2] - box[0]) ** 2) / 2:
            break
    assert best is not None
    return best[1]


def square(
    size: Tuple[int, int], random: bool, source: torch.Generator, around: Optional[Tuple[int, int, int, int]] = None
) -> Box:
    """The middle square of a picture, or one of at least 80% of its shorter side at a random place.

    Args:
        size: width and height of the picture.
        random: whether it is.
        source: of the place.
        around: a part that a random one holds, or lies in where it is smaller; the whole picture by default.
    """
    share, across, down = torch.rand(3, generator=source).tolist() if random else (1.0, 0.5, 0.5)
    side = min(size) * (_SMALLEST + _LARGER * share)
    ends = (0, 0, *size) if around is None else around
    left, top = (
        _between(first, last - side, length - side, at)
        for first, last, length, at in zip(ends[:2], ends[2:], size, (across, down))
    )
    return left, top, left + side, top + side


def _between(one: float, other: float, most: float, share: float) -> float:
    begin, end = (min(max(place, 0.0), most) for place in (one, other))
    return begin + share * (end - begin)


def resized(image: Image.Image, size: int, box: Box) -> Tensor:
    """A part of an RGB picture as uint8 [3, size, size]."""
    return _tensor(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).contiguous()


def _shown(mask: Optional[Image.Image], size: Tuple[int, int], box: Box) -> Tensor:
    """How much each pixel of a scaled part shows, [height, width] in [0, 1]."""
    if mask is None:
        return torch.ones(size[1], size[0])
    scaled = np.asarray(mask.convert("F").resize(size, Image.Resampling.BOX, box=box))
    return torch.from_numpy(scaled / np.float32(255)).clamp(0, 1)


def _area(mask: Image.Image, box: Box) -> float:
    """What a part of a mask shows, in pixels."""
    part = float(_shown(mask, (1, 1), box))
    return part * (box[2] - box[0]) * (box[3] - box[1])


def joined(crops: Sequence[Crops]) -> Crops:
    """Those of several folders as one; the places of their photos are counted on."""
    counts = [0, *(int(one.photo.max()) + 1 for one in crops)]
    places = [one.photo + sum(counts[: number + 1]) for number, one in enumerate(crops)]
    pictures, weights, often = (
        torch.cat([getattr(one, name) for one in crops]) for name in ("pictures", "weights", "often")
    )
    return Crops(pictures, weights, torch.cat(places), often)


@torch.no_grad()
def encoded_crops(vae: VAE, crops: Crops) -> Tensor:
    """What the autoencoder answers: mean and log variance [N, 2 latent, h, w], float32 on the CPU.

    Args:
        vae: on the device to encode on.
        crops: to be encoded, one at a time.
    """
    device = vae.quant_conv.weight.device
    shown = Bar(crops.pictures, "encoding photos", leave=False)
    answers = [vae.moments(from_pixels(one[None]).to(device)) for one in shown]
    return torch.cat([torch.cat(answer, dim=1).float().cpu() for answer in answers])
