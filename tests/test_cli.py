"""The command line as a newcomer meets it."""

import contextlib
import importlib
import os
import pty
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from sfumato.cli import main
from sfumato.commands import AIMS, COMMANDS, EXAMPLES, JOBS
from sfumato.concepts.generate import GenerateOptions
from sfumato.flags import read_flags
from sfumato.pictures.learn import LearnOptions


def test_import_and_help_load_no_torch_and_are_quick():
    """What takes time to import is left for later; benchmarks/README.md has the command that measures it."""
    probe = "import sys, sfumato, sfumato.cli; sfumato.cli.main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert not {"torch", "numpy", "PIL", "tyro", "tqdm"} & set(done.stdout.splitlines()[-1].split())


def test_the_overview_lists_every_command_by_what_one_wants_to_do(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    below = dict(re.findall(r"^(\S.*):\n((?:  .*\n)+)", shown, re.MULTILINE))
    assert list(below) == [*AIMS, "for example"]
    for aim, commands in AIMS.items():
        assert [line[2:24].strip() for line in below[aim].splitlines()] == list(commands)
        assert all(command.summary in below[aim] for command in commands.values())
    assert below["for example"].split("\n")[:3] == [f"  {line}" for line in EXAMPLES]


@pytest.mark.parametrize("name", list(JOBS))
def test_a_job_alone_shows_a_page_of_its_own(name, capsys):
    assert main([name]) == 2
    shown = capsys.readouterr().out
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out == shown
    assert max(map(len, shown.splitlines())) <= 80
    assert re.findall(r"^  (?!sfumato)([a-z-]+ [a-z-]+) ", shown, re.MULTILINE) == [
        command for command in COMMANDS if command.split()[0] == name
    ]
    assert all(f"  {line}\n" in shown for line in JOBS[name].examples)


def test_jobs_are_what_several_commands_begin_with():
    words = [name.split()[0] for name in COMMANDS if " " in name]
    assert set(JOBS) == set(words)


@pytest.mark.parametrize("line", [*EXAMPLES, *(line for job in JOBS.values() for line in job.examples)])
def test_every_example_can_be_typed(line):
    _, *words = shlex.split(line)
    name = next(name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS)
    command = COMMANDS[name]
    read_flags(name, getattr(importlib.import_module(command.module), command.options), words[len(name.split()) :])


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_every_option(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: sfumato {name}" in shown
    assert "(required)" in shown or "(default:" in shown
    assert max(map(len, shown.splitlines())) <= 80, "no line wraps in a terminal of 80 columns"


def test_arguments_are_called_by_their_names(capsys):
    with pytest.raises(SystemExit):
        main(["faces", "generate", "--help"])
    assert "[OPTIONS] NOISE OUT UNET" in capsys.readouterr().out


def test_a_reader_that_has_enough_is_no_error():
    command = f"{sys.executable} -m sfumato faces generate --help | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: sfumato faces generate")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paint"], "there is no command 'paint'; `sfumato --help` lists them"),
        (["digits", "paint"], "there is no command 'digits paint'; `sfumato --help` lists them"),
        (
            ["digits", "evaluate", "nowhere"],
            "nowhere: there is no such folder; paint one with",
        ),
        (["digits", "generate", "x", "--sampler", "euler"], "unknown sampler 'euler'; choose one of"),
        (
            ["digits", "generate", "x", "--weights", "none.safetensors"],
            "none.safetensors: cannot be read (No such",
        ),
        (["digits", "train", "nowhere", "run"], "nowhere/mnistm: there is no such folder"),
        (
            ["digits", "generate", "x", "--stepps", "3"],
            "there is no option --stepps; did you mean --steps?",
        ),
        (["digits", "generate", "--hepl"], "there is no option --hepl; did you mean --help?"),
        (["digits", "generate", "--cuont", "3"], "there is no option --cuont; did you mean --count?"),
        (["digits", "generate", "x", "--guid=3"], "there is no option --guid; did you mean --guidance-scale?"),
        (["digits", "train", "--no-compil"], "there is no option --no-compil; did you mean --no-compile?"),
        (["digits", "generate", "--out", "x"], "there is no option --out; OUT is given by its place, without a name"),
        (
            ["concepts", "generate", "x", "--prompt", "-zzz"],
            "there is no option -zzz; see `sfumato concepts generate --help`, and write a value that begins with a dash"
            " as --OPTION=VALUE",
        ),
        (["digits", "generate", "x", "y"], "unrecognized options: y; see `sfumato digits generate --help`"),
        (["digits", "generate", "x", "--guidance-scale", "-inf", "--cuont"], "there is no option --cuont;"),
        (["pictures", "train", "x", "y", "--minutes", "few"], "error parsing --minutes: no type matching {None}|FLOAT"),
        (["digits", "generate", ""], "OUT: the path is empty; give one (. is the folder that you are in)"),
        (["digits", "generate", "x", "--weights="], "--weights: the path is empty; give one"),
        (["report", "out", "--run", "a", ""], "--run: the path is empty; give one"),
        (["digits", "generate", "x", "--steps", "few"], "error parsing --steps: invalid literal"),
        (["digits", "generate"], "missing from sfumato digits generate: OUT"),
        (["report", "out", "--run"], "--run: give at least one folder"),
    ],
)
def test_a_users_error_is_one_line_and_status_2(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"sfumato: {message}")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_options_are_read_as_they_were_typed():
    """What is looked at before the argument parser takes what that takes."""
    read = partial(read_flags, "pictures train", LearnOptions)
    typed = ["--batch_size=7", "a", "--no-compile", "b", "--minutes", "-1", "--labels", "none"]
    options = read(typed)
    assert (options.training.loop.batch_size, options.training.loop.compile) == (7, False)
    assert (options.training.minutes, str(options.out)) == (-1.0, "b")
    assert read(["--", "-a", "--b"]).out == Path("--b")
    prompts = ["x", "--prompt", "", "--negative-prompt=-a  b"]
    painted = read_flags("concepts generate", GenerateOptions, prompts)
    assert (painted.prompt, painted.sampling.negative_prompt) == (("",), "-a  b")


