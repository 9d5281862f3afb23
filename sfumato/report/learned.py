"""Learned words that prompts of runs may say: what each is, and the photos that it was learned from."""

import json
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional

from ..checkpoints import Embedding, read_embeddings, visible_files
from ..images import open_drawing
from ..models.shipped import shipped
from ..runs import digest
from .found import Note
from .parts import Shot
from .shots import shot, told_by
from .words import words

_SHIPPED = shipped("words")
_PHOTOS = ("crops.png", "pictures.png")
"""What `concepts learn` leaves beside its run, and what it left once: the photos as it learned from them."""
_ABOUT = {"<new1>": "word.new1", "<new2>": "word.new2"}
"""What the words that ship were learned for; their photos may not ship."""


class Word(NamedTuple):
    """A learned word."""

    token: str
    """As prompts say it."""
    told: str
    """What it is, in a sentence or two."""
    photos: List[Shot]
    """That it was learned from; [] where they are not to be had."""


def known_words(notes: Iterable[Note]) -> Dict[str, Word]:
    """Digest -> word: those that ship, and those of some runs of `concepts learn`."""
    found: Dict[str, Word] = {}
    for path in visible_files(_SHIPPED):
        for one in read_embeddings(path):
            about = words(_ABOUT[one.token]) if one.token in _ABOUT else ""
            found[digest(one.vectors.numpy())] = Word(one.token, _told(one, about), [])
    for note in notes:
        finished = note.file("word.safetensors")
        for one in read_embeddings(finished) if finished else []:
            photos = photos_of(note, one.token)
            told = _told(one, words("word.photos") if photos else "")
            found[digest(one.vectors.numpy())] = Word(one.token, told, photos)
    return found


def words_in(text: str, painted: Optional[Note], known: Mapping[str, Word]) -> List[Word]:
    """The learned words that a text says, of those that are known.

    Args:
        text: a prompt, or several.
        painted: the run of `concepts generate` that painted it, which says which word each token was.
        known: see `known_words`.
    """
    said = painted.settings.get("words", {}) if painted is not None else {}
    return [known[name] for token, name in sorted(said.items()) if token in text and name in known]


def _told(word: Embedding, about: str) -> str:
    told = word.metadata
    try:
        photos = len(json.loads(told.get("photos", "{}")))
    except (ValueError, TypeError):
        photos = 0
    learned = {"token": f"`{word.token}`", "vectors": len(word.vectors), "photos": photos, "init": told.get("init", "")}
    return words("word", **learned, step=told.get("step", "?"), about=about).rstrip()


def photos_of(note: Note, token: str) -> List[Shot]:
    """The photos of a learning run, on a line of their own; [] where the run left none."""
    path = note.file(_PHOTOS[0]) or note.file(_PHOTOS[1])
    if path is None:
        return []
    label = f"the photos that {token} was learned from"
    return [shot(open_drawing(path), label, label, told=told_by(note), line=True)]
