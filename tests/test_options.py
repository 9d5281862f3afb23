"""What options allow: every number has its range, and one mechanism holds them to it."""

import importlib
import math
import re
import subprocess
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Dict, Optional, Tuple, get_type_hints

import pytest

from sfumato.commands import COMMANDS
from sfumato.errors import UserError
from sfumato.models.registry import NETWORKS
from sfumato.options import check_fields, check_options, choice, kinds_of, number, range_in_words

pytest.importorskip("accelerate")


@dataclass
class Inner:
    """Options inside options."""

    rate: float = number(0.5, 0, above=True)
    level: float = number(0.0)


@dataclass
class Outer:
    """One field of every kind that there is."""

    needed: int = number(least=1)
    share: float = number(0.1, 0, 1)
    batch_size: Optional[int] = number(None, 1, 64)
    sides: Tuple[int, ...] = number((8,), 8, 256)
    kind: str = choice("red", {"red": 1, "green": 2}, help="A colour.")
    inner: Inner = field(default_factory=Inner)
    free: str = ""


@pytest.mark.parametrize(
    "options",
    [
        Outer(1),
        Outer(10**400, 0, 1, (), "green"),
        Outer(1, 1, 64, (8, 256), inner=Inner(1e-300, -1e300)),
        Outer(1, 1.0, sides=[9]),
    ],
)
def test_what_is_allowed_passes(options):
    check_options(options)
    check_fields(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Outer(0), "--needed must be at least 1, got 0"),
        (Outer(-(10**400)), "--needed must be at least 1, got -1000"),
        (Outer(None), "--needed must be a whole number, got None"),
        (Outer(2.0), "--needed must be a whole number, got 2.0"),
        (Outer(True), "--needed must be a whole number, got True"),
        (Outer("few"), "--needed must be a whole number, got few"),
        (Outer(1, "few"), "--share must be a number, got few"),
        (Outer(1, -1e-9), "--share must be at least 0 and at most 1, got -1e-09"),
        (Outer(1, 1.5), "--share must be at least 0 and at most 1, got 1.5"),
        (Outer(1, math.nan), "--share must be at least 0 and at most 1 and finite, got nan"),
        (Outer(1, batch_size=0), "--batch-size must be at least 1 and at most 64, got 0"),
        (Outer(1, batch_size=65), "--batch-size must be at least 1 and at most 64, got 65"),
        (Outer(1, sides=(8, 257)), "--sides must be at least 8 and at most 256, got 257"),
        (Outer(1, kind="gren"), "unknown kind 'gren'; did you mean 'green'? choose one of red, green"),
        (Outer(1, kind=None), "unknown kind None; choose one of red, green"),
        (Outer(1, inner=Inner(0.0)), "--rate must be above 0, got 0.0"),
        (Outer(1, inner=Inner(math.inf)), "--rate must be above 0 and finite, got inf"),
        (Outer(1, inner=Inner(0.5, math.inf)), "--level must be finite, got inf"),
        (Outer(1, inner=Inner(0.5, math.nan)), "--level must be finite, got nan"),
    ],
)
def test_what_is_not_allowed_is_refused_by_its_flag(options, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        check_options(options)
    by_field = message.lstrip("-").replace("batch-size", "batch_size")
    with pytest.raises(ValueError, match=f"^{re.escape(by_field)}"):
        check_fields(options)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (number(1, 1), "at least 1"),
        (number(0, 0, 1), "0 ... 1"),
        (number(1, 0, above=True), "above 0"),
        (number(1, 0, 2.5, above=True), "above 0 ... 2.5"),
        (number(0), ""),
        (number(0, most=3), "at most 3"),
        (choice("a", "ab"), ""),
    ],
)
def test_ranges_in_words(made, words):
    assert range_in_words(made.metadata) == words


def test_help_shows_the_range_the_default_and_the_docstring(capsys):
    pytest.importorskip("tyro")
    from sfumato.cli import main

    with pytest.raises(SystemExit):
        main(["world", "train", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert "Share of empty captions. (default: 0.1; 0 ... 1)" in shown
    assert "Of training, in place of steps; the learning rate falls in the last of them. (default: None; above" in shown


def every_options_class() -> Dict[type, str]:
    """Every dataclass that a command or a network's description is made of, and whose it is."""
    found: Dict[type, str] = {}

    def add(cls, owner):
        found.setdefault(cls, owner)
        for hint in get_type_hints(cls).values():
            if is_dataclass(hint):
                add(hint, owner)

    for name, command in COMMANDS.items():
        add(getattr(importlib.import_module(command.module), command.options), name)
    for name, made in NETWORKS.items():
        add(made.config, name)
    return found


@pytest.mark.parametrize("cls", list(every_options_class()), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_number_has_a_range(cls):
    hints = get_type_hints(cls)
    for one in fields(cls):
        if kinds_of(hints[one.name]) & {int, float}:
            least, most = one.metadata["range"]
            assert least < most, one.name


def test_numbers_without_a_range_would_be_noticed():
    @dataclass
    class Careless:
        count: Optional[Tuple[int, ...]] = None

    with pytest.raises(KeyError):
        test_every_number_has_a_range(Careless)


def test_the_mechanism_is_quick_to_import():
    probe = "import sys, sfumato.options; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert not {"torch", "numpy", "tyro"} & set(done.stdout.split())
