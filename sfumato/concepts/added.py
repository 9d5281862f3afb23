"""What was learned beside words, as a command is given it: FILE, or FILE:0.8 for as much of it."""

from pathlib import Path
from typing import List, NamedTuple, Sequence, Tuple

from ..checkpoints import GivenWord, LearnedFile, read_learned
from ..errors import UserError
from ..runs import digest
from ..stable_diffusion import StableDiffusion

_MOST = 100.0


class Given(NamedTuple):
    """A file of additions, and how much of it is added."""

    file: Path
    amount: float
    learned: LearnedFile

    @property
    def words(self) -> List[GivenWord]:
        """The words that were learned with them."""
        return [GivenWord(self.file, word) for word in self.learned.words]

    @property
    def name(self) -> str:
        """Of what it adds, which decides pictures as the checkpoint does."""
        additions = self.learned.additions
        scales = {layer: one.scale for layer, one in additions.items()}
        return digest(scales, *(part.numpy() for one in additions.values() for part in one.parts))


def given_additions(flag: str, given: Sequence[str]) -> List[Given]:
    """Read what a flag was given.

    Args:
        flag: such as --custom, for messages.
        given: FILE or FILE:AMOUNT.

    Raises:
        UserError: for what cannot be used.
    """
    return [_read(flag, one) for one in given]


def _read(flag: str, given: str) -> Given:
    file, amount = _parted(flag, given)
    learned = read_learned(file)
    if not learned.additions:
        words = ", ".join(word.token for word in learned.words)
        raise UserError(f"{file}: holds a word alone ({words}), which --embeddings takes; {flag} is for additions")
    return Given(file, amount, learned)


def _parted(flag: str, given: str) -> Tuple[Path, float]:
    """What is there under the whole name is a file of that name."""
    file, colon, amount = given.rpartition(":")
    if not colon or Path(given).exists():
        return Path(given), 1.0
    try:
        found = float(amount)
    except ValueError:
        raise UserError(f"{flag} {given}: give FILE, or FILE:0.8 for as much of it") from None
    if not abs(found) <= _MOST:
        raise UserError(f"{flag} {given}: the amount must be between -{_MOST:g} and {_MOST:g}")
    return Path(file), found


def add_given(model: StableDiffusion, given: Sequence[Given]) -> None:
    """Add to a model's weights what was given.

    Raises:
        UserError: for what was learned for another model, or twice the same file.
    """
    for one in given:
        if one.name in model.added:
            raise UserError(f"{one.file}: is given twice; give it once, with the sum of its amounts")
        model.add(one.learned.additions, one.name, one.amount, str(one.file))
