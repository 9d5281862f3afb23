"""Whatever is typed that cannot be used is answered with one line that names it, status 2, and nothing written.

The inputs are made from the types of the commands' options, so a new option is tried by itself. What is wrong in
several places is told at once, with the words that were typed.
"""

import copy
import dataclasses
import functools
import importlib
import math
import os
import socket
import traceback
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

pytest.importorskip("tyro")

from sfumato.cli import main
from sfumato.commands import COMMANDS
from sfumato.flags import read_flags
from sfumato.options import check_options, kinds_of

from .good import ARGUMENTS, READ_EITHER, READ_FOLDERS, TABLES, WRITTEN_FILES, WRITTEN_FOLDERS, make_good_inputs


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    return make_good_inputs(tmp_path_factory.mktemp("good"))


def fields_of(options):
    """(field, its type) of options and of those inside them."""
    hints = get_type_hints(options)
    for one in dataclasses.fields(options):
        if dataclasses.is_dataclass(hints[one.name]):
            yield from fields_of(hints[one.name])
        else:
            yield one, hints[one.name]


def fields_with(name, kind):
    """A command's fields whose type has a type in it, or whose metadata have a name; all of an object."""
    command = COMMANDS[name]
    for one, hint in fields_of(getattr(importlib.import_module(command.module), command.options)):
        if kind is object or kind in one.metadata or kind in kinds_of(hint):
            yield one, hint


def is_required(one):
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def is_positional(one):
    return bool(one.metadata.get("place")) or (is_required(one) and not one.metadata.get("flag"))


def typed(name, good, changed=None, *instead):
    """The words of a command that would work, but for the field that is changed, with what is typed instead."""
    given = {field: [inside(value, good)] for field, value in ARGUMENTS[name].items() if field}
    words, flags = [], list(ARGUMENTS[name].get("", []))
    for one, _ in fields_with(name, object):
        # Taken out, since a field of options inside may be called as another one is.
        usual = given.pop(one.name, [])
        said = list(instead) if one is changed else usual
        if is_positional(one):
            words += said
        elif said:
            flag, (first, *more) = f"--{one.name.replace('_', '-')}", said
            # Joined to its flag a word may begin with a dash.
            flags += [flag, first, *more] if more else [f"{flag}={first}"]
    return [*name.split(), *words, *flags]


def inside(value, good):
    return value if value.startswith("OUT") else str(good / value)


def listing(folder):
    return {(path, os.lstat(path).st_mtime_ns) for path in folder.rglob("*")}


class Tries:
    """Runs bad commands and keeps those that are not answered as they should be."""

    def __init__(self, capsys, folder):
        self._capsys, self._folder, self._there = capsys, folder, listing(folder)
        self.count, self._faults = 0, []

    def __call__(self, words, *names):
        """Try some words; the line must have one of the names in it."""
        self.count += 1
        self._capsys.readouterr()
        try:
            status = main(words)
        except BaseException:
            status = traceback.format_exc(limit=-2)
        said = self._capsys.readouterr().err
        named = any(name.replace("_", "-") in said.replace("_", "-") for name in names)
        wrote = sorted({str(path) for path, _ in listing(self._folder) ^ self._there})
        if status != 2 or said.count("\n") != 1 or not said.startswith("sfumato: ") or not named or wrote:
            self._faults.append(f"sfumato {' '.join(words)}\n   {status}: {said!r} names {names}? wrote {wrote}")
            self._there = listing(self._folder)

    def see(self):
        """Take what is there for what was there before."""
        self._there = listing(self._folder)

    def end(self):
        print(f"{self.count} tried, {len(self._faults)} badly answered")
        assert not self._faults, "\n" + "\n".join(self._faults)


@pytest.fixture
def tries(capsys, tmp_path, monkeypatch):
    from tqdm import tqdm

    # A bar is no answer; what bars are like has tests of its own.
    monkeypatch.setattr(tqdm, "__init__", functools.partialmethod(tqdm.__init__, disable=True))
    folder = tmp_path / "here"
    (folder / "a-folder").mkdir(parents=True)
    (folder / "an-empty-file").write_text("")
    (folder / "a-text").write_text("umber\n" * 9)
    monkeypatch.chdir(folder)
    tried = Tries(capsys, folder)
    yield tried
    tried.end()


def bad_numbers(allowed, whole):
    """What a number cannot be, as it is typed."""
    (least, most), beyond = allowed["range"], 1 if whole else 1e-6
    yield from ("few", "nan", "inf", "-inf", "1e400", *(["1.5"] if whole else []))
    if least > -math.inf:
        yield str(least if allowed.get("above") else least - beyond)
    if most < math.inf:
        yield str(most + beyond)


def repeated(hint):
    """How many numbers a flag takes: two of an Optional[Tuple[float, float]]."""
    tuples = [args for args in map(get_args, (hint, *get_args(hint))) if len(args) == 2 and args[0] is args[1]]
    return 2 if tuples else 1


@pytest.mark.parametrize("name", list(COMMANDS))
def test_numbers_that_cannot_be(name, good, tries):
    for one, hint in fields_with(name, "range"):
        for value in bad_numbers(one.metadata, float not in kinds_of(hint)):
            tries(typed(name, good, one, *[value] * repeated(hint)), one.name)


