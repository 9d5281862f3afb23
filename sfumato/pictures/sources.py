"""Where pictures are: a folder, a zip file, an .npz of arrays, or either of the first two with a table of labels.

A source knows the names and labels of its pictures at once, and opens one picture at a time, from any thread.
"""

import sys
import threading
import warnings
from abc import ABC, abstractmethod
from array import array
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from PIL import Image

from ..checkpoints import is_hidden, leads_out, member_bytes, opened_zip, read_npz
from ..errors import UserError
from ..images import PICTURE_ENDINGS, open_picture, picture_entries, pictures_among
from ..runs import digest
from .tables import labelled_rows

LABELS = ("auto", "folders", "none")
"""Where labels may come from."""
_MOST_PACKED = 64 << 20
"""Bytes of one picture in a zip."""
_MOST_READ, _MOST_BYTES_READ = 1000, 1 << 30
"""Pictures, and bytes of all, that are read at every start to see whether one has changed; of more their sizes and
times are looked at."""
_ARRAYS, _LABELS = ("pictures", "images", "pixels", "x", "x_train", "arr_0"), ("labels", "label", "y", "y_train")
"""Names of arrays in an .npz, the first that is there."""


class Source(ABC):
    """Pictures by number.

    Attributes:
        path: that the user gave.
        names: of the pictures, in their order, relative to it and divided by "/".
        labels: of each condition a name for every picture; none where there are no labels.
    """

    path: Path
    names: Sequence[str]
    labels: Sequence[List[str]] = ()

    @abstractmethod
    def open(self, number: int) -> Image.Image:
        """One picture, RGB.

        Raises:
            UserError: naming it, if it cannot be used.
        """

    @abstractmethod
    def state(self) -> List[Any]:
        """What changes when a picture does, as parts that `digest` takes."""

    def close(self) -> None:  # noqa: B027  most have nothing open
        """Give back what is open."""


class _Folder(Source):
    def __init__(self, path: Path) -> None:
        self.path, self.names = path, []
        # Numbers side by side, for a million pictures are as many objects otherwise.
        self._sizes, self._times = array("q"), array("q")
        for name, entry in picture_entries(path):
            status = entry.stat()
            self.names.append(name)
            self._sizes.append(status.st_size)
            # Who sets the time of change back, as copying programs do, does not set the second one.
            self._times.extend((status.st_mtime_ns, status.st_ctime_ns))

    def open(self, number: int) -> Image.Image:
        return open_picture(self.path / self.names[number])

    def state(self) -> List[Any]:
        if _few(len(self.names), sum(self._sizes)):
            return [digest((self.path / name).read_bytes()) for name in self.names]
        return [np.array(self._sizes), np.array(self._times)]


class _Zip(Source):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()
        self._archive = self._stack.enter_context(opened_zip(path, "zip file of pictures", "give a zip or a folder"))
        self._alone = threading.Lock()
        files = (info for info in self._archive.infolist() if not info.is_dir())
        self._entries = {str(PurePosixPath(info.filename)): info for info in files if not is_hidden(info.filename)}
        self.names = pictures_among(sorted(self._entries, key=lambda name: name.split("/")), path)

    def open(self, number: int) -> Image.Image:
        name = self.names[number]
        with self._alone:
            content = member_bytes(self._archive, self._entries[name], _MOST_PACKED)
        return open_picture(self.path / name, content)

    def state(self) -> List[Any]:
        return _state_of(self.path, len(self.names))

    def close(self) -> None:
        self._stack.close()


class _Arrays(Source):
    def __init__(self, path: Path) -> None:
        self.path = path
        there = _arrays_in(path)
        picked = next((name for name in _ARRAYS if name in there), None)
        if picked is None:
            raise UserError(f"{path}: has no array {' or '.join(_ARRAYS)}; give an .npz with one of them")
        told = next((name for name in _LABELS if name in there), None)
        found = read_npz(path, [picked] if told is None else [picked, told])
        self._pixels = _as_pictures(found[picked], f"{path}: {picked}")
        self.names = [f"{picked}[{number}]" for number in range(len(self._pixels))]
        labels = np.empty((len(self.names), 0)) if told is None else found[told]
        if len(labels.reshape(-1)) != len(self.names) and (labels.ndim != 2 or len(labels) != len(self.names)):
            raise UserError(f"{path}: has {len(self.names)} pictures and {len(labels)} labels; give one for each")
        self.labels = [[str(one) for one in column] for column in labels.reshape(len(self.names), -1).T.tolist()]

    def open(self, number: int) -> Image.Image:
        return Image.fromarray(self._pixels[number]).convert("RGB")

    def state(self) -> List[Any]:
        return _state_of(self.path, len(self.names))


def _few(count: int, size: int) -> bool:
    """Whether pictures are told apart by their contents, which also stay the same when they are copied elsewhere."""
    return count <= _MOST_READ and size <= _MOST_BYTES_READ


def _state_of(path: Path, count: int) -> List[Any]:
    status = path.stat()
    if _few(count, status.st_size):
        return [digest(path.read_bytes())]
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _arrays_in(path: Path) -> List[str]:
    with opened_zip(path, ".npz of pictures", "give an .npz of arrays") as archive:
        return [name[: -len(".npy")] for name in archive.namelist() if name.endswith(".npy")]


