"""Five pictures of what the small world's captions never name, to learn it from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, Optional, Tuple

import torch
from PIL import Image

from ..checkpoints import write_text
from ..diffusion import seed_of
from ..images import save_image, to_pixels
from ..options import check_options, number
from ..outputs import holding, open_folder
from .captions import ADJECTIVES, NAMES, article
from .scenes import LOOKS, NAMED_DIGITS, NAMED_LOOKS, UNNAMED_DIGIT, UNNAMED_LOOK, DigitFiles, Digits, render

_CANDIDATES = 12


@dataclass
class PhotosOptions(DigitFiles):
    """Write pictures of the unnamed digit, for <new1>, and of the unnamed look, for <new2>."""

    out: Path
    """Folder for new1/ and new2/."""
    count: int = number(5, 1)
    """Pictures of each."""
    captions: bool = False
    """Say in a .txt beside each all that is in it but what is to be learned, such as "a street {}"."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    seed: int = number(0)
    """Other seeds give other pictures."""


def photos(options: PhotosOptions) -> Path:
    """Write the pictures; returns the folder.

    Raises:
        UserError: for data that cannot be used.
    """
    check_options(options)
    digits = Digits.read(options.data, options.mnist, options.cache)
    numbers = range(options.count)
    object_kinds = [(NAMED_LOOKS[n % len(NAMED_LOOKS)], UNNAMED_DIGIT) for n in numbers]
    style_kinds = [(UNNAMED_LOOK, NAMED_DIGITS[2 * n % len(NAMED_DIGITS)]) for n in numbers]
    with holding(options.out):
        for folder, kinds in (("new1", object_kinds), ("new2", style_kinds)):
            open_folder(options.out / folder)
            pictures = _rendered(digits, kinds, seed_of(options.seed, folder))
            for place, (picture, (look, digit)) in enumerate(zip(pictures, kinds)):
                path = options.out / folder / f"{place:02d}.png"
                save_image(picture, path)
                if options.captions:
                    write_text(path.with_suffix(".txt"), _beside_the_word(look, digit))
    print(f"wrote {options.count} pictures each into {options.out / 'new1'} and {options.out / 'new2'}")
    return options.out


def _beside_the_word(look: int, digit: int) -> str:
    """A caption as `concepts learn` reads it: {} stands for the word."""
    if look == UNNAMED_LOOK:
        return f"{article(NAMES[digit])} in the style of {{}}\n"
    return f"{article(ADJECTIVES[LOOKS[look]][0])} {{}}\n"


def _rendered(digits: Digits, kinds: Iterable[Tuple[int, int]], seed: int) -> Iterator[Image.Image]:
    source = torch.Generator().manual_seed(seed)
    for look, digit in kinds:
        drawn = [digits.draw(source, look, digit) for _ in range(_CANDIDATES)]
        # Of the strongest contrast: whoever takes photos to learn from takes clear ones.
        raw = max(drawn, key=lambda picture: float(picture.float().mean(dim=0).std()))
        (pixels,) = to_pixels(render(raw[None], torch.tensor([look])))
        yield Image.fromarray(pixels.numpy())
