"""Learned words from several files: of several stages of one word the newest, of two files with one token neither."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch

from ..errors import UserError
from .embeddings import Embedding


class GivenWord(NamedTuple):
    """A word and where it is from."""

    file: Path
    word: Embedding
    by_user: bool = True
    """Whether the user named the file or its folder."""
    stages: int = 1
    """How many stages of this word its folder holds, of which it is the newest."""


def newest(words: Sequence[GivenWord]) -> List[GivenWord]:
    """The words of one folder, of each token only the newest stage.

    Files of one token are stages of it where their metadata tell different steps, or where their names differ in
    numbers alone: word-500.pt, word-1000.pt. Others are left as they are, for `refuse_clashes`.
    """
    kept = _once(words)
    for token, places in _clashes(kept).items():
        steps = _steps([kept[place] for place in places])
        if steps is None:
            continue
        latest = max(range(len(places)), key=lambda number: steps[number])
        for number, place in enumerate(places):
            one = kept[place]
            if number == latest:
                kept[place] = one._replace(stages=max(len(places), one.stages))
            else:
                kept[place] = one._replace(word=_without(one.word, token))
    return [one for one in kept if one.word.token]


def refuse_clashes(words: Sequence[GivenWord]) -> List[GivenWord]:
    """The words, each once.

    Raises:
        UserError: if a token comes twice, from two files and with different vectors.
    """
    for token, (first, *_, last) in _clashes(words).items():
        one, other = words[first].file, words[last].file
        raise UserError(
            f'{other}: its word {token} comes from {one} too; call one of them otherwise: --embeddings "{other}=<dog>"'
        )
    return _once(words)


def _once(words: Sequence[GivenWord]) -> List[GivenWord]:
    """Without those of the same token and vectors as an earlier one, such as copies of one file."""
    kept: List[GivenWord] = []
    for given in words:
        if not any(given.word.token == one.word.token and _same(given, one) for one in kept):
            kept.append(given)
    return kept


def spellings(word: Embedding) -> List[str]:
    """All that a word answers to; where the letter case is free, in small letters."""
    bare = word.token.lower()
    return [bare, f"<{bare}>", *word.also] if word.any_case else [word.token, *word.also]


def _clashes(words: Sequence[GivenWord]) -> Dict[str, List[int]]:
    """Token -> the places of those that answer to it, where these are of different vectors."""
    places: Dict[str, List[int]] = {}
    for place, given in enumerate(words):
        for token in dict.fromkeys(spellings(given.word)):
            there = places.setdefault(token, [])
            if not any(_same(given, words[other]) for other in there):
                there.append(place)
    return {token: there for token, there in places.items() if len(there) > 1}


def _same(one: GivenWord, other: GivenWord) -> bool:
    return torch.equal(one.word.vectors, other.word.vectors)


def _without(word: Embedding, token: str) -> Embedding:
    """A word that answers to a token no more; one without a token is none."""
    if token in word.also:
        return word._replace(also=tuple(other for other in word.also if other != token))
    return word._replace(token="", also=(), any_case=False)


def _steps(words: Sequence[GivenWord]) -> Optional[List[Tuple[int, ...]]]:
    """How far each is, by what it tells or by the numbers in its file's name; None where neither says it."""
    told = [word.word.metadata.get("step", "") for word in words]
    if all(re.fullmatch(r"\d{1,18}", step) for step in told) and len({int(step) for step in told}) == len(words):
        return [(int(step),) for step in told]
    stems = [word.file.stem for word in words]
    numbers = [tuple(int(part) for part in re.findall(r"[0-9]{1,18}", stem)) for stem in stems]
    alike = len({re.sub(r"[0-9]{1,18}", "#", stem) for stem in stems}) == 1
    return numbers if alike and len(set(numbers)) == len(words) else None
