"""What `sfumato course` can be told."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import FrozenSet, Optional

from ..errors import UserError
from ..options import number
from ..outputs import refuse_file

PROBLEMS = ("1", "2", "3")


@dataclass
class CourseOptions:
    """Do the course's homework whole: from its downloads to a folder that can be handed in, and to the grade that it
    will get. Run the same command again to go on where it was interrupted; what is done is not done twice."""

    data: Path
    """The course's hw2_data: digits, face, textual_inversion, clip_zeroshot; a part that is missing is left out, and
    said."""
    out: Path
    """Folder to hand in: scripts, package, embeddings, pictures and PDF; made if missing. What led to them lies in
    OUT/runs."""
    student_id: str = field(metadata={"flag": True})
    """Such as R12345678; the report is hw2_R12345678.pdf."""
    checkpoint: Optional[Path] = None
    """Stable Diffusion v1 for problem 3, such as the course's v1-5-pruned.ckpt, or the word small for the one that
    ships; without it no word is learned."""
    clip: Optional[str] = None
    """The CLIP that searches, grades and classifies: a folder or a name such as openai/clip-vit-base-patch32. The small
    one ships, which knows digits only, and is taken with the small checkpoint alone."""
    only: str = ",".join(PROBLEMS)
    """Which problems, such as 1,3."""
    hours: float = number(1.0, 0)
    """Of searching for words beyond the first of each source, while one of its prompts is below a baseline."""
    train_digits: bool = False
    """Train the digit model on DATA/digits in place of the weights that ship."""
    digit_steps: Optional[int] = number(None, 1)
    """Of that training; those of `digits train` by default."""
    word_steps: Optional[int] = number(None, 1)
    """In which a word is learned; the recipe's by default."""
    classifier: Optional[Path] = None
    """The course's Classifier.pth, which judges MNIST-M; looked for in DATA and beside it."""
    plan: bool = False
    """Only say what was found, what would be done, and how long it takes on this machine."""

    def problems(self) -> FrozenSet[str]:
        """Those of `only`.

        Raises:
            UserError: for one that there is not.
        """
        asked = [part.strip() for part in self.only.split(",")]
        for part in asked:
            if part not in PROBLEMS:
                raise UserError(f"--only: there is no problem {part!r}; give some of {','.join(PROBLEMS)}, such as 1,3")
        return frozenset(asked)

    def check(self) -> None:
        """Refuse what cannot be worked with, before anything is read.

        Raises:
            UserError: naming the setting.
        """
        self.problems()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", self.student_id):
            raise UserError(
                f"--student-id: {self.student_id!a} cannot be a part of the report's name; give letters and digits,"
                " such as R12345678"
            )
        refuse_file(self.out)
