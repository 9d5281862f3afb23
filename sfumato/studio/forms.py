"""The page's forms: each stands for one command, whose words it makes of what is filled in."""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from ..errors import UserError
from .asked import Asked
from .fields import CHOICE, Field
from .place import Place

Words = Callable[[Asked, Place], List[str]]
OUT = "{out}"
"""Stands in a command for the folder of its job."""


class Form(NamedTuple):
    """A form."""

    name: str
    """Of the tab and, after a hyphen, of the form in it; folders of jobs begin with the former."""
    title: str
    button: str
    fields: Tuple[Field, ...]
    words: Words
    """The command, with OUT where its folder goes."""
    lines: str = ""
    """What it does, in a sentence."""
    shows: str = "gallery"
    """How the page shows what came: gallery, slider, training, grid, bars or report."""
    readings: bool = False
    """Whether judges read the digits."""
    command: str = ""
    """Whose pictures set this form when they are dropped on the page."""

    def told(self) -> Dict[str, Any]:
        """As the page takes it."""
        fields = [field.told() for field in self.fields]
        told = {name: getattr(self, name) for name in ("name", "title", "button", "lines", "shows")}
        return {**told, "fields": fields, "watches": any(field.name == WATCH.name for field in self.fields)}

    def asked(self, values: Dict[str, Any], place: Place) -> List[str]:
        """The command's words.

        Raises:
            UserError: for values that cannot be used.
        """
        asked = Asked(self.fields, values)
        asked.check_needed()
        return self.words(asked, place)


WATCH = Field("watch", "Show every step", "flag", True, "x_t and the x_0 that the network sees in it, after each step")


def listed(name: str, label: str, of: str, help: str, **more: Any) -> Field:
    """A field that is chosen from what is there; empty is the command's default."""
    return Field(name, label, CHOICE, "", help, listed=of, **more)


def path_of(asked: Asked, name: str, place: Place) -> str:
    """What a listed field names, as a command takes it.

    Raises:
        UserError: if it is not there.
    """
    return str(place.path(asked.word(name)))


def sent_pictures(asked: Asked, name: str, place: Place) -> str:
    """The folder of the pictures that were sent for a field.

    Raises:
        UserError: if there are none.
    """
    from .sent import together

    names = asked.raw(name)
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise UserError("no pictures: drop some, or choose their files")
    return str(together(names, place.sent).relative_to(place.folder))


def sent_file(asked: Asked, name: str, place: Place) -> str:
    """A file that was sent for a field.

    Raises:
        UserError: if it is not there.
    """
    return str(place.path(str(Path("sent", asked.word(name)))))
