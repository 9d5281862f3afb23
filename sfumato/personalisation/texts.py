"""The texts that photos are shown with while something is learned, and how each row of a batch gets one of them."""

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import read_text
from ..errors import UserError, in_one_line
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..pictures.latents import Texts
from .captions import WORD
from .photos import Photos


def read_templates(path: Path) -> Tuple[str, ...]:
    """The texts of a file, one a line, each with {} once, where the word goes.

    Raises:
        UserError: for a file that cannot be read, has none, or a line without it.
    """
    lines = read_text(path, "give a text file").splitlines()
    found = tuple(line.strip() for line in lines if line.strip())
    bad = next((number for number, line in enumerate(lines, 1) if line.strip() and line.count(WORD) != 1), None)
    if bad is not None or not found:
        where = f"line {bad}" if bad else "it is empty"
        raise UserError(f"{path}: {where}: each line must have {WORD} once, where the word goes")
    return found


class PhotoTexts:
    """The texts of each photo: its caption, or all templates.

    Args:
        photos: with their captions.
        templates: with {} where the word goes.
        word: that is put there: a learned word, or where none is learned plain words for what is.

    Attributes:
        of: the texts of each photo.
    """

    def __init__(self, photos: Photos, templates: Sequence[str], word: str) -> None:
        shared = tuple(template.replace(WORD, word) for template in templates)
        self.of: List[Tuple[str, ...]] = [
            shared if photo.caption is None else (photo.caption.replace(WORD, word),) for photo in photos
        ]

    def all(self) -> Tuple[str, ...]:
        """Each text once, in the order of the photos."""
        return tuple(dict.fromkeys(text for texts in self.of for text in texts))

    def first_texts(self, tokenizer: Tokenizer, count: int = 10) -> List[str]:
        """The first texts as they will be read, a line each, with what of them is cut off; and how many more there are.

        Args:
            tokenizer: of the model, with what is learned.
            count: of texts.
        """
        texts = self.all()
        lines = []
        for text in texts[:count]:
            cut = tokenizer(text).cut
            read = text[: len(text) - len(cut)].rstrip()
            lines.append(in_one_line(read + (f" | not read, too long: {cut}" if cut else "")))
        return lines + ([f"and {len(texts) - count} more"] if len(texts) > count else [])


def texts_drawn(tokenizer: Tokenizer, texts: Sequence[Tuple[str, ...]]) -> Texts:
    """What chooses a text for each row of a batch, for `LatentBatches`: any of its picture's.

    Args:
        tokenizer: of the model, with what is learned.
        texts: of each picture, at least one.

    Raises:
        UserError: naming a text that is so long that a learned word in it is not read.
    """
    places: Dict[Tuple[str, ...], int] = {}
    ids: List[List[int]] = []
    for some in texts:
        if some not in places:
            places[some] = len(ids)
            ids += [_ids(tokenizer, text) for text in some]
    table = torch.tensor(ids)
    begins, counts = (torch.tensor([number(some) for some in texts]) for number in (places.__getitem__, len))

    def chosen(picked: Tensor, step: int, source: torch.Generator) -> Tensor:
        drawn = (torch.rand(len(picked), generator=source) * counts[picked]).long()
        return table[begins[picked] + drawn]

    return chosen


def _ids(tokenizer: Tokenizer, text: str) -> List[int]:
    tokens = tokenizer(text)
    read = set(tokenizer.words(text[: len(text) - len(tokens.cut)]))
    lost = [word for word in tokenizer.words(text) if word not in read]
    if lost:
        raise UserError(
            f"{in_one_line(text)!r} with {lost[0]} is longer than {len(tokens.ids)} tokens, and the word is cut off;"
            " take fewer --vectors, or a shorter text"
        )
    return tokens.ids
