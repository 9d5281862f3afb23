"""Every command that a page names is one, and its flags are its own."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("tyro")
pytest.importorskip("accelerate")

from sfumato.commands import COMMANDS
from sfumato.errors import UserError
from sfumato.flags import read_flags

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "records" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def named_commands(page):
    """Each `sfumato ...` of a page, in a block or in a sentence, split into words."""
    text = re.sub(r"\\\n", " ", page.read_text())
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    lines = [line for block in blocks for line in block.splitlines()]
    for line in [*lines, *inline]:
        if line.startswith("sfumato "):
            yield shlex.split(line, comments=True)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_on_a_page_can_be_typed(page):
    for words in named_commands(page):
        if words[0].startswith("-") or words[-1] in ("...", "--help") or words == ["JOB", "VERB"]:
            continue
        name = words[0] if words[0] in COMMANDS else " ".join(words[:2])
        assert name in COMMANDS, words
        flags = words[len(name.split()) :]
        command = COMMANDS[name]
        try:
            read_flags(name, getattr(importlib.import_module(command.module), command.options), flags)
        except UserError as error:
            # A sentence may name a command without what it works on.
            if flags or "missing from" not in str(error):
                raise AssertionError(words, str(error)) from error


def test_a_wrong_flag_on_a_page_would_be_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Try `sfumato digits generate OUT --stepz 3` now.\n\n```\nsfumato doctor --nothing\n```\n")
    assert [words[-2:] for words in named_commands(page)] == [["doctor", "--nothing"], ["--stepz", "3"]]
    with pytest.raises(AssertionError, match="there is no option --nothing; see"):
        test_commands_on_a_page_can_be_typed(page)
