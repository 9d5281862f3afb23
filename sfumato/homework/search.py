"""The search for words that pass: candidates of each source in turn, until all pass or the time is spent.

A candidate is learned, then judged as the course judges, on few pictures first. Only one that is promising is painted
whole, and only such ones can be handed in. The order of candidates is fixed, and what was tried stands in a table, so
that a search that was interrupted goes on behind it.
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..concepts.evaluate import PromptScore
from .candidates import Candidate

FEW = 5
"""Pictures of each prompt that are judged first; the best one of them stands for the best five of 25."""
_NEAR = 2.0
"""How far below its baselines a candidate may be on few pictures to be painted whole: they scatter so much."""
_TEXT_WEIGHT = 2.5


@dataclass
class Tried:
    """What became of a candidate."""

    candidate: Candidate
    few: Optional[float] = None
    """Margin on few pictures; None where nothing judges."""
    all: Optional[List[PromptScore]] = None
    """Of all pictures, if it was promising."""

    @property
    def margin(self) -> Optional[float]:
        """Of all pictures."""
        return None if self.all is None else margin(self.all)

    @property
    def passes(self) -> Tuple[int, int]:
        """Prompts that pass, of those with a baseline."""
        judged = [one.passed for one in self.all or () if one.passed is not None]
        return sum(judged), len(judged)


def margin(scores: Sequence[PromptScore]) -> float:
    """How far the worst prompt is above its baselines, by the worse of both scores; text counts 2.5 times, as in the
    course's choice of pictures. Without baselines it is the worst prompt's whole score."""
    return min(_margin(one) for one in scores)


def _margin(one: PromptScore) -> float:
    if one.baseline is None:
        return one.image + _TEXT_WEIGHT * one.text
    return min(one.image - one.baseline[0], _TEXT_WEIGHT * (one.text - one.baseline[1]))


@dataclass
class WordSearch:
    """The search for one source's word."""

    candidates: Iterator[Candidate]
    learn: Callable[[Candidate], object]
    judge: Optional[Callable[[Candidate, int], List[PromptScore]]]
    """Paint so many pictures of each prompt, and judge them; None where there is no CLIP that can."""
    whole: int
    """Pictures of each prompt that are handed in."""
    expected: Callable[[], float]
    """Seconds of one candidate."""
    tried: List[Tried] = field(default_factory=list)

    @property
    def best(self) -> Tried:
        """The one with most prompts that pass, and of those the one with the largest margin; where nothing judges, the
        first."""
        whole = [one for one in self.tried if one.all is not None]
        return max(whole, key=lambda one: (one.passes[0], one.margin or 0.0)) if whole else self.tried[0]

    @property
    def over(self) -> bool:
        """Whether nothing is left to try: all pass, or nothing judges."""
        if not self.tried:
            return False
        passed, judged = self.best.passes
        return self.judge is None or (judged > 0 and passed == judged)

    def attempt(self) -> Tried:
        """Learn and judge the next candidate."""
        candidate = next(self.candidates)
        self.learn(candidate)
        found = Tried(candidate)
        if self.judge is not None:
            seen = self.judge(candidate, FEW)
            found.few = margin(seen)
            if self._promises(found.few, all(one.baseline for one in seen)):
                found.all = self.judge(candidate, self.whole)
        self.tried.append(found)
        return found

    def _promises(self, few: float, has_baselines: bool) -> bool:
        before = [one.few for one in self.tried if one.few is not None]
        return not before or few >= max(before) or (has_baselines and few >= -_NEAR)


def search(hunts: Sequence[WordSearch], left: Callable[[], float], after: Callable[[], object]) -> None:
    """Try candidates of all sources in turn; the first of each in any case, more while there is time.

    Args:
        hunts: one a source; those with results of an earlier run go on behind them.
        left: seconds that are left, asked before each attempt.
        after: called after each, to write down what was found.
    """
    while True:
        open_ones = [hunt for hunt in hunts if not hunt.over]
        ready = [hunt for hunt in open_ones if not hunt.tried] or [
            hunt for hunt in open_ones if hunt.expected() <= left()
        ]
        if not ready:
            return
        # The one that had the fewest, so that time is shared.
        min(ready, key=lambda hunt: len(hunt.tried)).attempt()
        after()


def settings_of(candidate: Candidate) -> Mapping[str, object]:
    """As the table has them."""
    names = ("init", "lr", "batch_size", "vectors", "steps", "seed")
    told: Dict[str, object] = {name: getattr(candidate, name) for name in names}
    return {**told, "texts": candidate.kind}
