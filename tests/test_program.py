"""How a program of ours ends: in a line, whatever ended it."""

import io
import sys
import warnings

import pytest
import torch

from sfumato import cli
from sfumato.errors import UserError
from sfumato.program import in_a_line, run_program

NO_MEMORY = "there is not enough memory; give a smaller --batch-size, or stop what else is running"


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A program changes how warnings are shown for as long as it runs; here others run after it."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


class CompilerError(RuntimeError):
    __module__ = "torch._inductor.exc"


def out_of_memory(text):
    return getattr(torch.cuda, "OutOfMemoryError", RuntimeError)(text)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("a: is bad; give b"), "a: is bad; give b"),
        (OSError(28, "No space left on device", "a"), "a: No space left on device; free some space, then run it again"),
        (KeyboardInterrupt(), "interrupted; run the same command again to go on"),
        (MemoryError(), NO_MEMORY),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
            NO_MEMORY,
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), NO_MEMORY),
        (out_of_memory("CUDA out of memory. Tried to allocate 2.00 GiB"), NO_MEMORY),
        (RecursionError("maximum recursion depth exceeded"), "what was given is nested too deeply to be read; give a"),
        (CompilerError("no g++"), "the network cannot be compiled here (CompilerError); leave out --compile"),
    ],
)
def test_what_ends_it_is_one_line_and_status_2(error, line, capsys):
    def work():
        raise error

    assert run_program("sfumato", work) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"sfumato: {line}") and said.count("\n") == 1


def test_a_fault_of_ours_keeps_its_traceback():
    assert in_a_line(RuntimeError("a shape")) is None
    with pytest.raises(ZeroDivisionError):
        run_program("sfumato", lambda: 1 // 0)


def test_interrupted_while_it_imports(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.importlib, "import_module", interrupted)
    assert cli.main(["presets"]) == 2
    assert capsys.readouterr().err == "sfumato: interrupted; run the same command again to go on\n"


class Full(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


def test_what_cannot_be_printed_is_said_once(monkeypatch, capsys):
    def printed():
        raise OSError(28, "No space left on device")  # by a print, which has no file's name

    for work in (lambda: 0, printed):
        monkeypatch.setattr(sys, "stdout", Full())
        assert run_program("sfumato", work) == 2
        line = "sfumato: the standard output cannot be written to (No space left on device); what was made is whole"
        assert capsys.readouterr().err == line + "\n"
