"""Problem 2: DDIM."""

from typing import List

from ..between import paths_figures, paths_words
from ..faces import eta_grid, eta_kept, eta_words, exactness
from ..found import Note
from .questions import Question, Runs

_DDIM = (
    r"x_s = a_s \hat{x}_0 + \sqrt{n_s^2 - \sigma^2}\,\epsilon_\theta(x_t, t) + \sigma z, \quad z \sim N(0, I)",
    r"\sigma = \eta \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}} \sqrt{1 - \frac{\bar\alpha_t}{\bar\alpha_s}}"
    r"\quad (a = \sqrt{\bar\alpha}, \quad n = \sqrt{1 - \bar\alpha})",
)
_SLERP = (
    r"\mathrm{slerp}(a, b; \alpha) ="
    r" \frac{\sin((1-\alpha)\theta)}{\sin\theta}\,a + \frac{\sin(\alpha\theta)}{\sin\theta}\,b"
)
_LERP = r"\mathrm{lerp}(a, b; \alpha) = (1-\alpha)\,a + \alpha\,b, \quad \theta = \arccos\frac{a \cdot b}{|a|\,|b|}"


def face_questions(runs: Runs) -> List[Question]:
    """P2.1 and P2.2."""
    return [_eta(runs), _between(runs)]


def _eta(runs: Runs) -> Question:
    question = Question(
        "P2.1",
        "Different eta",
        "Show the pictures of noises 00 to 03 with eta 0, 0.25, 0.5, 0.75 and 1 in one grid, and explain them.",
    )
    question.say("faces")
    scores = runs.note("faces evaluate", "faces")
    question.of(scores, runs.why("score 2", "faces"), lambda note: question.add(exactness(note)))
    question.say("eta.method")
    question.write(*_DDIM)

    def tell(note: Note) -> None:
        told = eta_words(note)
        question.add(eta_grid(note), told["seen"], told["forgetting"], told["alike"], eta_kept(note), told["quality"])

    question.of(runs.note("faces eta", "faces-eta"), runs.why("P2.1", "faces-eta"), tell)
    return question


def _between(runs: Runs) -> Question:
    question = Question(
        "P2.2",
        "Between two noises",
        "Show slerp between noises 00 and 01 at alpha 0.0, 0.1 ... 1.0, and linear interpolation of the same: what"
        " happens, and why?",
    )
    question.say("paths.method")
    question.write(_SLERP, _LERP)

    def tell(note: Note) -> None:
        told = paths_words(note)
        figures = paths_figures(note)
        faces, paths, scaled = (
            [figure for figure in figures if figure.key in keys]
            for keys in (("between", "slerp", "lerp"), ("paths",), ("scaled",))
        )
        question.add(told["shell"], faces, told["seen"], paths, told["control"], scaled, told["why"])

    question.of(runs.note("faces interpolate", "faces-paths"), runs.why("P2.2", "faces-paths"), tell)
    return question
