"""`sfumato course`: the plan, the parts in their order, and the summary."""

from typing import List

from ..outputs import holding, open_folder
from ..report.course import course_report
from .concepts import concept_stages
from .digits import digit_stages, digit_weights
from .faces import face_stages
from .grade import grade_in_words, missing_parts, write_grade
from .handing_in import hand_in, move_too_large
from .options import CourseOptions
from .plan import plan_lines
from .setup import Setup
from .stages import Marks, Stage, do, planned


def course(options: CourseOptions) -> None:
    """Do the homework; see CourseOptions.

    Raises:
        UserError: for what cannot be used, before anything is painted; where the PDF cannot be made, after all else.
    """
    options.check()
    setup = Setup(options)
    stages, marks = _stages(setup), Marks(setup.runs)
    left = planned(stages, marks)
    print("\n".join(plan_lines(setup, stages, left)))
    if options.plan:
        return
    with holding(options.out):
        open_folder(setup.runs)
        do(left, marks)
    print("\n".join(grade_in_words(setup)))
    print(f"to hand in: {options.out}, all but runs/, which .gitignore leaves out")


def _stages(setup: Setup) -> List[Stage]:
    stages: List[Stage] = []
    if "1" in setup.problems:
        stages += digit_stages(setup)
    if "2" in setup.problems:
        stages += face_stages(setup)
    if "3" in setup.problems:
        stages += concept_stages(setup)
    return [*stages, *_last_stages(setup, [stage.name for stage in stages])]


def _last_stages(setup: Setup, before: List[str]) -> List[Stage]:
    out, student, missing = setup.out, setup.options.student_id, missing_parts(setup)

    def write() -> None:
        write_grade(setup)
        course_report(setup.runs, out, student, missing)

    def put() -> None:
        hand_in(out, digit_weights(setup))
        move_too_large(out)

    scripts = [out / "sfumato", *(out / f"hw2_{number}.sh" for number in "123")]
    trained = [name for name in before if name == "train-digits"]
    return [
        Stage("hand-in", "", "put scripts and package beside the pictures", lambda: 2.0, None, put, scripts, trained),
        Stage(
            "report",
            "",
            f"write hw2_{student}.pdf and the grade",
            lambda: 20.0,
            [missing, student],
            write,
            [out / f"hw2_{student}.pdf", out / "grade.json"],
            before,
        ),
    ]
