"""A process that has imported everything and forks for each run: a command starts in a moment, and can be killed.

    python -m tests.kills.server < runs

A run is a line of JSON: {"words": [...], "folder": ..., "seconds": null or when to kill, "write": null or at which
renaming of a finished file to kill, "said": the file for what it prints}. The answer is a line too: the exit status
(-9 where it was killed), the seconds, and how many files were renamed.
"""

import functools
import importlib
import json
import os
import signal
import sys
import threading
import time

SCRIPTS = {
    "hw2_1": ("digits", {"digits": (3,), "count": 2}),
    "hw2_2": ("faces", {}),
    "hw2_3": ("concepts", {"count": 2}),
}
"""What they call, and what they are told besides."""


def child(run, counted):
    """Never returns."""
    os.chdir(run["folder"])
    said = os.open(run["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    replace = os.replace

    def renamed(source, target, **more):
        os.write(counted, b".")
        counts[0] += 1
        if counts[0] == run["write"]:
            # The name is the temporary one, and half of the file is not on the disk yet.
            os.truncate(source, os.path.getsize(source) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(source, target, **more)

    counts = [0]
    os.replace = renamed
    status = 1
    try:
        status = command(run["words"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def command(words):
    """A command of ours, or one of the course's scripts, which paint fewer pictures here and one at a time."""
    name, ending, _ = words[0].partition(".sh")
    if not ending:
        from sfumato.cli import main

        return main(words)
    job, fewer = SCRIPTS[name]
    module = importlib.import_module(f"sfumato.{job}.generate")
    sampling = type(module.GenerateOptions(*[None] * 3).sampling)(steps=1)
    module.GenerateOptions = functools.partial(module.GenerateOptions, sampling=sampling, batch_size=1, **fewer)
    sys.argv = words
    return importlib.import_module(f"sfumato.course.{name}").main()


def serve(run):
    """Fork, kill if asked, wait."""
    read, write = os.pipe()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        os.close(read)
        child(run, write)
    os.close(write)
    timer = None
    if run["seconds"] is not None:
        timer = threading.Timer(run["seconds"], lambda: os.kill(process, signal.SIGKILL))
        timer.start()
    renamed = 0
    while part := os.read(read, 4096):
        renamed += len(part)
    os.close(read)
    _, ended = os.waitpid(process, 0)
    if timer is not None:
        timer.cancel()
        timer.join()
    status = -os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)
    return {"status": status, "seconds": time.monotonic() - began, "renamed": renamed}


def main():
    """Import, then serve."""
    import accelerate
    import matplotlib.figure
    import torch._dynamo
    import torch.utils.tensorboard
    import transformers.models.clip.modeling_clip
    import tyro

    import sfumato.cli

    assert all((accelerate, matplotlib.figure, transformers, tyro, sfumato.cli, torch.utils.tensorboard))
    torch.set_num_threads(1)  # threads do not come along when a process forks
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
