"""Tables beside pictures: a row a picture, with its name and its labels, in a .csv or a .jsonl."""

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from ..checkpoints import read_text
from ..errors import UserError

_LARGEST = 1 << 30
"""Bytes; a million rows have about 40 million."""
_JSON_ENDINGS = (".jsonl", ".json", ".ndjson")
_NAME_COLUMNS = ("image_name", "file_name", "filename", "file", "path", "image", "picture")

_Row = Tuple[int, Dict[str, Any]]
"""The number of its line, and what it holds by column."""


def labelled_rows(table: Path, asked: Sequence[str]) -> Iterator[Tuple[int, str, Dict[str, str]]]:
    """Of each row its line, the name of its picture, and its label in each of the columns; empty where it has none.

    Args:
        table: a .csv, or a .jsonl of an object a line.
        asked: columns that hold labels; by default the only one beside the names, or "label".

    Raises:
        UserError: if it is none, or has not those columns.
    """
    name, columns = "", []  # type: str, List[str]
    for number, row in table_rows(table, "the picture's name and label"):
        if not columns:
            name, columns = _columns(table, list(row), asked)
        told = {column: row.get(column) for column in columns}
        labels = {column: "" if label is None else str(label).strip() for column, label in told.items()}
        yield number, str(row.get(name) or ""), labels


def table_rows(table: Path, wanted: str) -> Iterator[_Row]:
    """The rows of a .csv, or of a .jsonl of an object a line: the number of the line, and what it holds by column.

    Args:
        table: its path.
        wanted: what a row should hold, in words.

    Raises:
        UserError: if it is none.
    """
    text = read_text(table, "give a .csv, or a .jsonl of one object a line", _LARGEST)
    if table.suffix.lower() in _JSON_ENDINGS:
        return _json_rows(table, text, wanted)
    return _csv_rows(table, text)


def _columns(table: Path, there: Sequence[str], asked: Sequence[str]) -> Tuple[str, List[str]]:
    """The column of the names, and those of the labels."""
    name = next((one for one in _NAME_COLUMNS if one in there), None)
    if name is None:
        raise UserError(f"{table}: has no column {' or '.join(_NAME_COLUMNS)}; its columns are {', '.join(there)}")
    others = [one for one in there if one != name]
    chosen = [*asked] or (others if len(others) == 1 else ["label"] if "label" in others else [])
    if not chosen or len({*chosen}) < len(chosen) or any(one not in others for one in chosen):
        got = f"; got {', '.join(chosen)}" if chosen else ""
        kinds = ", ".join(others) or "none"
        raise UserError(f"{table}: which column has the labels? give --column, one or several of {kinds}{got}")
    return name, chosen


def _csv_rows(table: Path, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        columns = next(reader, [])
        for row in reader:
            if row:
                yield reader.line_num, dict(itertools.zip_longest(columns, row[: len(columns)]))
    except csv.Error as error:
        raise UserError(f"{table}: is no table ({error}); save it again as CSV in UTF-8") from None


def _json_rows(table: Path, text: str, wanted: str) -> Iterator[_Row]:
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if line.strip():
            yield number, _json_row(table, number, line, wanted)


def _json_row(table: Path, number: int, line: str, wanted: str) -> Dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{table}: line {number} is no JSON object; give one a line, with {wanted}")
    return row