def _as_pictures(pixels: np.ndarray, where: str) -> np.ndarray:
    """[N, H, W] or [N, H, W, 3], as Pillow takes them."""
    grey = pixels.ndim == 3 or (pixels.ndim == 4 and pixels.shape[3] == 1)
    if pixels.dtype != np.uint8 or not (grey or (pixels.ndim == 4 and pixels.shape[3] == 3)) or 0 in pixels.shape:
        raise UserError(f"{where} is {pixels.dtype} {list(pixels.shape)}; it must be uint8 [N, H, W] or [N, H, W, 3]")
    return pixels[..., 0] if grey and pixels.ndim == 4 else pixels


def opened_source(path: Path, labels: str, table: Optional[Path], columns: Sequence[str]) -> Source:
    """The source at a path, with its labels.

    Args:
        path: a folder, .zip or .npz.
        labels: "folders", "none", or "auto", which takes those of a table or an .npz, or the names of the folders in
            which all pictures lie.
        table: a .csv or .jsonl with a row a picture; names are relative to the folder or zip.
        columns: of the table that hold the labels, one for each condition; by default the only one beside the names.

    Raises:
        UserError: if it is none, holds no picture, or labels are asked for that it has not.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; give a folder, .zip or .npz of pictures")
    if labels not in LABELS:
        raise UserError(f"unknown labels {labels!r}; choose one of auto, folders, none")
    source: Source = _Folder(path) if path.is_dir() else _Arrays(path) if path.suffix.lower() == ".npz" else _Zip(path)
    try:
        return _labelled(source, labels, table, columns)
    except UserError:
        source.close()
        raise


def _labelled(source: Source, labels: str, table: Optional[Path], columns: Sequence[str]) -> Source:
    if not source.names:
        kinds = ", ".join(PICTURE_ENDINGS)
        raise UserError(f"{source.path}: holds no picture ({kinds}); give a folder, .zip or .npz of some")
    if table is not None:
        source = _Tabled(source, Path(table), columns)
    elif labels == "folders" or (labels == "auto" and not source.labels):
        source.labels = _folder_labels(source, labels == "folders")
    if labels == "none":
        source.labels = ()
    return source


def _folder_labels(source: Source, asked: bool) -> Sequence[List[str]]:
    beside = next((name for name in source.names if "/" not in name), None)
    if beside is not None:
        if asked:
            raise UserError(f"{source.path}: {beside} lies in no folder that could be its label; move it into one")
        return []
    labels = _first_folders(source.names)
    there = {*labels}
    if source.path.is_dir():
        folders = [path for path in sorted(source.path.iterdir()) if path.is_dir() and not is_hidden(path.name)]
        empty = [path for path in folders if path.name not in there]
        if empty:
            raise UserError(f"{empty[0]}: holds no picture of its label; put some in it, or remove it")
    return [labels] if len(there) > 1 or asked else []


def _first_folders(names: Sequence[str]) -> List[str]:
    """Of each name its first folder. Those of one folder stand together, so that its last is looked for by halving."""
    found: List[str] = []
    while len(found) < len(names):
        first = names[len(found)].partition("/")[0]
        inside, beyond = len(found), len(names)
        while beyond - inside > 1:
            middle = (inside + beyond) // 2
            inside, beyond = (middle, beyond) if names[middle].startswith(f"{first}/") else (inside, middle)
        found += [first] * (beyond - len(found))
    return found


class _Tabled(Source):
    """The pictures that a table names, in its order, with its labels."""

    def __init__(self, source: Source, table: Path, columns: Sequence[str]) -> None:
        self._source, self._places, self.path = source, array("q"), source.path
        places = {name: place for place, name in enumerate(source.names)}
        for number, name, labels in labelled_rows(table, columns):
            if name not in places or not all(labels.values()):
                raise UserError(f"{table}: row {number}: {name[:80]!a} {self._fault(name in places, name, labels)}")
            self.labels = self.labels or [[] for _ in labels]
            for column, label in zip(self.labels, labels.values()):
                column.append(sys.intern(label))
            self._places.append(places[name])
        if not self._places:
            raise UserError(f"{table}: has no row; it names a picture and its label in each")
        self.names = [source.names[place] for place in self._places]
        left = len(source.names) - len({*self._places})
        if left:
            said = f"{table}: names no label of {left} pictures in {source.path}; they are left out"
            warnings.warn(said, stacklevel=2)

    def _fault(self, known: bool, name: str, labels: Dict[str, str]) -> str:
        if known:
            column = next(column for column, label in labels.items() if not label)
            return f"has no label in the column {column[:80]!r}; give one to every row"
        if leads_out(name):
            return f"leads out of {self.path}; name a picture in it"
        return f"is no picture in {self.path}; names are relative to it"

    def open(self, number: int) -> Image.Image:
        return self._source.open(self._places[number])

    def state(self) -> List[Any]:
        return [*self._source.state(), np.array(self._places)]

    def close(self) -> None:
        self._source.close()
