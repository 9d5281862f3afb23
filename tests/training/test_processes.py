"""Several processes of one training: who works long is waited for, who is gone is noticed. Real processes, real wires.

Seconds are fewer here: a process counts as gone after two without a word.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")
pytest.importorskip("tyro")

from sfumato import cli
from sfumato.checkpoints import read_safetensors
from sfumato.pictures.train import PictureWork
from sfumato.program import end_program
from sfumato.runs import read_log
from sfumato.training import in_turn, processes
from tests.pictures.conftest import draw

SILENCE, LOOK = 2.0, 5.0
AGAIN = "start the same command on all machines again to go on from the last saved state"
FLAGS = ["--size", "8", "--width", "8", "--blocks", "1", "--batch-size", "4", "--steps", "4", "--precision", "fp32"]


@pytest.fixture
def pictures(tmp_path):
    for number in range(12):
        draw(tmp_path / "pictures" / f"{number:02d}.png", number)
    return tmp_path / "pictures"


@contextmanager
def two(what, tmp_path, *arguments, machines=False):
    """Two processes of `main` without a launcher, which would end the second when the first does: [first, second]."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.training.test_processes", what, str(tmp_path), *map(str, arguments)]
    with ExitStack() as stack:
        started = []
        for rank in range(2):
            place = {"RANK": rank, "LOCAL_RANK": 0 if machines else rank, "WORLD_SIZE": 2}
            shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
            environment = {**os.environ, **{name: str(value) for name, value in {**place, **shared}.items()}}
            files = {"stdout": subprocess.DEVNULL, "stderr": open(tmp_path / f"said-{rank}", "w")}  # noqa: SIM115
            stack.callback(files["stderr"].close)
            started.append(subprocess.Popen(command, env=environment, **files))
            stack.callback(started[-1].wait)
            stack.callback(started[-1].kill)
        yield started


def lines(tmp_path, rank):
    """What a process said to the user."""
    said = (tmp_path / f"said-{rank}").read_text().replace("\r", "\n").splitlines()
    assert not [line for line in said if line.startswith("Traceback")], said
    return [line[len("sfumato: ") :] for line in said if line.startswith("sfumato: ")]


def seen(path):
    while not path.exists():
        time.sleep(0.05)


def test_a_look_longer_than_any_silence_ends_nothing(pictures, tmp_path, on_two_processes):
    on_two_processes("-m", "tests.training.test_processes", "looks", tmp_path)
    logged = read_log(tmp_path / "run" / "log.jsonl")
    assert [line["looked"] for line in logged if "looked" in line] == [2, 4]
    assert logged[-1]["seconds"] > 2 * LOOK > 2 * SILENCE
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_the_first_process_dies_in_a_look_and_the_other_says_so(pictures, tmp_path, on_two_processes):
    """And the same command goes on from the last state to the end of a run that nothing happened to."""
    with two("dies", tmp_path) as (first, second):
        assert first.wait(60) == -signal.SIGKILL
        died = time.monotonic()
        assert second.wait(60) == 2
        assert time.monotonic() - died < LOOK, "at once, not when somebody would have been waited for long enough"
    assert lines(tmp_path, 1) == [
        f"another process of this training has ended (after step 2); see what it says, then {AGAIN}"
    ]
    states = [path.name for path in (tmp_path / "run").glob("*.safetensors")]
    assert states == ["state-00000001.safetensors"]
    for out in ("run", "whole"):
        on_two_processes("-m", "tests.training.test_processes", "plain", tmp_path, out)
    again, whole = (read_safetensors(tmp_path / out / "model.safetensors")[0] for out in ("run", "whole"))
    assert set(again) == set(whole) and all(torch.equal(again[key], whole[key]) for key in whole)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_process_that_falls_silent_ends_the_other_in_whatever_it_does(pictures, tmp_path, silent):
    """Nothing is closed and nothing arrives, as behind a cut wire. The second waits for a sum then, the first looks."""
    with two("hangs", tmp_path) as both:
        seen(tmp_path / "looking")
        both[silent].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        assert both[1 - silent].wait(60) == 2
        assert SILENCE < time.monotonic() - stopped < 3 * SILENCE + 2
    assert lines(tmp_path, 1 - silent) == [
        f"another process of this training does not answer since 2 s (after step 2); {AGAIN}"
    ]


