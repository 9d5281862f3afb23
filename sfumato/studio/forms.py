"""The page's forms: each stands for one command, whose words it makes of what is filled in."""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple, Type

from ..errors import UserError
from .asked import Asked
from .fields import CHOICE, Field, option
from .place import Place
from .sent import together

Words = Callable[[Asked, Place], List[str]]


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


def painting_fields(options: Type[Any], *more: Field, count: int, slides: bool = True) -> Tuple[Field, ...]:
    """What every job asks of a painting; the forms make the words of `count`, the rest are the command's options.

    Args:
        options: of the command, with its settings under "sampling".
        more: fields of the job's own that stand under "More".
        count: that the form begins with.
        slides: whether the guidance scale has a slider, which needs a default to begin from.
    """
    return (
        option(options, "count", "Pictures of each", flag="", default=count),
        option(options, "seed", "Seed"),
        option(options, "sampling.steps", "Steps", slides=True, most=100),
        option(options, "sampling.guidance_scale", "Guidance scale", slides=slides, most=10 if slides else None),
        option(options, "sampling.sampler", "Sampler"),
        option(options, "sampling.guide_from", "Guidance from time", more=True),
        option(options, "sampling.guide_to", "Guidance to time", more=True),
        *more,
        option(options, "sampling.spacing", "Spacing", more=True),
        option(options, "sampling.eta", "eta", more=True),
        option(options, "precision", "Precision", more=True),
        WATCH,
    )


def listed(name: str, label: str, of: str, help: str, **more: Any) -> Field:
    """A field that is chosen from what is there; empty is the command's default."""
    return Field(name, label, CHOICE, "", help, listed=of, **more)


def named(asked: Asked, name: str, place: Place) -> List[str]:
    """The words for what a listed field names, under the flag of its name; none where nothing is chosen.

    Raises:
        UserError: if it is not there.
    """
    return [f"--{name}", str(place.path(asked.word(name)))] if asked.given(name) else []


def sent_pictures(asked: Asked, name: str, place: Place) -> str:
    """The folder of the pictures that were sent for a field.

    Raises:
        UserError: if there are none.
    """
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
