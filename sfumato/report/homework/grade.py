"""The first page: what the homework's scores are."""

from typing import List

from ..found import Note
from ..parts import Table
from ..section import reading
from .questions import Block, Lacking, Runs, homely

_RESULT = {True: "pass", False: "fail", None: "-"}


def grade_tables(runs: Runs) -> List[Block]:
    """The table of scores, where it was computed, and why a score is missing."""
    blocks: List[Block] = []
    note = runs.note("course grade", "grade.json")
    if note is not None:
        with reading(note):
            blocks += _table(note)
    scores = sorted(key for key in runs.missing if key.startswith("score"))
    return [*blocks, *(Lacking(f"{key.capitalize()}: {homely(runs.missing[key])}") for key in scores)]


def _table(note: Note) -> List[Block]:
    rows = [
        [f"P{row['problem']}", homely(row["what"]), row["value"], row["baseline"] or "-", _RESULT[row["passed"]]]
        for row in note.content["rows"]
    ]
    table = Table("Scores.", ["problem", "what", "measured", "baseline", "result"], rows)
    return [table, f"Computed with {homely(note.content['environment'])}."] if rows else []
