"""A sheet of painted pictures, a row for each thing that was asked for, with its words beneath."""

from pathlib import Path
from typing import List, NamedTuple, Sequence

from ..images import Row, open_picture, rows_with_words, save_image

MOST = 8
"""Pictures of one row."""
_MOST_ROWS = 50


class Asked(NamedTuple):
    """What was asked for once."""

    text: str
    paths: Sequence[Path]
    """Of its pictures; at least one."""


def leave_sheet(asked: Sequence[Asked], path: Path) -> None:
    """Draw the first pictures of each; nothing while some are still to be painted, by another process.

    Args:
        asked: of more than fifty, the rest is counted and not shown.
        path: the file.
    """
    rows: List[Row] = []
    for one in asked[:_MOST_ROWS]:
        paths = one.paths[:MOST]
        if not all(picture.exists() for picture in paths):
            return
        rows.append(Row(one.text, [open_picture(picture) for picture in paths]))
    left = len(asked) - len(rows)
    if left:
        rows[-1] = rows[-1]._replace(text=f"{rows[-1].text} (and {left} prompts more)")
    save_image(rows_with_words(rows), path, lossless=True)
