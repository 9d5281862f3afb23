"""What is there to choose from: checkpoints, LoRAs, learned words, models of one's own pictures, and runs."""

import functools
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from ..additions import FEW_PASSES
from ..checkpoints import holds_words, read_embeddings, what_lora
from ..conditions import said
from ..errors import UserError
from ..model import Diffusion
from ..models.shipped import shipped
from .place import SHIPPED, Place

_MOST = 1000
"""Of each that the page lists."""
_LARGEST_LORA = 2 << 30
"""Bytes; beyond, a file is a checkpoint."""
_WORD, _LORA, _CUSTOM, _OWN = "word.safetensors", "lora.safetensors", "custom.safetensors", "model.safetensors"


class Addition(NamedTuple):
    """A LoRA, a file of Custom Diffusion, or a learned word."""

    name: str
    """As the page names it; see `Place.path`."""
    kind: str
    """lora, custom or word."""
    words: Tuple[str, ...]
    trigger: str


def additions(place: Place) -> List[Addition]:
    """What can be added to a checkpoint: learned here, sent, in the folder of models, or shipped."""
    paths = {f"{out.name}/{name}": out / name for out in place.outputs() for name in (_LORA, _CUSTOM, _WORD)}
    paths.update({f"sent/{path.name}": path for path in sorted(place.sent.glob("*.safetensors"))})
    paths.update({**place.model_files(), SHIPPED: FEW_PASSES})
    found = (_addition(name, path) for name, path in paths.items() if path.is_file())
    return [one for one in found if one is not None][:_MOST]


def own_models(place: Place) -> Dict[str, List[str]]:
    """The models of one's own pictures that were learned here, each with its labels."""
    found = {}
    for out in place.outputs():
        path = out / _OWN
        if path.is_file():
            found[out.name] = list(_labels(str(path), path.stat().st_mtime_ns))
    return found


def listed(place: Place) -> Dict[str, Any]:
    """All of it, as the page takes it."""
    added = additions(place)
    words = {word: one.name for one in reversed(added) for word in one.words}
    return {
        "checkpoints": [name for name in place.model_files() if name not in {one.name for one in added}][:_MOST],
        "loras": [{"name": one.name, "kind": one.kind, "trigger": one.trigger} for one in added if one.kind != "word"],
        "words": sorted({*shipped_words(), *words}),
        "models": own_models(place),
        "runs": [out.name for out in place.outputs()],
    }


def word_files(place: Place, text: str) -> List[str]:
    """The files of the learned words that a text says, the newest of each word; those that ship need none."""
    newest = {word: one.name for one in reversed(additions(place)) if one.kind == "word" for word in one.words}
    return sorted({name for word, name in newest.items() if word in text})


@functools.lru_cache(maxsize=1)
def shipped_words() -> Tuple[str, ...]:
    """The words that ship with the small checkpoint."""
    return tuple(
        word.token for path in sorted(shipped("words").glob("*.safetensors")) for word in read_embeddings(path)
    )


def _addition(name: str, path: Path) -> Any:
    status = path.stat()
    if path.suffix != ".safetensors" or status.st_size > _LARGEST_LORA:
        return None
    kind, words, trigger = _looked_at(str(path), status.st_mtime_ns)
    return Addition(name, kind, words, trigger) if kind else None


@functools.lru_cache(maxsize=4096)
def _looked_at(path: str, changed: int) -> Tuple[str, Tuple[str, ...], str]:
    """What a file is; nothing where it is none of these, or cannot be read."""
    return _quietly(lambda: _kind(Path(path)), ("", (), ""))


def _kind(path: Path) -> Tuple[str, Tuple[str, ...], str]:
    info = what_lora(path)
    if info is not None:
        return "custom" if info.kind == "Custom Diffusion" else "lora", info.words, info.trigger
    if holds_words(path):
        words = tuple(word.token for word in read_embeddings(path))
        return "word", words, " ".join(words)
    return "", (), ""


@functools.lru_cache(maxsize=256)
def _labels(path: str, changed: int) -> Tuple[str, ...]:
    def labels() -> Tuple[str, ...]:
        names = Diffusion.load(Path(path), what="model of pictures").conditions.names
        return tuple(names[0]) if len(names) == 1 else tuple(said([one]) for one in (names[0] if names else ()))

    return _quietly(labels, ())


def _quietly(look: Callable[[], Any], otherwise: Any) -> Any:
    """What a look finds; a file that cannot be read is not listed, and the command that takes it would say why."""
    try:
        return look()
    except (UserError, OSError, ValueError):
        return otherwise