def every_part(options):
    """Options and those inside them."""
    yield options
    for one in dataclasses.fields(options):
        if dataclasses.is_dataclass(getattr(options, one.name)):
            yield from every_part(getattr(options, one.name))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_ends_of_a_range_are_in_it(name, good):
    command = COMMANDS[name]
    cls, words = getattr(importlib.import_module(command.module), command.options), typed(name, good)
    for part in every_part(read_flags(name, cls, words[len(name.split()) :])):
        for one in dataclasses.fields(part):
            if "range" in one.metadata:
                (least, most), above = one.metadata["range"], one.metadata.get("above")
                for end in (-(10**6) if least == -math.inf else least, 10**6 if most == math.inf else most):
                    changed = copy.copy(part)
                    value = end + 1e-6 if above and end == least else end
                    several = isinstance(getattr(part, one.name), tuple)
                    object.__setattr__(changed, one.name, (value,) if several else value)
                    check_options(changed)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_words_that_no_table_has(name, good, tries):
    for one, _ in fields_with(name, "choices"):
        tries(typed(name, good, one, "umber"), f"unknown {one.name} 'umber'")
    for one, _ in fields_with(name, str):
        if one.name in TABLES.get(name, TABLES[""]):
            tries(typed(name, good, one, "umber"), "'umber'", one.name)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_arguments_too_many_too_few_and_unknown(name, good, tries):
    words, first = typed(name, good), len(name.split())
    needed = [one.name for one, _ in fields_with(name, object) if is_positional(one)]
    tries([*words[: first + len(needed)], "surplus", *words[first + len(needed) :]], "surplus")
    tries([*words, "--umber", "1"], "--umber")
    if any(is_positional(one) and is_required(one) for one, _ in fields_with(name, object)):
        tries(words[:first], *(one.upper() for one in needed))
    if len(needed) > 1 and name != "faces evaluate":  # whose two folders are alike
        one, other = words[first : first + 2]
        tries([*words[:first], other, one, *words[first + 2 :]], one, other)


def bad_paths(name, field):
    """What a path cannot be, and in what words a line may name it."""
    place, below = (name, field), os.path.join("an-empty-file", "umber")
    if place in WRITTEN_FOLDERS:
        paths = ["an-empty-file", below]
    elif place in WRITTEN_FILES:
        paths = ["a-folder", below]
    else:
        text = ["a-text"] if place in READ_EITHER or place in READ_FOLDERS else []
        # The studio takes any folder for one of models.
        folder = [] if place == ("studio", "models") else ["a-folder"]
        paths = ["umber", below, "an-empty-file", *folder, *text]
    return {path: ("an-empty-file", "umber") if path == below else (path,) for path in paths}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "doctor"])  # which says what is not there
def test_paths_that_cannot_be_read_or_written(name, good, tries):
    for one, _ in fields_with(name, Path):
        for path, names in bad_paths(name, one.name).items():
            words = typed(name, good, one, path)
            if (name, one.name) == ("concepts generate", "input"):  # which comes in place of prompts
                words = [word for word in words if word not in ("--prompt", "a seven")]
            tries(words, *names)


def test_networks_that_do_not_fit(good, tries):
    for name, flags, line in (
        ("world train", ["--context", "32"], "--context must be 64, the width of the text's states, got 32"),
        ("world train", ["--channels", "3"], "--channels must be 4, those of the autoencoder's latents, got 3"),
        ("world train", ["--multipliers", *"1111"], "--multipliers: pictures of 48 cannot be halved 5 times"),
        ("world train", ["--heads", "3"], "width must be a multiple of 32 and of heads"),
        ("world autoencoder", ["--multipliers", *"111111"], "--multipliers: pictures of 48 cannot be halved 5 times"),
        ("world autoencoder", ["--width", "8"], "width must be a multiple of 32"),
        ("digits train", ["--width", "12"], "width must be a multiple of 8, got 12"),
        ("digits train", ["--classes", "10"], "--classes must be 20"),
        ("faces train", ["--groups", "7"], "groups must divide the width, 64, got 7"),
        ("pictures train", ["--size", "50"], "cannot be halved as often as 2 levels and patches of 2 need"),
        ("pictures train", ["--width", "12"], "width must be a multiple of 8, got 12"),
    ):
        tries([*typed(name, good), *flags], line)


def test_a_studio_that_cannot_be_opened_ends_at_once(good, tries):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        Path("a-short-password").write_text("seven77\nand more\n")
        Path("a-password").write_text("seven777\n")
        tries.see()
        for flags, line in (
            (["--host", "0.0.0.0"], "--host 0.0.0.0: whoever reaches this machine could use the page"),
            (["--host", "::"], "give --password-file too"),
            (["--host", "umber.invalid", "--password-file", "a-password"], "--host umber.invalid: is no address"),
            (["--host", "0.0.0.0", "--password-file", "a-short-password"], "needs 8 letters or more"),
            (["--password-file", "an-empty-file"], "an-empty-file: its first line is the password"),
            (["--host", "0.0.0.0", "--password-file", "umber"], "umber: "),
            (["--models", "umber"], "umber: there is no such folder; give --models the one"),
            (["--port", "65536"], "--port must be at least 0 and at most 65535"),
            (["--port", port], f"--port {port}: cannot be listened on at 127.0.0.1"),
        ):
            tries(
                ["studio", "OUT", "--port", "0", *flags] if "--port" not in flags else ["studio", "OUT", *flags], line
            )


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "studio"])  # which serves until interrupted
def test_the_others_are_good(name, good, tmp_path, monkeypatch):
    """Else it is not the bad one that the tests above meet."""
    monkeypatch.chdir(tmp_path)
    assert main(typed(name, good)) == 0
