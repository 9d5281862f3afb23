"""What a picture's note says, each thing held to its type: a note is a file's text, and may be anything."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Tuple, Type, TypeVar, get_type_hints

from ..checkpoints import shortened
from ..errors import UserError, unwritable
from ..options import check_options, kinds_of

Options = TypeVar("Options")

_MOST_AT_ONCE = 10_000
"""Pictures in a batch."""
_WEAK = ("weak_scale", "weak_from", "weak_to", "weak")
_ENDS = ("guide_from", "guide_to")


class Told:
    """A note.

    Args:
        picture: that it is in, for errors.
        note: as it was read.
    """

    def __init__(self, picture: Path, note: Mapping[str, Any]) -> None:
        self.picture, self._note = picture, note

    def text(self, name: str) -> str:
        """A text."""
        return str(self._of(name, str))

    def whole(self, name: str) -> int:
        """A whole number."""
        return int(self._of(name, int))

    def table(self, name: str) -> Dict[str, Any]:
        """A table; an empty one where the note has none of the name."""
        return dict(self._of(name, dict)) if name in self._note else {}

    def each(self, name: str) -> List["Told"]:
        """The tables of a list, each as a note; none where the note has no such list."""
        found = self._of(name, list) if name in self._note else []
        return [self.inside(name, one) for one in found]

    def inside(self, name: str, found: Any) -> "Told":
        """What stands inside as a note of its own."""
        if not isinstance(found, dict):
            raise self.unusable(f"{name} in it is no table")
        return Told(self.picture, found)

    def has(self, name: str) -> bool:
        """Whether the note says it."""
        return name in self._note

    def amount(self) -> str:
        """How much of a LoRA is added, as --lora takes it."""
        found = self._of("amount", (int, float, str))
        return found if isinstance(found, str) else f"{found:g}"

    def one_of(self, name: str, known: Iterable[str]) -> str:
        """A word of a table."""
        word = self.text(name)
        if word not in known:
            raise self.unusable(f"its {name} is {shortened(word)}; known are {', '.join(known)}")
        return word

    def batch(self) -> Tuple[int, int]:
        """(the picture's place in its batch, from 0; how many were painted at once): a number is rounded otherwise in
        another place, in the last digit."""
        found = self._of("batch", list)
        if len(found) != 2 or not all(type(one) is int for one in found) or not 0 <= found[0] < found[1]:
            raise self.unusable("its batch is no place and a number of pictures")
        if found[1] > _MOST_AT_ONCE:
            raise self.unusable(f"its batch has {found[1]:,} pictures, and none more than {_MOST_AT_ONCE:,}")
        return found[0], found[1]

    def options(self, cls: Type[Options], **given: Any) -> Options:
        """Settings of a dataclass, from the note itself or from "sampling" in it.

        Args:
            cls: the dataclass.
            given: of its fields, in place of what the note says.

        Raises:
            UserError: for one that is missing, or not allowed.
        """
        told = self.table("sampling") or self._note
        hints, found = get_type_hints(cls), dict(given)
        for one in fields(cls):  # type: ignore[arg-type]
            if one.name in found:
                continue
            if one.name not in told:
                # Notes leave out what has no effect, see `Guided.told`.
                if one.name not in (*_WEAK, *_ENDS):
                    raise self.unusable(f"it does not say {one.name}; an older version painted it, or another program")
                found[one.name] = 1.0 if one.name == "weak_scale" else None
                continue
            value, kinds = told[one.name], kinds_of(hints[one.name])
            if kinds & {str, bool} and type(value) not in kinds:
                raise self.unusable(f"its {one.name} is {shortened(str(value))}")
            found[one.name] = value
        try:
            made = cls(**found)
            check_options(made)
        except (UserError, ValueError, TypeError) as fault:
            raise self.unusable(str(fault)) from None
        return made

    def with_weights(self, weights: Any) -> Dict[str, Any]:
        """The note of the same picture from these weights."""
        return {**self._note, "weights": weights}

    def unusable(self, why: str) -> UserError:
        """That the note cannot be used."""
        return UserError(f"{self.picture}: its text cannot be used: {why}")

    def _of(self, name: str, kind: Any) -> Any:
        if name not in self._note:
            raise self.unusable(f"it does not say {name}; an older version painted it, or another program")
        value = self._note[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.unusable(f"its {name} is {shortened(str(value))}")
        if isinstance(value, str) and unwritable(value):
            raise self.unusable(f"its {name} has half a character or a NUL in it")
        return value
