"""The files that a picture was painted from, where they are now: by what they hold, else by their names."""

import contextlib
import shlex
import warnings
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from ..checkpoints import read_json, shortened, visible_files
from ..errors import UserError
from ..images import PICTURE_ENDINGS
from ..models.shipped import shipped
from ..runs import NOTE, file_identity

_ABOVE = 3
"""Folders above a picture in which its run's note may lie."""
_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".npy")
_COMPARED = 10
"""Hexadecimal digits of SHA-256 that others write; ours are more."""


def contents_of(path: Path) -> str:
    """By what a file or folder is told, as `file_identity` does."""
    return (file_identity(path) or {})["contents"]


class Files:
    """Looks for files, and keeps what it did not find.

    Args:
        picture: that was painted from them.
        models: folders that the user gave, looked through whole, one after the other.

    Raises:
        UserError: if there is no such folder, or nothing in it.
    """

    def __init__(self, picture: Path, models: Sequence[Path] = ()) -> None:
        for folder in models:
            if not folder.is_dir():
                raise UserError(f"{folder}: there is no such folder; give one that holds the models")
            if not self._of(folder, deep=True):
                raise UserError(f"{folder}: holds no file that pictures are painted from; give one that holds models")
        self._picture, self._models = picture, models
        self._missing: List[str] = []
        self._told: Dict[Path, str] = {}

    def find(
        self, what: str, name: str, contents: str, identify: Callable[[Path], str] = contents_of, needed: bool = True
    ) -> Optional[Path]:
        """Where a file is.

        Args:
            what: it is, for what is said.
            name: of the file; one that has a folder in it is of another program, and its last part counts.
            contents: what `identify` told of it, or the beginning of that, 10 signs at least; fewer tell nothing.
            identify: of a file; raises UserError where it is of another kind.
            needed: whether it counts as missing where it is not found.

        Returns:
            A file with these contents, of whatever name; else one of this name, of which is said that it is another;
            else None.
        """
        name = name.replace("\\", "/").rpartition("/")[2]
        named = [path for path in self._every() if path.name == name or (not Path(name).suffix and path.stem == name)]
        for path in [*named, *(path for path in self._every() if path.suffix.lower() in _ENDINGS)]:
            if len(contents) >= _COMPARED and self._identity(path, identify).startswith(contents):
                return path
        if named:
            if len(contents) >= _COMPARED:
                warnings.warn(
                    f"{named[0]}: is another {what} than the picture was painted from; it is painted with this one",
                    stacklevel=2,
                )
            return named[0]
        if needed:
            self._missing.append(f"the {what} {shortened(name) or '(without a name)'}")
        return None

    def check(self) -> None:
        """Refuse to go on where something was not found.

        Raises:
            UserError: naming all of it.
        """
        if self._missing:
            where = f"in {', '.join(map(str, self._models))}" if self._models else "beside it or where they were"
            raise UserError(
                f"{self._picture}: was painted from files that are not found {where}: {', '.join(self._missing)};"
                " give --models FOLDER that holds them"
            )

    def _identity(self, path: Path, identify: Callable[[Path], str]) -> str:
        if path not in self._told or identify is not contents_of:
            try:
                self._told[path] = identify(path)
            except (UserError, OSError):
                self._told[path] = ""
        return self._told[path]

    def _every(self) -> Iterator[Path]:
        """What the user gave first, then what ships, what lies beside the picture, and what its run was given."""
        for folder in self._models:
            yield from self._of(folder, deep=True)
            yield from (path.parent for path in folder.glob("*/model_index.json"))
        yield from self._of(shipped(), deep=True)
        yield from self._of(self._picture.absolute().parent)
        for path in self._typed():
            yield path
            if path.is_dir():
                yield from self._of(path)

    def _typed(self) -> Iterator[Path]:
        """What stands on the command line of the picture's run, and is there."""
        for folder in list(self._picture.absolute().parents)[:_ABOVE]:
            with contextlib.suppress(UserError, TypeError, KeyError, ValueError, OSError):
                words = shlex.split(str(read_json(folder / NOTE, "", ours=True)["command_line"]))
                for word in words:
                    plain = word.partition("=")[2] if word.startswith("--") else word
                    for text in (plain, plain.rpartition(":")[0], plain.rpartition("=")[0]):
                        if text and Path(text).exists():
                            yield Path(text)

    @staticmethod
    def _of(folder: Path, deep: bool = False) -> List[Path]:
        files = visible_files(folder, deep)
        return [path for path in files if path.suffix.lower() not in (*PICTURE_ENDINGS, ".json", ".jsonl", ".txt")]
