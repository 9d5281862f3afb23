"""Folders that are written into: one process at a time, and nothing is left of the lock."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sfumato.errors import UserError
from sfumato.outputs import holding

fcntl = pytest.importorskip("fcntl")

HOLDER = """
import sys
from pathlib import Path
from sfumato.outputs import holding
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder):
    """A process that holds a folder until its input ends."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "held\n"
    return process


def is_held(folder):
    """As another process sees it."""
    other = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(other)
    return False


def test_a_folder_that_another_process_holds_is_refused_and_it_is_named(tmp_path):
    folder = tmp_path / "out"
    process = holder(folder)
    try:
        with pytest.raises(UserError) as refused, holding(folder):
            pass
        end = r" writes into it; wait for its end, or give another folder"
        named = rf"(process {process.pid} \(.*python.*\)|another process)"
        assert re.fullmatch(f"{folder}: {named}{end}", str(refused.value))
    finally:
        process.communicate("")
    with holding(folder) as held:
        assert held == folder and list(folder.iterdir()) == [], "no file is left of the lock"


def test_a_killed_process_holds_nothing(tmp_path):
    process = holder(tmp_path)
    assert is_held(tmp_path)
    process.kill()
    process.communicate()
    assert not is_held(tmp_path)


def test_a_command_may_be_a_part_of_another(tmp_path):
    with holding(tmp_path):
        with holding(tmp_path / "inside"), holding(tmp_path):
            assert is_held(tmp_path / "inside")
        assert is_held(tmp_path) and not is_held(tmp_path / "inside"), "the whole still goes on"
    assert not is_held(tmp_path)


def test_what_cannot_be_locked_is_written_all_the_same(tmp_path, monkeypatch):
    """As on network disks without locks."""

    def none(*told):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", none)
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with holding(tmp_path):
        (tmp_path / "a").touch()
    assert opened in (0, len(os.listdir("/proc/self/fd"))), "and no file stays open"


def test_a_holder_that_the_system_does_not_name_is_another_process(tmp_path, monkeypatch):
    monkeypatch.setattr("sfumato.outputs._LOCKS", tmp_path / "none")
    process = holder(tmp_path)
    try:
        with pytest.raises(UserError, match="another process writes into it"), holding(tmp_path):
            pass
    finally:
        process.communicate("")
