"""The course's input.json: what to paint, for which source, and how it is judged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, List, Tuple

from ..checkpoints import leads_out, read_json
from ..errors import UserError

_LONGEST_KEY = 60
_LONGEST_TOKEN = 200
_LONGEST_PROMPT = 20_000
"""Letters; a text encoder reads the first few hundred."""


class UnknownWordError(UserError):
    """A prompt uses a word in angle brackets that nobody has learned for the checkpoint."""

    def __init__(self, prompt: str, word: str, known: Collection[str]) -> None:
        self.prompt, self.word = prompt, word
        self.known = there = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"{prompt!r}: nobody has learned {word} for this checkpoint; known are: {there}. Give the word's file with"
            " --embeddings, or learn it with `sfumato concepts learn`"
        )


@dataclass(frozen=True)
class Source:
    """One entry: a concept and the prompts that use it."""

    key: str
    """Its name in the file and among the folders: "0", "1" ..."""
    token: str
    """The learned word in the prompts."""
    photos: str
    """What the file calls the concept's photos (src_image): a folder or a title; empty if the file does not say."""
    prompts: Tuple[str, ...]
    judged_as: Tuple[str, ...]
    """The prompts in plain words, which CLIP compares the pictures with; empty if the file has none."""
    baselines: Tuple[Tuple[float, float], ...]
    """(image score, text score) that each prompt's pictures must reach; empty if the file has none."""


def read_input(path: Path) -> List[Source]:
    """Read an input.json.

    Raises:
        UserError: naming the line and column, or the source and field, that cannot be used.
    """
    content = read_json(path, "mend the JSON, or give the course's input.json")
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: must hold an object of sources, each with token_name and prompt")
    return [_source(path, key, entry) for key, entry in content.items()]


def _source(path: Path, key: str, entry: Any) -> Source:
    where = f"{path}: source {key!r}"
    if not isinstance(entry, dict):
        raise UserError(f"{where}: must be an object with token_name and prompt")
    if not key.strip() or "/" in key or key == "." or leads_out(key) or len(key) > _LONGEST_KEY:
        raise UserError(f"{where[:200]}: names a folder and cannot be empty, long, or lead to another one")
    token = entry.get("token_name")
    if not isinstance(token, str) or not token.strip():
        raise UserError(f"{where}: lacks the field token_name, such as '<new1>'")
    if not token.isprintable() or len(token) > _LONGEST_TOKEN:
        raise UserError(f"{where}: token_name is {token[:_LONGEST_KEY]!a}, which no prompt can say")
    prompts = _texts(where, "prompt", entry.get("prompt"))
    judged = _texts(where, "prompt_4_clip_eval", entry["prompt_4_clip_eval"]) if "prompt_4_clip_eval" in entry else ()
    if judged and len(judged) != len(prompts):
        raise UserError(f"{where}: prompt_4_clip_eval has {len(judged)} entries, prompt has {len(prompts)}")
    photos = entry.get("src_image", "")
    if not isinstance(photos, str):
        raise UserError(f"{where}: src_image must be a text, got {photos!r}")
    return Source(key, token, photos, prompts, judged, _baselines(where, entry.get("baseline"), len(prompts)))


def _texts(where: str, field: str, value: Any) -> Tuple[str, ...]:
    if value is None:
        raise UserError(f"{where}: lacks the field {field}, a list of texts")
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise UserError(f"{where}: {field} must be a list of texts")
    if not value:
        raise UserError(f"{where}: {field} is empty; give at least one text")
    longest = max(map(len, value))
    if longest > _LONGEST_PROMPT:
        raise UserError(f"{where}: {field} has a text of {longest:,} letters; give at most {_LONGEST_PROMPT:,}")
    return tuple(value)


def _baselines(where: str, value: Any, count: int) -> Tuple[Tuple[float, float], ...]:
    if value is None:
        return ()
    good = isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, (int, float)) for n in pair) for pair in value
    )
    if not good or len(value) != count:
        raise UserError(f"{where}: baseline must be {count} pairs [image score, text score], one a prompt")
    return tuple((float(image), float(text)) for image, text in value)
