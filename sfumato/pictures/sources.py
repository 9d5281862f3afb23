"""Where pictures are: a folder, a zip file, an .npz of arrays, or either of the first two with a table of labels.

A source knows the names and labels of its pictures at once, and opens one picture at a time, from any thread.
"""

import csv
import io
import json
import threading
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from ..checkpoints import is_hidden, leads_out, member_bytes, opened_zip, read_npz, read_text, visible_files
from ..errors import UserError
from ..images import PICTURE_ENDINGS, open_picture, pictures_among

_MOST_PACKED = 64 << 20
"""Bytes of one picture in a zip."""
_NAME_COLUMNS = ("image_name", "file_name", "filename", "file", "path", "image", "picture")
_ARRAYS, _LABELS = ("pictures", "images", "pixels", "x", "x_train", "arr_0"), ("labels", "label", "y", "y_train")
"""Names of arrays in an .npz, the first that is there."""


class Source(ABC):
    """Pictures by number.

    Attributes:
        path: that the user gave.
        names: of the pictures, in their order.
        labels: of each condition a name for every picture; none where there are no labels.
    """

    path: Path
    names: Sequence[PurePath]
    labels: Sequence[List[str]] = ()

    @abstractmethod
    def open(self, number: int) -> Image.Image:
        """One picture, RGB.

        Raises:
            UserError: naming it, if it cannot be used.
        """

    @abstractmethod
    def state(self) -> Any:
        """What changes when a picture does, as JSON can hold it."""

    def close(self) -> None:  # noqa: B027  most have nothing open
        """Give back what is open."""


class _Folder(Source):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._paths = pictures_among(visible_files(path, deep=True), path)
        self.names = [one.relative_to(path) for one in self._paths]

    def open(self, number: int) -> Image.Image:
        return open_picture(self._paths[number])

    def state(self) -> Any:
        return [[one.st_size, one.st_mtime_ns] for one in (path.stat() for path in self._paths)]


class _Zip(Source):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()
        self._archive = self._stack.enter_context(opened_zip(path, "zip file of pictures", "give a zip or a folder"))
        self._alone = threading.Lock()
        files = (PurePosixPath(info.filename) for info in self._archive.infolist() if not info.is_dir())
        self.names = pictures_among(sorted(name for name in files if not is_hidden(name)), path)

    def open(self, number: int) -> Image.Image:
        name = str(self.names[number])
        with self._alone:
            content = member_bytes(self._archive, name, _MOST_PACKED)
        return open_picture(self.path / name, content)

    def state(self) -> Any:
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]

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
        self.names = [PurePath(f"{picked}[{number}]") for number in range(len(self._pixels))]
        labels = np.empty((len(self.names), 0)) if told is None else found[told]
        if len(labels.reshape(-1)) != len(self.names) and (labels.ndim != 2 or len(labels) != len(self.names)):
            raise UserError(f"{path}: has {len(self.names)} pictures and {len(labels)} labels; give one for each")
        self.labels = [[str(one) for one in column] for column in labels.reshape(len(self.names), -1).T.tolist()]

    def open(self, number: int) -> Image.Image:
        return Image.fromarray(self._pixels[number]).convert("RGB")

    def state(self) -> Any:
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]


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
    if labels not in ("auto", "folders", "none"):
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
    beside = [name for name in source.names if len(name.parts) == 1]
    if beside and asked:
        raise UserError(f"{source.path}: {beside[0]} lies in no folder that could be its label; move it into one")
    labels = [name.parts[0] for name in source.names] if not beside else []
    if source.path.is_dir() and labels:
        folders = [one for one in sorted(source.path.iterdir()) if one.is_dir() and not is_hidden(PurePath(one.name))]
        empty = [one for one in folders if one.name not in set(labels)]
        if empty:
            raise UserError(f"{empty[0]}: holds no picture of its label; put some in it, or remove it")
    return [labels] if len({*labels}) > 1 or (asked and labels) else []


class _Tabled(Source):
    """The pictures that a table names, in its order, with its labels."""

    def __init__(self, source: Source, table: Path, columns: Sequence[str]) -> None:
        self._source, self._places = source, []
        self.path, rows = source.path, []
        places = {name.as_posix(): place for place, name in enumerate(source.names)}
        for number, name, labels in _rows(table, columns):
            where = f"{table}: row {number}: {name[:80]!a}"
            if leads_out(name):
                raise UserError(f"{where} leads out of {source.path}; name a picture in it")
            if name not in places:
                raise UserError(f"{where} is no picture in {source.path}; names are relative to it")
            missing = next((column for column, label in labels.items() if not label), None)
            if missing is not None:
                raise UserError(f"{where} has no label in the column {missing[:80]!r}; give one to every row")
            self._places.append(places[name])
            rows.append([*labels.values()])
        if not rows:
            raise UserError(f"{table}: has no row; it names a picture and its label in each")
        self.labels = [list(column) for column in zip(*rows)]
        self.names = [source.names[place] for place in self._places]

    def open(self, number: int) -> Image.Image:
        return self._source.open(self._places[number])

    def state(self) -> Any:
        return [self._source.state(), self._places]

    def close(self) -> None:
        self._source.close()


def _rows(table: Path, asked: Sequence[str]) -> Iterator[Tuple[int, str, Dict[str, str]]]:
    """Of each row its line, the name of its picture, and its label in each of the columns."""
    text = read_text(table, "give a .csv, or a .jsonl of one object a line")
    rows: List[Tuple[int, Dict[str, Any]]]
    if table.suffix.lower() in (".jsonl", ".json", ".ndjson"):
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        rows = [(number, _json_row(table, number, line)) for number, line in lines]
    else:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        try:
            rows = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise UserError(f"{table}: is no table ({error}); save it again as CSV in UTF-8") from None
    columns = [str(key) for key in (rows[0][1] if rows else {})]
    name = next((one for one in _NAME_COLUMNS if one in columns), None)
    if rows and name is None:
        raise UserError(f"{table}: has no column {' or '.join(_NAME_COLUMNS)}; its columns are {', '.join(columns)}")
    others = [one for one in columns if one != name]
    chosen = asked or (others[:1] if len(others) == 1 else ["label"] if "label" in others else [])
    unknown = [one for one in chosen if one not in others]
    if rows and (unknown or not chosen or len({*chosen}) < len(chosen)):
        got = f"; got {', '.join(chosen)}" if chosen else ""
        kinds = ", ".join(others) or "none"
        raise UserError(f"{table}: which column has the labels? give --column, one or several of {kinds}{got}")
    for number, row in rows:
        told = {one: row.get(one) for one in chosen}
        yield (
            number,
            str(row.get(str(name)) or ""),
            {one: "" if label is None else str(label).strip() for one, label in told.items()},
        )


def _json_row(table: Path, number: int, line: str) -> Dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{table}: line {number} is no JSON object; give one a line, with the picture's name and label")
    return row
