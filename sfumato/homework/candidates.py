"""What is tried to learn a word: a short list, the most promising first, and then the same with other seeds.

What matters, as far as is known (docs/learning.md): the first words, learning rate and batch together (5e-3 with 4 to 8
photos, or 5e-4 with one), one vector or two, the number of steps, and texts for objects or for styles.
"""

import itertools
import re
from dataclasses import asdict, dataclass, replace
from typing import Iterator, List, Optional

from ..concepts.prompts import Source
from ..personalisation.recipes import RECIPES
from ..runs import digest

_STYLE = r"style\s+of\s+{}"
_FIRST_WORDS = {"dog": ("corgi dog", "dog", "corgi")}
"""Of the course's dog, which is one, what is reported to pass."""
_STYLES = ("fantasy cartoon", "cartoon", "fantasy", "painting")


@dataclass(frozen=True)
class Candidate:
    """Settings to learn a word with."""

    kind: str
    """Which texts: object or style."""
    init: str
    vectors: int
    lr: float
    batch_size: int
    steps: int
    seed: int = 0

    def name(self, made_from: str) -> str:
        """Of its folder.

        Args:
            made_from: what else decides what is learned.
        """
        words = "-".join(re.findall(r"[A-Za-z0-9]+", self.init))[:24]
        return f"{words}-{self.vectors}-{self.kind}-{digest([asdict(self), made_from])[:6]}"


def kind_of(source: Source) -> str:
    """Whether a source's word is a style: one that all its prompts use as one."""
    says = re.compile(_STYLE.format(re.escape(source.token)), re.IGNORECASE)
    return "style" if all(says.search(prompt) for prompt in source.prompts) else "object"


def plain_words(source: Source) -> Optional[str]:
    """What stands in the place of the word in the texts that CLIP is told; None if they are not so made."""
    for prompt, plain in zip(source.prompts, source.judged_as):
        before, there, after = prompt.partition(source.token)
        if there and plain.startswith(before) and plain.endswith(after) and len(plain) > len(before) + len(after):
            return plain[len(before) : len(plain) - len(after)]
    return None


def candidates(kind: str, plain: Optional[str], small: bool, steps: Optional[int] = None) -> Iterator[Candidate]:
    """Without end, the most promising first.

    Args:
        kind: object or style.
        plain: the concept in plain words, such as dog.
        small: whether the checkpoint is the small one that ships, which has recipes of its own.
        steps: of each learning; the recipe's by default.
    """
    recipe = RECIPES[f"small-{kind}" if small else kind]
    words, lr, batch = _words(kind, plain, recipe.init), recipe.lr, recipe.batch_size
    vectors = 2 if kind == "style" else recipe.vectors  # what passes on the course's style
    base = Candidate(kind, words[0], vectors, lr, batch, steps or recipe.steps)
    other = "object" if kind == "style" else "style"
    first: List[Candidate] = [
        base,
        *(replace(base, init=word) for word in words[1:2]),
        replace(base, vectors=1 if vectors > 1 else 2),
        replace(base, lr=lr / 10, batch_size=max(1, batch // 4)),
        replace(base, batch_size=2 * batch),
        replace(base, steps=2 * base.steps),
        *(replace(base, init=word) for word in words[2:]),
        replace(base, kind=other),
    ]
    for seed in itertools.count():
        yield from (replace(one, seed=seed) for one in dict.fromkeys(first))


def _words(kind: str, plain: Optional[str], init: str) -> List[str]:
    """First words, the recipe's own before all others."""
    known = (plain or "").lower()
    more = _STYLES if kind == "style" else _FIRST_WORDS.get(known, (plain or "thing",))
    return [word for word in dict.fromkeys([init, *more]) if word]