def on_a_terminal(command, columns):
    """What a command says on a terminal that can colour; its exit status."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # Linux says so that the other end was closed
        while part := os.read(ours, 1 << 16):
            said += part
    os.close(ours)
    return said.decode().replace("\r\n", "\n"), running.wait()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cuont", "3"], "there is no option --cuont; did you mean --count?"),
        ([], "missing from sfumato digits generate: OUT"),
        (
            ["x", "--steps", "few" * 60],
            f"error parsing --steps: invalid literal for int() with base 10: '{'few' * 60}'",
        ),
    ],
)
def test_a_terminal_of_any_width_is_told_what_a_pipe_is(flags, message):
    command = [sys.executable, "-m", "sfumato", "digits", "generate", *flags]
    piped = subprocess.run(command, capture_output=True, text=True)
    assert piped.stderr.startswith(f"sfumato: {message}") and piped.returncode == 2
    assert on_a_terminal(command, 40) == (piped.stderr, 2)


def test_no_command_shows_the_overview_and_is_status_2(capsys):
    assert main([]) == 2
    assert main(["digits"]) == 2
    assert "digits generate" in capsys.readouterr().out


def test_a_full_disk_is_one_line(capsys, monkeypatch, tmp_path):
    def full(self, *where, **how):
        raise OSError(28, "No space left on device")  # a write knows no name

    monkeypatch.setattr("PIL.Image.Image.save", full)
    assert main(["digits", "generate", str(tmp_path), "--count", "1", "--steps", "1"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    picture = tmp_path / "mnistm" / "0_001.png"
    assert said == f"sfumato: {picture}: No space left on device; free some space, then run it again"
    assert not list((tmp_path / "mnistm").iterdir())


def test_a_prompt_that_is_not_utf_8_is_one_line(capsys, tmp_path):
    flags = ["--prompt", "a seven", "caf\udce9", "--count", "1"]
    assert main(["concepts", "generate", str(tmp_path / "out"), *flags]) == 2
    assert capsys.readouterr().err == "sfumato: --prompt: 'caf\\udce9' is not UTF-8 text; type it anew\n"
    assert main(["concepts", "generate", str(tmp_path), "--prompt", "a", "--negative-prompt", "\udce9"]) == 2
    assert "--negative-prompt: '\\udce9' is not UTF-8" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_files_whose_names_are_not_utf_8_are_used_and_named(tmp_path):
    """As a shell gives them, and with a terminal of any encoding."""
    folder = os.fsencode(tmp_path) + b"/no\xefse"
    for encoding in ("utf-8", "ascii"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        command = [sys.executable, "-m", "sfumato", "faces"]
        done = subprocess.run(
            [*command, "noise", folder, "--count", "1", "--size", "8"], capture_output=True, env=environment
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"no\\udcefse" in done.stdout
        done = subprocess.run(
            [*command, "generate", folder + b"x", b"out", "shipped"], capture_output=True, env=environment
        )
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1 and b"no\\udcefsex: there is no such folder" in done.stderr
    assert os.listdir(folder) == [b"00.pt"]
