"""A form's fields are the options of its command: their defaults, ranges, choices and words."""

from dataclasses import dataclass, field
from typing import Optional, Tuple

from sfumato.options import choice, number
from sfumato.studio.fields import CHOICE, FLAG, NUMBER, NUMBERS, TEXT, WHOLE, Field, helps, option


@dataclass
class Walk:
    """Options inside options inside options."""

    eta: float = number(0.0, 0, 1)
    """How much noise."""


@dataclass
class Sampling:
    """Options inside options."""

    steps: int = number(50, 1, 1000)
    """Of the
    walk,  in two lines."""
    walk: Walk = field(default_factory=lambda: Walk(0.25))
    sampler: str = choice("ddim", ("ddim", "unipc"), help="In place of the docstring.")
    """Not this."""


@dataclass
class Above:
    """What a command shares with others."""

    seed: int = number(0)
    """Above."""
    plain: str = ""
    """Above."""


@dataclass
class Options(Above):
    """Of a command."""

    sampling: Sampling = field(default_factory=lambda: Sampling(steps=9))
    plain: str = "it"
    """Below."""
    scale: Optional[float] = number(None, 0)
    sides: Tuple[int, ...] = number((8, 16), 8, 256)
    """Of pictures."""
    quick: bool = False
    batch_size: int = number(5, 1)

    def method(self):
        """No field's."""


@dataclass
class Needing:
    """Of a command that cannot do without."""

    needed: int = number(least=1)


def test_helps_are_the_docstrings_under_the_fields():
    assert helps(Options) == {"seed": "Above.", "plain": "Below.", "sides": "Of pictures."}
    assert helps(Sampling) == {"steps": "Of the walk, in two lines.", "sampler": "Not this."}


def test_an_option_s_kind_is_its_type_s():
    told = {name: option(Options, name, "It") for name in ("seed", "plain", "scale", "quick", "batch_size")}
    assert {name: (one.kind, one.default, one.usual) for name, one in told.items()} == {
        "seed": (WHOLE, 0, 0),
        "plain": (TEXT, "it", "it"),
        "scale": (NUMBER, "", ""),
        "quick": (FLAG, False, False),
        "batch_size": (WHOLE, 5, 5),
    }
    assert told["batch_size"].flag == "--batch-size"
    assert (told["scale"].least, told["scale"].most, told["seed"].least) == (0, None, None)
    assert (told["plain"].help, told["quick"].help) == ("Below.", "")


def test_what_holds_an_option_says_its_default():
    assert option(Sampling, "steps", "Steps").default == 50
    found = option(Options, "sampling.steps", "Steps")
    assert (found.name, found.default, found.usual, found.least, found.most) == ("steps", 9, 9, 1, 1000)
    assert found.help == "Of the walk, in two lines." and found.flag == "--steps"
    assert option(Options, "sampling.walk.eta", "eta").default == 0.25


def test_a_choice_has_its_words_and_its_own_help():
    found = option(Options, "sampling.sampler", "Sampler")
    assert (found.kind, found.choices, found.default) == (CHOICE, ("ddim", "unipc"), "ddim")
    assert found.help == "In place of the docstring."


def test_a_form_may_begin_with_another_value_and_the_command_s_is_known():
    found = option(Options, "sides", "Sides", kind=NUMBERS, default=(32,), most=64, flag="")
    assert (found.kind, found.default, found.usual, found.most, found.flag) == (NUMBERS, (32,), (8, 16), 64, "")
    assert option(Needing, "needed", "Needed").default == ""


def test_the_page_is_told_what_there_is_to_tell():
    assert Field("a", "A", TEXT).told() == {"name": "a", "label": "A", "kind": "text"}
    told = option(Options, "batch_size", "Pictures", more=True).told()
    assert told == {"name": "batch_size", "label": "Pictures", "kind": "whole", "default": 5, "least": 1, "more": True}
    # Nought is a value.
    assert Field("a", "A", WHOLE, 0, least=0).told() == {
        **{"name": "a", "label": "A", "kind": "whole"},
        **{"default": 0, "least": 0},
    }
