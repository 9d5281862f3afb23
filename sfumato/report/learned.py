"""What runs of `concepts learn` learned: words that prompts of other runs may say, and their photos."""

import json
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from ..checkpoints import Embedding, LearnedFile, read_embeddings, read_words_alone, visible_files
from ..images import open_drawing
from ..models.shipped import shipped
from ..runs import digest
from .found import Note
from .parts import Shot
from .shots import shot, told_by
from .words import in_a_row, words

_SHIPPED = shipped("words")
_PHOTOS = ("crops.png", "pictures.png")
"""What `concepts learn` leaves beside its run, and what it left once: the photos as it learned from them."""
_FINISHED = ("word.safetensors", "custom.safetensors", "lora.safetensors")
"""What `concepts learn` ends with, by its methods."""
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
        learned = learned_by(note)
        for one in learned.words if learned else []:
            photos = photos_of(note)
            about = words("word.photos") if photos else ""
            found[digest(one.vectors.numpy())] = Word(one.token, _told(_alone(one, note), about), photos)
    return found


def learned_by(note: Note) -> Optional[LearnedFile]:
    """What a run of `concepts learn` ended with, its additions left out; None where it has not ended."""
    finished = next(filter(None, map(note.file, _FINISHED)), None)
    return read_words_alone(finished) if finished else None


def concepts_of(note: Note) -> List[Dict[str, Any]]:
    """The settings of each thing that a run learned."""
    return [note.settings, *note.settings.get("also", ())]


def said_by(note: Note) -> str:
    """The words that a run learned, or what it was that has none."""
    tokens = [str(one["token"]) for one in concepts_of(note) if one.get("token")]
    return in_a_row(tokens) if tokens else str(note.settings.get("init") or "a word")


def words_in(text: str, painted: Optional[Note], known: Mapping[str, Word]) -> List[Word]:
    """The learned words that a text says, of those that are known.

    Args:
        text: a prompt, or several.
        painted: the run of `concepts generate` that painted it, which says which word each token was.
        known: see `known_words`.
    """
    said = painted.settings.get("words", {}) if painted is not None else {}
    return [known[name] for token, name in sorted(said.items()) if token in text and name in known]


def _alone(word: Embedding, note: Note) -> Embedding:
    """A word with what its run knows of it; a file tells what all of its words have in common."""
    concepts = concepts_of(note)
    one = next((one for one in concepts if one.get("token") == word.token), None)
    if len(concepts) == 1 or one is None:
        return word
    own = {"init": str(one.get("init", "")), "photos": json.dumps(one.get("photos", {}))}
    return word._replace(metadata={**word.metadata, **own})


def _told(word: Embedding, about: str) -> str:
    told = word.metadata
    try:
        photos = len(json.loads(told.get("photos", "{}")))
    except (ValueError, TypeError):
        photos = 0
    learned = {"token": f"`{word.token}`", "vectors": len(word.vectors), "photos": photos, "init": told.get("init", "")}
    return words("word", **learned, step=told.get("step", "?"), about=about).rstrip()


def photos_of(note: Note) -> List[Shot]:
    """The photos of a learning run, on a line of their own; [] where the run left none."""
    path = note.file(_PHOTOS[0]) or note.file(_PHOTOS[1])
    if path is None:
        return []
    label = f"the photos of {said_by(note)}"
    return [shot(open_drawing(path), label, label, told=told_by(note), line=True)]
