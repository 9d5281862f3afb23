"""Pictures told apart by names alone, with CLIP: the machinery of `zero-shot` and `classify` (Radford et al. 2021).

Each name becomes a text, "A photo of {}."; with several templates its direction is the mean of theirs, made length 1
again. The logit of a name is the cosine between its direction and the picture's, times one over the temperature.
"""

from pathlib import Path
from typing import Iterator, List, Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .bars import Bar
from .clip import Clip
from .errors import UserError
from .images import MOST_PIXELS, open_picture

ENSEMBLE = (
    "A photo of {}.",
    "A small picture of {}.",
    "A blurry photo of {}.",
    "A close-up of {}.",
    "A photo of one {}.",
    "A bright photo of {}.",
    "This is {}.",
)
"""Templates whose mean is less at the mercy of one wording."""
MOST_NAMES = 25_000
"""The largest ImageNet has 21,841."""
LONGEST_NAME = 300
_AT_ONCE = 100


def templates_of(template: Sequence[str], ensemble: bool) -> List[str]:
    """The templates that are asked for.

    Raises:
        UserError: if there is none, or one has not {} once.
    """
    templates = list(ENSEMBLE if ensemble else template)
    if not templates:
        raise UserError("--template: give at least one")
    for one in templates:
        if one.count("{}") != 1:
            raise UserError(f"the template {one!r} must have {{}} once, where the label goes")
    return templates


def is_name(text: str) -> bool:
    """Whether a text can be a class's name: one line, not too long."""
    return len(text) <= LONGEST_NAME and text.isprintable()


def class_directions(clip: Clip, names: Sequence[str], templates: Sequence[str]) -> Tensor:
    """The direction of each class [n, d]: the mean over templates, of length 1."""
    per_template = [clip.texts([template.replace("{}", name) for name in names]) for template in templates]
    return F.normalize(torch.stack(per_template).mean(dim=0), dim=-1)


def logits_of(clip: Clip, paths: Sequence[Path], names: Sequence[str], templates: Sequence[str]) -> Tensor:
    """What CLIP answers for pictures, under a bar: logits [N, n], a row a picture and a column a name.

    Args:
        clip: that answers.
        paths: of pictures, at least one.
        names: of the classes.
        templates: see `templates_of`.

    Raises:
        UserError: for a picture that cannot be read.
    """
    batches, found = _opened(paths), []
    # Before the bar, so that of a few pictures a damaged one is told in a line alone.
    some = next(batches, [])
    texts = class_directions(clip, names, templates)
    with Bar(total=len(paths), desc="classifying", unit="picture") as bar:
        while some:
            found.append(clip.scale * clip.pictures(some) @ texts.T)
            bar.update(len(some))
            some = next(batches, [])
    return torch.cat(found)


def _opened(paths: Sequence[Path]) -> Iterator[List[Image.Image]]:
    """Pictures, as many at a time as have no more pixels together than one may have: photos are large."""
    some: List[Image.Image] = []
    for path in paths:
        some.append(open_picture(path))
        if len(some) == _AT_ONCE or sum(one.width * one.height for one in some) > MOST_PIXELS:
            yield some
            some = []
    if some:
        yield some