def test_pictures_are_decoded_by_the_first_process_alone(pictures, tmp_path):
    """However long it takes; the other one, of another machine, finds the file."""
    with two("decodes", tmp_path, machines=True) as both:
        assert [one.wait(60) for one in both] == [0, 0], (lines(tmp_path, 0), lines(tmp_path, 1))
    assert (tmp_path / "decoded-by").read_text() == "0"


def test_machines_with_folders_of_their_own_decode_their_own(pictures, tmp_path):
    with two("decodes", tmp_path, "own", machines=True) as both:
        assert [one.wait(60) for one in both] == [0, 0]
    assert (tmp_path / "decoded-by").read_text() == "01"


def test_a_picture_that_cannot_be_read_is_told_once(pictures, tmp_path):
    (pictures / "03.png").write_bytes(b"hello")
    with two("plain", tmp_path, "run") as both:
        assert [one.wait(60) for one in both] == [2, 2]
    assert len(lines(tmp_path, 0)) == 1 and "03.png: " in lines(tmp_path, 0)[0]
    assert lines(tmp_path, 1) == [
        f"another process of this training has ended (before the first step); see what it says, then {AGAIN}"
    ]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("what", "differs"), [("settings", "muon_lr"), ("folders", "saved steps")])
def test_processes_that_do_not_train_the_same_are_refused(pictures, tmp_path, what, differs):
    if what == "folders":
        assert cli.main(["pictures", "train", str(pictures), str(tmp_path / "0"), *FLAGS]) == 0
    with two(what, tmp_path) as both:
        assert [one.wait(60) for one in both] == [2, 2]
    for rank in range(2):
        assert lines(tmp_path, rank)[0].startswith(
            f"the processes of this training do not all have the same {differs}; give every machine the same command"
        )


def test_the_first_process_says_when_a_run_by_the_clock_ends(pictures, tmp_path):
    """Also where the other one does not see what was decided."""
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "clock.json").write_text('{"steps": 4, "at": 1}')
    with two("clock", tmp_path) as both:
        assert [one.wait(60) for one in both] == [0, 0]
    assert read_log(tmp_path / "0" / "log.jsonl")[-1]["step"] == 4


def test_processes_that_cannot_meet_say_how_they_could(tmp_path):
    """The first never comes."""
    with two("alone", tmp_path) as both:
        assert both[1].wait(60) == 2
    assert "GLOO_SOCKET_IFNAME" in lines(tmp_path, 1)[0]


def test_alone_nobody_is_waited_for(tmp_path):
    assert in_turn(lambda: 7) == 7
    with processes.company() as outer, processes.company() as inner:
        assert inner is outer
    with pytest.raises(RuntimeError, match="its own"), processes.company():
        raise RuntimeError("its own")


def main(what, folder, *arguments):
    """What one of two processes does; all but the seconds and the looks is the command's own."""
    processes.SILENCE, processes._WORD_EVERY, processes._LAST_WORDS = SILENCE, 0.2, 1.0
    folder, rank, out = Path(folder), int(os.environ["RANK"]), "run"
    flags = [*FLAGS, "--save-every", "1", "--look-every", "0"]

    def look(work, step, mean):
        (folder / "looking").touch()
        if what == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(1000 if what == "hangs" else LOOK)
        return {"looked": step}

    def decode(pixels, one, name):
        with open(folder / "decoded-by", "a") as file:
            file.write(str(rank))
        time.sleep(LOOK)
        pixels[:] = 0

    if what in ("looks", "dies", "hangs"):
        PictureWork.look = look
        flags[-1] = "2"
    if what == "decodes":
        from sfumato.pictures import data

        data.decode = decode
        flags += ["--cache", str(folder / f"cache-{rank if arguments else 0}")]
    if what == "settings":
        flags += ["--muon-lr", f"0.0{1 + rank}"]
    if what in ("folders", "clock"):
        out = str(rank)
    if what == "clock":
        flags += ["--minutes", "1"]
    if what == "plain":
        out = arguments[0]
    if what == "alone" and rank == 0:
        time.sleep(1000)
    processes._MEETING = 8.0 if what == "alone" else 60.0
    return cli.main(["pictures", "train", str(folder / "pictures"), str(folder / out), *flags])


if __name__ == "__main__":
    end_program(main(*sys.argv[1:]))
