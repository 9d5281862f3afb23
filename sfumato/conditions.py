"""What a model can be told of a picture: labels of one condition, or of several.

The classes of one condition are names, ("rose", "tulip"); those of several are a tuple of names for each,
(("rose", "tulip"), ("blue", "red")). A label of the first is a name or its number; one of the second is a combination,
("rose", "red"), in which None leaves a condition open. In commands and names of folders a combination is written as a
row of a CSV: `rose,red`, and `rose,` with the second left open.
"""

import csv
import io
from typing import Any, Iterable, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

Name = Union[int, str]
"""Of one condition's label: its number too."""
Label = Union[Name, Sequence[Optional[Name]]]
"""Of one condition a name, of several a combination."""
Classes = Union[Tuple[str, ...], Tuple[Tuple[str, ...], ...]]

_SHOWN = 20


class Conditions:
    """The labels of a model.

    Args:
        classes: see above; empty for none.
        null: the label that means none, or that of each condition; by default the number after the last.

    Attributes:
        names: of the labels of each condition.
        nulls: the label of each condition that means none.

    Raises:
        ValueError: for names that are none or stand twice, and nulls that are no labels.
    """

    def __init__(
        self, classes: Sequence[Union[str, Sequence[str]]], null: Union[int, Sequence[int], None] = None
    ) -> None:
        several = [one for one in classes if not isinstance(one, str)]
        listed: Any = classes if several else [classes] if classes else []
        self.names: Tuple[Tuple[str, ...], ...] = tuple(tuple(names) for names in listed)
        for names in self.names:
            if not all(isinstance(name, str) for name in names) or len({*names}) < len(names) or not names:
                raise ValueError("classes must be names, each another one; of several conditions, of each some")
        if several and len(several) < len(classes):
            raise ValueError("classes must be names, or for each of several conditions its names; not both")
        counts = tuple(len(names) for names in self.names)
        given = counts if null is None else (null,) if isinstance(null, int) else tuple(null)
        for number, count in zip(given, counts or [0] * len(given)):
            if type(number) is not int or not 0 <= number <= count:
                raise ValueError(f"null must be a label between 0 and {count}, got {number!r}")
        if counts and len(given) != len(counts):
            raise ValueError(f"{len(counts)} conditions have as many nulls, got {len(given)}")
        self.nulls: Tuple[int, ...] = given

    @property
    def classes(self) -> Classes:
        """As they are given: of one condition its names, of several a tuple of names for each."""
        return self.names[0] if len(self.names) == 1 else self.names

    @property
    def null(self) -> Union[int, Tuple[int, ...], None]:
        """Of one condition its null, of several each one's; None without conditions."""
        return self.nulls[0] if len(self.nulls) == 1 else self.nulls or None

    def numbers(self, label: Optional[Label]) -> Tuple[int, ...]:
        """A label's number in each condition.

        Args:
            label: of one condition a name or number; of several a combination; None leaves all open.

        Raises:
            ValueError: for one that there is not.
        """
        if label is None:
            return self.nulls
        parts = label if len(self.names) > 1 and isinstance(label, (tuple, list)) else (label,)
        if len(parts) != len(self.names):
            example = said([names[0] for names in self.names])
            raise ValueError(f"a label says {len(self.names)} conditions, such as {example}; got {label!r}")
        return tuple(
            null if part is None else _number(part, names) for part, names, null in zip(parts, self.names, self.nulls)
        )

    def of_each(self, label: Union[Label, Sequence[Optional[Label]], None], count: int) -> Tuple[Tensor, ...]:
        """What a network is told of some pictures: int64 [count] for each condition.

        Args:
            label: one for all, or a sequence of one each; of several conditions a sequence of names and numbers is one
                combination, and one each are a sequence of such sequences.
            count: of pictures.

        Raises:
            ValueError: for labels that there are not, or another number of them.
        """
        if not self.names:
            if label is not None:
                raise ValueError("the model has no labels; leave label out")
            return ()
        some: List[Any] = [label] * count if self._is_one(label) else list(label)  # type: ignore[arg-type]
        if len(some) != count:
            raise ValueError(f"{count} pictures need one label, or {count}; got {len(some)}")
        return tuple(torch.tensor(column) for column in zip(*(self.numbers(one) for one in some)))

    def _is_one(self, label: Union[Label, Sequence[Optional[Label]], None]) -> bool:
        if label is None or isinstance(label, (int, str)):
            return True
        return len(self.names) > 1 and all(part is None or isinstance(part, (int, str)) for part in label)

    def read(self, text: str) -> Union[str, Tuple[Optional[str], ...]]:
        """The label that a text says: a name, or a combination as a row of a CSV.

        Raises:
            ValueError: for one that there is not.
        """
        if not self.names:
            raise ValueError("the model has no labels; leave label out")
        if len(self.names) == 1:
            label: Any = text
        else:
            try:
                label = tuple(part or None for part in next(csv.reader([text], skipinitialspace=True, strict=True)))
            except csv.Error as error:
                raise ValueError(f"{text!r} cannot be read as a row of names ({error})") from None
        self.numbers(label)
        return label  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return f"{' x '.join(str(len(names)) for names in self.names) or 'no'} classes"


def said(label: Iterable[Optional[str]]) -> str:
    """A label as a text that `Conditions.read` reads: a name as it is, a combination as a row of a CSV."""
    if isinstance(label, str):
        return label
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([part or "" for part in label])
    return row.getvalue()


def _number(name: Name, names: Sequence[str]) -> int:
    if isinstance(name, str) and name in names:
        return names.index(name)
    if isinstance(name, int) and 0 <= name < len(names):
        return name
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise ValueError(f"unknown label {name!r}; choose one of {', '.join(names[:_SHOWN])}{more}")
