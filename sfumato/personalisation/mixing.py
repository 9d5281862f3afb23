"""Cut-Mix-Unmix (Han et al. 2023, "SVDiff", section 3.3): two things side by side, with a text that says so.

    [photo of <new1> | photo in the style of <new2>]      "a <new1> next to a digit in the style of <new2>"
    [painted picture | photo of <new1>              ]      "a chalk three on the left and a <new1> on the right"

Concepts that are learned together, each from photos of it alone, are never seen beside each other: in one prompt one
takes the other's look, or its place. Composed pictures say in pixels what the text means. They are composed before the
autoencoder, which sees across the seam as it will where it paints. A painted picture in a half keeps the prompt that it
was painted for (`priors`): it says that what stands beside a concept may be anything, and keeps its own look.

Composed pictures are a share of what is learned, beside photos alone, or a concept would be learned as half a picture
(what was tried is in records/2026-11-28-several-concepts.md).

What is left out is that paper's "unmix" loss, the squared attention of each word to the other's half. It is for objects
that stand at places of a text that are known, against seams that are painted: a style's word has no half that is its
own alone, attention would have to be computed in parts that are kept (a full-size U-Net: 16 layers of up to 4096 x 77
for each head, in place of one fused pass), and the loss of the composed pictures already rises where a word paints into
the other's half.
"""

import re
from dataclasses import dataclass
from random import Random
from typing import Iterator, List, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion import seed_of
from ..errors import UserError
from ..images import from_pixels
from ..options import check_options, choice, number

FITS = ("squeeze", "crop")
JOINS = (
    "{left} next to {right}",
    "{left} beside {right}",
    "{left} and {right}",
    "{left} to the left of {right}",
    "{left} side by side with {right}",
    "{left} with, at its right, {right}",
    "{left} on the left and {right} on the right",
)
"""How a text says what stands at the left and what at the right."""
_BETWEEN = tuple(join[len("{left}") :].partition("{right}")[0] for join in JOINS)
_BEGINNING = re.compile(
    r"(?:(?:an?|the) )(?:[\w-]+ )?(?:photo|picture|image|close-up|painting|drawing|sketch|scene|detail) of (?:one )?"
    r"|there is "
)


@dataclass(frozen=True)
class Mixing:
    """How two pictures become one."""

    fit: str = choice("squeeze", FITS)
    """How a picture goes into its half: squeezed (whole, and narrower) or cropped (its middle)."""
    seam: float = number(0.0, 0, 0.25)
    """How far from the middle the seam may be, as a share of the width; each picture's is drawn."""
    together: float = number(0.5, 0, 1)
    """The share of composed pictures that show two concepts; the others show one beside a prior picture."""


class Half(NamedTuple):
    """What can stand in one half: pictures of one concept, or prior pictures."""

    pictures: Tensor
    """[N, 3, S, S], float in [-1, 1] or uint8."""
    names: Tuple[Tuple[str, ...], ...]
    """How a text may say what each picture shows, such as ("a <new1>",)."""


class Composed(NamedTuple):
    """Two pictures side by side."""

    picture: Tensor
    """float32 [3, S, S] in [-1, 1]."""
    texts: Tuple[str, ...]
    """All that say what it shows."""
    seam: int
    """The first column of the right half."""


def said(text: str) -> str:
    """What a text says is there, without "a photo of" before it, to be said of one half."""
    beginning = _BEGINNING.match(text)
    return text[beginning.end() :] if beginning else text


def is_of_one(text: str) -> bool:
    """Whether a text says one thing, by the words of JOINS; of pictures with two, halves would show four."""
    return not any(between in text for between in _BETWEEN)


def concept_half(pictures: Tensor, texts: Sequence[Sequence[str]]) -> Half:
    """A concept's photos as halves.

    Args:
        pictures: squares of photos, [N, 3, S, S].
        texts: that each is shown with; they are said without "a photo of".
    """
    return Half(pictures, tuple(tuple(dict.fromkeys(said(text) for text in each)) for each in texts))


def prior_half(pictures: Tensor, prompts: Sequence[str]) -> Half:
    """Those of the prior pictures that show one thing, as halves.

    Args:
        pictures: [N, 3, S, S].
        prompts: of each.
    """
    kept = [place for place, prompt in enumerate(prompts) if is_of_one(prompt)]
    return Half(pictures[torch.tensor(kept, dtype=torch.long)], tuple((said(prompts[place]),) for place in kept))


def compose(left: Tensor, right: Tensor, seam: int, fit: str = "squeeze") -> Tensor:
    """Two squares in one: [3, S, S] in [-1, 1].

    Args:
        left: [3, S, S], float in [-1, 1] or uint8.
        right: of the same size.
        seam: the first column of the right one, 1 ... S - 1.
        fit: one of FITS.

    Raises:
        ValueError: for a seam outside, or an unknown fit.
    """
    size = left.shape[-1]
    if not 0 < seam < size:
        raise ValueError(f"the seam must be between 1 and {size - 1}, got {seam}")
    return torch.cat([_fitted(left, seam, fit), _fitted(right, size - seam, fit)], dim=2)


def _fitted(picture: Tensor, width: int, fit: str) -> Tensor:
    x = from_pixels(picture) if picture.dtype == torch.uint8 else picture
    if fit == "crop":
        begin = (x.shape[-1] - width) // 2
        return x[..., begin : begin + width]
    if fit != "squeeze":
        raise ValueError(f"unknown fit {fit!r}; choose one of {', '.join(FITS)}")
    narrow = F.interpolate(x[None].float(), (x.shape[-2], width), mode="bicubic", antialias=True, align_corners=False)
    # Bicubic weights below 0 lead beyond black and white.
    return narrow[0].clamp(-1, 1)


def composed(
    concepts: Sequence[Half], priors: Half, count: int, seed: int, mixing: Mixing = Mixing()
) -> Iterator[Composed]:
    """So many composed pictures, one after the other; each is a function of (seed, its number) and of what is given.

    Args:
        concepts: that are learned together; of one alone, each picture shows it beside a prior picture.
        priors: see `prior_half`; may be empty where there are two concepts, which then always stand together.
        count: of pictures.
        seed: of all that is drawn.
        mixing: how.

    Raises:
        UserError: for one concept without prior pictures, or settings out of range.
    """
    check_options(mixing)
    if len(concepts) < 2 and not len(priors.names):
        raise UserError("--mix: one concept has nothing to stand beside; give --prior, or a second concept with --also")
    return (_drawn(concepts, priors, seed_of(seed, "mixed", place), mixing) for place in range(count))


def _drawn(concepts: Sequence[Half], priors: Half, seed: int, mixing: Mixing) -> Composed:
    random = Random(seed)
    two = random.sample(range(len(concepts)), min(2, len(concepts)))
    together = random.random() < mixing.together
    if len(two) == 2 and (together or not len(priors.names)):
        halves: List[Half] = [concepts[one] for one in two]
    else:
        halves = [concepts[two[0]], priors]
        random.shuffle(halves)
    (left, left_names), (right, right_names) = (_one_of(half, random) for half in halves)
    size = left.shape[-1]
    seam = round(size * (0.5 + mixing.seam * (2 * random.random() - 1)))
    texts = [join.format(left=a, right=b) for a in left_names for b in right_names for join in JOINS]
    return Composed(compose(left, right, seam, mixing.fit), tuple(texts), seam)


def _one_of(half: Half, random: Random) -> Tuple[Tensor, Tuple[str, ...]]:
    place = random.randrange(len(half.names))
    return half.pictures[place], half.names[place]
