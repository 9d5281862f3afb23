"""Commands in processes of their own, without the seconds that importing PyTorch takes each of them.

A process that has imported everything forks for each command. The child's time and memory are measured, its output and
what it leaves in its folder are kept. What the parent has in memory already does not count.
"""

import contextlib
import importlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple

MOST_SECONDS = 10
ACTS = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn", "subprocess.Popen", "pickle.find_class"}
ACTS |= {"socket.connect", "shutil.rmtree", "webbrowser.open", "urllib.Request", "ctypes.dlopen", "code.__new__"}
"""What Python says that no command does by itself."""
_HEAVY = (
    *(
        "torch",
        "torch._dynamo",
        "torch._inductor.utils",
        "tokenizers",
        "transformers",
        "tyro",
        "accelerate",
        "jinja2",
        "matplotlib.figure",
        "tensorboard",
        "safetensors.torch",
    ),
    *("sfumato.faces.generate", "sfumato.faces.invert", "sfumato.faces.train", "sfumato.digits.generate"),
    *("sfumato.digits.evaluate", "sfumato.digits.train", "sfumato.concepts.generate"),
    "sfumato.personalisation.learn",
    *("sfumato.concepts.words", "sfumato.converting", "sfumato.zero_shot", "sfumato.report.report", "sfumato.clip"),
)


class Outcome(NamedTuple):
    """What came of a command."""

    status: int
    """Of its exit; negative for a signal that ended it."""
    seconds: float
    megabytes: float
    """Its peak of memory above what it began with."""
    said: str
    left: List[str]
    """Names of what is in the folder that it ran in, but for `out`, `tmp` and `said`: files that acted leave them, and
    so does our ear for what Python tells of (`acts-os.system`)."""


class Server:
    """Runs commands; a context that ends its process."""

    def __enter__(self) -> "Server":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def run(self, arguments: List[str], folder: pathlib.Path, main: str = "sfumato.cli:main") -> Outcome:
        """Run `sfumato ARGUMENTS`, or another function of them, in an empty folder."""
        self._process.stdin.write(json.dumps([main, arguments, str(folder)]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server of commands ended")
        measured: Dict[str, float] = json.loads(line)
        left = sorted(path.name for path in folder.iterdir() if path.name not in ("out", "said", "tmp"))
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        return Outcome(int(measured["status"]), measured["seconds"], measured["megabytes"], said, left)


def _serve() -> None:
    for name in _HEAVY:
        importlib.import_module(name)
    # It imports more when it is first used.
    importlib.import_module("sfumato.clip").Clip()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_measured(*json.loads(line))) + "\n")
        answers.flush()


def _measured(main: str, arguments: List[str], folder: str) -> Dict[str, float]:
    there, here = os.pipe()
    began, child = time.monotonic(), os.fork()
    if not child:
        # Less than the parent's: what is mapped from files comes in when it is used.
        os.write(here, str(_resident()).encode())
        os.close(here)
        _run(main, arguments, folder)
    os.close(here)
    with os.fdopen(there) as begin:
        before = int(begin.read(32))
    status, used = _waited(child, began)
    seconds = time.monotonic() - began
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return {"status": code, "seconds": seconds, "megabytes": (used - before) / 1024}


def _resident() -> int:
    """KiB of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def _waited(child: int, began: float) -> "tuple[int, int]":
    """(how a child ended, its peak of memory in KiB); one that takes far too long is ended."""
    pause = 0.002
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            return status, used.ru_maxrss
        if time.monotonic() - began > 2 * MOST_SECONDS:
            os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _run(main: str, arguments: List[str], folder: str) -> None:
    """In the child: the command, from which nothing returns."""
    status = 99
    try:
        os.chdir(folder)
        os.mkdir("tmp")
        os.environ["TMPDIR"] = tempfile.tempdir = os.path.join(folder, "tmp")
        out = os.open("said", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        # A file may ask for more than the machine has: then it is this process that fails, and not the machine.
        resource.setrlimit(resource.RLIMIT_AS, (64 << 30, 64 << 30))
        sys.addaudithook(_hear)
        module, _, function = main.partition(":")
        status = getattr(importlib.import_module(module), function)(arguments)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _hear(event: str, arguments: object) -> None:
    # What is written whole or not at all is written beside, into folders of ours that are removed again.
    if event in ACTS and not (event == "shutil.rmtree" and ".sfumato-tmp." in str(arguments)):
        with open(f"acts-{event}", "w") as file:
            file.write(repr(arguments))


if __name__ == "__main__":
    _serve()
