"""The report of the course's homework, hw2_<student id>.pdf, from the runs that were made for it."""

from pathlib import Path
from typing import List, Mapping

from .. import __version__
from ..checkpoints import atomic_path, write_text
from ..errors import UserError
from ..outputs import open_folder
from .homework.concepts import concept_questions
from .homework.digits import digit_questions
from .homework.faces import face_questions
from .homework.grade import grade_tables
from .homework.questions import Question, Runs, homely_command
from .homework.references import cited
from .numbering import numbered, numbers_of
from .pages import GET_PDF, as_pdf, filled, missing_for_pdf

_TITLE = "DLCV, Fall 2024: homework 2"
_LETTERS = (10.0,)
"""Points."""
_PROBLEMS = {
    "Problem 1: diffusion models": digit_questions,
    "Problem 2: DDIM": face_questions,
    "Problem 3: personalization": concept_questions,
}


def course_report(runs: Path, out: Path, student_id: str, missing: Mapping[str, str]) -> List[Path]:
    """Write the homework's report, OUT/hw2_{student_id}.pdf.

    Args:
        runs: folder of the runs, each in its own: digits, digit-figures, train-digits, faces, faces-eta, faces-paths,
            words, concepts, zero-shot, two-concepts, and grade.json. All may be missing.
        out: folder to write into; made if missing.
        student_id: of the file's name.
        missing: question ("P1.1" ... "P3.2") or score ("score 1" ... "score 3") -> a line that says why nothing stands
            there.

    Returns:
        The file written.

    Raises:
        UserError: for a note that is damaged, or where no PDF can be made here: then the page is written as HTML.
    """
    page = course_page(Runs(runs, missing), student_id)
    open_folder(out)
    paper, plain = (out / f"hw2_{student_id}.{ending}" for ending in ("pdf", "html"))
    reason = missing_for_pdf()
    if reason:
        write_text(plain, page)
        raise UserError(f"{plain}: is written, and {paper.name} is not: {reason}; {GET_PDF}, then run it again")
    with atomic_path(paper) as beside:
        beside.write_bytes(as_pdf(page, _LETTERS))
    # Of an earlier try without the library.
    plain.unlink(missing_ok=True)
    print(f"wrote {paper} ({paper.stat().st_size / 1e6:.1f} MB)")
    return [paper]


def course_page(runs: Runs, student_id: str) -> str:
    """The page, as HTML that needs no network."""
    problems = {title: questions(runs) for title, questions in _PROBLEMS.items()}
    shown = [question for questions in problems.values() for question in questions]
    grade = grade_tables(runs)
    blocks = [*grade, *(block for question in shown for block in question.blocks)]
    numbered(blocks)
    texts = [block for question in shown for block in question.blocks if isinstance(block, str)]
    return filled(
        "course.html.j2",
        title=_TITLE,
        student=student_id,
        grade=grade,
        problems=problems,
        figures=numbers_of(blocks),
        scripted=False,
        references=cited(texts),
        appendix=_appendix(runs, shown),
        footer=f"Made by sfumato {__version__}.",
    )


def _appendix(runs: Runs, questions: List[Question]) -> List[Mapping[str, object]]:
    """Command lines and settings of all that is shown, each once."""
    notes = {note.path: note for question in questions for note in question.notes}
    return [
        {"place": runs.place_of(note), "typed": homely_command(note.command_line), "settings": runs.settings_of(note)}
        for note in notes.values()
        if note.settings
    ]
