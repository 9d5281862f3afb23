"""The command line as a newcomer meets it."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("tyro")

from sfumato.cli import COMMANDS, main


def test_import_and_help_load_no_torch_and_are_quick():
    """What takes time to import is left for later; benchmarks/README.md has the command that measures it."""
    probe = "import sys, sfumato, sfumato.cli; sfumato.cli.main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert not {"torch", "numpy", "PIL", "tyro", "tqdm"} & set(done.stdout.splitlines()[-1].split())


def test_the_overview_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert name in shown
        assert command.summary in shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_every_option(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([*name.split(), "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: sfumato {name}" in shown
    assert "(required)" in shown or "(default:" in shown


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
            "unrecognized options: --stepps, 3; see `sfumato digits generate",
        ),
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
