"""Which learned words the files and folders that a user names hold."""

import warnings
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from ..errors import UserError
from .embeddings import Embedding, read_embeddings
from .folders import visible_files
from .word_stages import GivenWord, newest, refuse_clashes, spellings

_ENDINGS = (".safetensors", ".pt", ".bin", ".pth", ".ckpt", ".npy")
"""Of the files in folders, in lower case; a file that is named itself may have any name."""


def embedding_files(given: Sequence[Path]) -> List[Path]:
    """Files, and the files inside folders, in order.

    Raises:
        UserError: for a folder without any.
    """
    files: List[Path] = []
    for path in given:
        inside = _files_in(path) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"{path}: holds no {', '.join(_ENDINGS)}; give files of learned words")
        files += inside
    return files


def _files_in(folder: Path) -> List[Path]:
    return [path for path in visible_files(folder) if path.suffix.lower() in _ENDINGS]


def given_words(given: Sequence[Path], beside: Sequence[Path] = ()) -> List[GivenWord]:
    """The words of files and folders, each once; see `newest` for folders that hold several stages of one.

    Args:
        given: files of learned words, folders of such files, or "FILE=TOKEN" for a file whose word is to be called so.
        beside: folders that the user did not name. A given word takes the place of theirs, one of a later folder that
            of an earlier; what cannot be used there is left out with a warning.

    Raises:
        UserError: for what cannot be used, and for a token that comes from two given files.
    """
    found: List[GivenWord] = []
    for path in given:
        file, token = _renamed(path)
        inside = [GivenWord(f, word) for f in embedding_files([file]) for word in read_embeddings(f, token)]
        found += newest(inside) if file.is_dir() else inside
    found = refuse_clashes(found)
    taken = {spelling for one in found for spelling in spellings(one.word)}
    for folder in reversed(beside):
        inside = [GivenWord(f, word, by_user=False) for f in _files_in(folder) for word in _good_words(f)]
        free = [one for one in refuse_clashes(newest(inside)) if taken.isdisjoint(spellings(one.word))]
        taken.update(spelling for one in free for spelling in spellings(one.word))
        found = free + found
    return found


def _good_words(file: Path) -> List[Embedding]:
    try:
        return read_embeddings(file)
    except UserError as fault:
        warnings.warn(f"{fault}; it is left out", stacklevel=3)
        return []


def _renamed(path: Path) -> Tuple[Path, Optional[str]]:
    """FILE=TOKEN in its parts; what is there under the whole name is a file of that name."""
    file, cut, token = str(path).rpartition("=")
    if not cut or path.exists() or not (Path(file).exists() or token.startswith("<")):
        return path, None
    if not token or Path(file).is_dir():
        raise UserError(f"{path}: a file and what its word is to be called, such as word.pt=<dog>")
    return Path(file), token
